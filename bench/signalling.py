"""Messages on the WebSocket: how many a second over how many sessions, and how long each takes to be acknowledged."""

import argparse
import asyncio
import time
from dataclasses import dataclass

from bench.io import practice
from bench.io.context import Context
from bench.io.crowd import Crowd, allow_sockets
from bench.io.line import Body, Line, LineLost
from bench.io.practice import Practice
from bench.io.processes import usage
from bench.io.target import Target
from bench.report import Chart, Figure, ScenarioResult, Series, Table
from bench.statistics import distribution

# The server cuts off who says more than 20 a second for longer than a burst of 60 lasts (docs/protocol.md).
LIMIT = 20.0
_DEVICES: tuple[Body, ...] = (
    {"type": "devices", "devices": {"camera": "ok", "microphone": "ok"}},
    {"type": "devices", "devices": {"camera": "off", "microphone": "ok"}},
)
_WORDS: dict[str, tuple[Body, ...]] = {"alive": ({"type": "alive"},), "devices": _DEVICES}
_WARM_UP = 1.0
# Tasks that wake up more often than this measure the generator's timers instead of the server.
_TICK = 0.01


@dataclass(frozen=True, slots=True)
class Step:
    """What a number of sessions made of it. Rates in messages per second, times in ms, CPU in µs per message."""

    sessions: int
    offered: float
    acknowledged: float
    p50: float
    p99: float
    cpu: float | None
    lost: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how many sessions, how fast, and what they say."""
    parser.add_argument("--sessions", default="10,50,100,200", metavar="N,…", help="how many sessions, step by step")
    parser.add_argument(
        "--rate",
        type=float,
        default=15.0,
        metavar="N",
        help=f"messages a second of each (the server's limit: {LIMIT:g})",
    )
    parser.add_argument("--seconds", type=float, default=8.0, metavar="N", help="how long each step lasts")
    parser.add_argument(
        "--say", choices=sorted(_WORDS), default="alive", help="alive: nothing but the protocol; devices: with a write"
    )
    parser.add_argument("--no-compression", action="store_true", help="offer no compression, which browsers do")
    practice.add_options(parser, practitioners=20)


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Let sessions talk. Raises `TargetProblem`."""
    counts = sorted({int(count) for count in str(options.sessions).split(",")})
    allow_sockets(counts[-1])
    steps: list[Step] = []
    async with (
        await context.target() as target,
        Practice(target, options) as people,
        Crowd(target.url, compress=not options.no_compression, alive=False) as crowd,
    ):
        # Five wait on one invitation at the most.
        invitations = [(await people.plan(index)).planned.invitation for index in range(-(-counts[-1] // 5))]
        for count in counts:
            context.progress.step(f"{count} sessions at {options.rate:g} messages a second")
            while len(crowd.lines) < count and not context.stopping.is_set():
                index = len(crowd.lines)
                await crowd.knock(invitations[index % len(invitations)], f"Patient {index}")
            if context.stopping.is_set():
                break
            steps.append(await _talk(target, crowd, options, context))
            context.keep(_result(options, steps, complete=False))
    return _result(options, steps, complete=not context.stopping.is_set())


async def _talk(target: Target, crowd: Crowd, options: argparse.Namespace, context: Context) -> Step:
    words = _WORDS[options.say]
    talking = [asyncio.create_task(_say(line, words, options.rate, offset)) for line, offset in _spread(crowd, options)]
    try:
        await context.sleep(_WARM_UP)
        crowd.round_trips()
        sent_before, cpu_before, began = sum(line.sent for line in crowd.lines), _cpu(target), time.monotonic()
        while (passed := time.monotonic() - began) < options.seconds and await context.sleep(min(0.5, options.seconds)):
            context.progress.at(passed / options.seconds)
        trips, seconds = crowd.round_trips(), time.monotonic() - began
        sent, cpu = sum(line.sent for line in crowd.lines) - sent_before, _cpu(target)
    finally:
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
    times = distribution([1000 * trip for trip in trips])
    return Step(
        sessions=len(crowd.lines),
        offered=sent / seconds,
        acknowledged=len(trips) / seconds,
        p50=times.p50,
        p99=times.p99,
        cpu=1e6 * (cpu - cpu_before) / len(trips) if cpu is not None and cpu_before is not None and trips else None,
        lost=len(crowd.lines) - crowd.present,
    )


def _spread(crowd: Crowd, options: argparse.Namespace) -> list[tuple[Line, float]]:
    """Return each line with its offset in the period, so that they do not all speak at once."""
    return [(line, index / len(crowd.lines) / options.rate) for index, line in enumerate(crowd.lines)]


async def _say(line: Line, words: tuple[Body, ...], rate: float, offset: float) -> None:
    """Speak at a steady rate, whatever is acknowledged: who waits for answers measures a server that is never late."""
    due = time.monotonic() + offset
    turn = 0
    try:
        while not line.closed:
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(max(wait, _TICK))
            await line.send(words[turn % len(words)])
            turn += 1
            due = max(due + 1 / rate, time.monotonic() - 1.0)
    except LineLost:
        return


def _cpu(target: Target) -> float | None:
    pid = target.web_pid()
    return usage([pid]).cpu if pid is not None else None


def _result(options: argparse.Namespace, steps: list[Step], *, complete: bool) -> ScenarioResult:
    best = max(steps, key=lambda step: step.acknowledged, default=None)
    summary = [
        Figure(name="most messages acknowledged", value=best.acknowledged if best else None, unit="per s"),
        Figure(name="round trip then, p50", value=best.p50 if best else None, unit="ms"),
        Figure(name="round trip then, p99", value=best.p99 if best else None, unit="ms"),
        Figure(name="CPU of the web process then", value=best.cpu if best else None, unit="µs per message"),
        Figure(name="sessions lost", value=max((step.lost for step in steps), default=0)),
    ]
    table = Table(
        title="Step by step",
        columns=["sessions", "offered per s", "acknowledged per s", "p50 ms", "p99 ms", "CPU µs per message", "lost"],
        rows=[[s.sessions, s.offered, s.acknowledged, s.p50, s.p99, s.cpu, s.lost] for s in steps],
    )
    chart = Chart(
        title="Round trip",
        x="messages acknowledged per second",
        y="ms",
        series=[
            Series("p50", [(step.acknowledged, step.p50) for step in steps]),
            Series("p99", [(step.acknowledged, step.p99) for step in steps]),
        ],
    )
    notes = [f"The server takes {LIMIT:g} messages a second from one session, 60 at once; each said {options.rate:g}."]
    if options.rate > LIMIT:
        notes.append("That is more than it takes: sessions were cut off for it, unless its limit was raised.")
    return ScenarioResult(
        scenario="signalling",
        options={name: getattr(options, name) for name in ("sessions", "rate", "seconds", "say", "no_compression")},
        summary=summary,
        tables=[table],
        charts=[chart],
        notes=notes,
        complete=complete,
    )
