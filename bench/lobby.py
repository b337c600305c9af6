"""Thousands of waiting patients on one web process: how fast they get in, and what each one costs."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from bench.io import practice
from bench.io.context import Context
from bench.io.crowd import Crowd, allow_sockets
from bench.io.line import Body, Line, LineLost
from bench.io.practice import Appointment, Practice
from bench.io.processes import Usage, usage
from bench.io.target import Target, TargetProblem
from bench.report import Cell, Chart, Figure, ScenarioResult, Series, Table
from bench.statistics import distribution

BAR_WAITING, BAR_KB = 10_000, 20
_SETTLE = 3.0
_REST = 10.0
_STEPS = 20
# For one patient to appear on a desk.
_PATIENCE = 30.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how many wait, for whom, and how they come."""
    parser.add_argument("--waiting", type=int, default=10_000, metavar="N", help="how many patients")
    parser.add_argument(
        "--per-consultation", type=int, default=1, metavar="N", help="patients that share one invitation"
    )
    parser.add_argument("--desks", type=int, default=100, metavar="N", help="practitioners with their desk open")
    parser.add_argument("--at-once", type=int, default=16, metavar="N", help="patients on their way in at a time")
    parser.add_argument(
        "--list", type=int, default=100, metavar="N", help="patients of one practitioner, looked at alone"
    )
    parser.add_argument("--no-compression", action="store_true", help="offer no compression, which browsers do")
    practice.add_options(parser, practitioners=1000)


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Fill the waiting rooms. Raises `TargetProblem`."""
    allow_sockets(options.waiting + options.desks + options.list)
    lobby = _Lobby(options, context)
    async with await context.target() as target, Practice(target, options) as people:
        await lobby.one_list(target, people)
        await lobby.everybody(target, people)
    return lobby.result(complete=not context.stopping.is_set())


class _Lobby:
    """A run: what was measured so far."""

    def __init__(self, options: argparse.Namespace, context: Context) -> None:
        self._options = options
        self._context = context
        self._summary: list[Figure] = []
        self._curve: list[tuple[int, float, float, float]] = []
        self._failures: dict[str, int] = {}

    def result(self, *, complete: bool) -> ScenarioResult:
        """Return what there is."""
        curve = [Series("p50", [(n, p50) for n, p50, _, _ in self._curve])]
        curve.append(Series("p99", [(n, p99) for n, _, p99, _ in self._curve]))
        memory = Series("KB", [(n, kb) for n, _, _, kb in self._curve if kb == kb])  # noqa: PLR0124 — NaN
        reasons: list[list[Cell]] = [[reason, count] for reason, count in sorted(self._failures.items())]
        names = ("waiting", "per_consultation", "practitioners", "desks", "at_once", "list", "no_compression")
        return ScenarioResult(
            scenario="lobby",
            options={name: getattr(self._options, name) for name in names},
            summary=self._summary,
            tables=[Table(title="Who did not get in", columns=["reason", "patients"], rows=reasons)] if reasons else [],
            charts=[
                Chart(title="Knock → waiting", x="patients who wait", y="ms", series=curve),
                *(
                    [Chart(title="Memory per session", x="patients who wait", y="KB", series=[memory])]
                    if memory.points
                    else []
                ),
            ],
            complete=complete,
        )

    # -- one practitioner ------------------------------------------------------------------------------------

    async def one_list(self, target: Target, people: Practice) -> None:
        """Let one practitioner's desk watch while patients come one after the other: each sends the list again."""
        count = self._options.list
        if count == 0:
            return
        self._context.progress.step(f"one practitioner with {count} waiting")
        async with Crowd(target.url, compress=not self._options.no_compression) as crowd:
            shared = self._options.per_consultation
            appointments = [await people.plan(0) for _ in range(-(-count // shared))]
            shown = asyncio.Event()
            newest: Body = {}

            def heard(body: Body, _: float) -> None:
                if body["type"] == "lobby":
                    newest.update(body)
                    shown.set()

            desk = await _or_problem(crowd.open({"type": "attend"}, heard, cookie=await people.cookie(appointments[0])))
            before, bytes_before = _web_usage(target), desk.bytes_in
            times = []
            for index in range(count):
                if self._context.stopping.is_set():
                    return
                began = time.monotonic()
                await crowd.knock(appointments[index // shared].planned.invitation, f"Patient {index}")
                if failures := crowd.arrivals.failures:
                    raise TargetProblem(
                        f"Patient {index + 1} of one practitioner does not wait ({', '.join(failures)})."
                    )
                while len(newest.get("entries", ())) <= index:
                    shown.clear()
                    await _shown(shown)
                times.append(1000 * (time.monotonic() - began))
                self._context.progress.at((index + 1) / count)
            spent = _web_usage(target)
            last = distribution(times[-max(1, count // 5) :])
            self._summary += [
                Figure(name=f"one list of {count}: knock → shown, last fifth p50", value=last.p50, unit="ms"),
                Figure(name=f"one list of {count}: knock → shown, last fifth p99", value=last.p99, unit="ms"),
                Figure(
                    name=f"one list of {count}: sent to the desk", value=(desk.bytes_in - bytes_before) / 1e6, unit="MB"
                ),
            ]
            if before is not None and spent is not None:
                cpu = 1000 * (spent.cpu - before.cpu) / count
                self._summary.append(
                    Figure(name=f"one list of {count}: CPU of the web process per knock", value=cpu, unit="ms")
                )

    # -- everybody -------------------------------------------------------------------------------------------

    async def everybody(self, target: Target, people: Practice) -> None:
        """Fill the waiting rooms, then let them wait for a while."""
        options, context = self._options, self._context
        appointments = await self._plan(people, -(-options.waiting // options.per_consultation))
        async with Crowd(target.url, compress=not options.no_compression) as crowd:
            await self._open_desks(crowd, people, appointments)
            await context.sleep(_SETTLE)
            before = _web_usage(target)
            context.progress.step(f"{options.waiting} patients knock")
            began = time.monotonic()
            await self._fill(target, crowd, appointments, before)
            seconds = time.monotonic() - began
            arrived = len(crowd.arrivals.times)
            after = _web_usage(target)
            self._failures = dict(crowd.arrivals.failures)
            self._say_arrivals(crowd, arrived / seconds, before, after)
            context.progress.step("everybody waits")
            await context.sleep(_SETTLE)
            crowd.round_trips()
            rested = _web_usage(target)
            began = time.monotonic()
            await context.sleep(_REST)
            self._say_rest(crowd, time.monotonic() - began, before, rested, _web_usage(target))

    async def _plan(self, people: Practice, count: int) -> list[Appointment]:
        self._context.progress.step(f"planning {count} consultations")
        appointments: list[Appointment] = []
        began = time.monotonic()

        async def one(index: int) -> None:
            appointments.append(await people.plan(index))
            self._context.progress.at(len(appointments) / count)

        await _few_at_once(self._options.at_once, count, one, self._context)
        rate = len(appointments) / (time.monotonic() - began)
        self._summary.append(Figure(name="consultations planned by the API", value=rate, unit="per s"))
        return appointments

    async def _open_desks(self, crowd: Crowd, people: Practice, appointments: Sequence[Appointment]) -> None:
        wanted = {appointment.practitioner: appointment for appointment in appointments}
        for appointment in list(wanted.values())[: self._options.desks]:
            cookie = await people.cookie(appointment)
            await _or_problem(crowd.open({"type": "attend"}, lambda *_: None, cookie=cookie))

    async def _fill(
        self, target: Target, crowd: Crowd, appointments: Sequence[Appointment], before: Usage | None
    ) -> None:
        options = self._options
        step = max(1, options.waiting // _STEPS)

        async def one(index: int) -> None:
            await crowd.knock(appointments[index % len(appointments)].planned.invitation, f"Patient {index}")
            done = len(crowd.arrivals.times)
            self._context.progress.at(done / options.waiting, f"{done} wait")
            if done and done % step == 0:
                times = distribution([1000 * seconds for seconds in crowd.arrivals.times[-step:]])
                now = _web_usage(target)
                kb = (now.rss - before.rss) / 1024 / done if now is not None and before is not None else float("nan")
                self._curve.append((done, times.p50, times.p99, kb))

        if appointments:
            await _few_at_once(options.at_once, options.waiting, one, self._context)

    def _say_arrivals(self, crowd: Crowd, rate: float, before: Usage | None, after: Usage | None) -> None:
        times = distribution([1000 * seconds for seconds in crowd.arrivals.times])
        enough = times.count >= BAR_WAITING if self._options.waiting >= BAR_WAITING else None
        self._summary += [
            Figure(name="patients who wait", value=times.count, bar=f"≥ {BAR_WAITING}", kept=enough),
            Figure(name="knocks", value=rate, unit="per s"),
            Figure(name="knock → waiting, p50", value=times.p50, unit="ms"),
            Figure(name="knock → waiting, p99", value=times.p99, unit="ms"),
        ]
        if before is not None and after is not None and times.count:
            cpu = 1000 * (after.cpu - before.cpu) / times.count
            self._summary.append(Figure(name="CPU of the web process per knock", value=cpu, unit="ms"))

    def _say_rest(
        self, crowd: Crowd, seconds: float, before: Usage | None, rested: Usage | None, after: Usage | None
    ) -> None:
        trips = distribution([1000 * trip for trip in crowd.round_trips()])
        self._summary += [
            Figure(name="sockets lost while waiting", value=len(crowd.lines) - crowd.present),
            Figure(name="“alive” acknowledged, p99", value=trips.p99 if trips.count else None, unit="ms"),
        ]
        if before is None or rested is None or after is None or not crowd.arrivals.times:
            self._summary.append(
                Figure(name="memory per session", value=None, unit="KB", note="not a server started here")
            )
            return
        kb = (after.rss - before.rss) / 1024 / len(crowd.arrivals.times)
        self._summary += [
            Figure(name="memory per session", value=kb, unit="KB", bar=f"≤ {BAR_KB}", kept=kb <= BAR_KB),
            Figure(
                name="CPU of the web process while all wait", value=100 * (after.cpu - rested.cpu) / seconds, unit="%"
            ),
        ]


def _web_usage(target: Target) -> Usage | None:
    pid = target.web_pid()
    return usage([pid]) if pid is not None else None


async def _few_at_once(limit: int, count: int, one: Callable[[int], Awaitable[None]], context: Context) -> None:
    """Do `one` for 0 … count - 1, `limit` at a time, until stopped."""
    indexes = iter(range(count))

    async def some() -> None:
        for index in indexes:
            if context.stopping.is_set():
                return
            await one(index)

    await asyncio.gather(*(some() for _ in range(min(limit, count))))


async def _shown(shown: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(shown.wait(), _PATIENCE)
    except TimeoutError:
        raise TargetProblem(f"The desk was told of no patient for {_PATIENCE:g} s.") from None


async def _or_problem(work: Awaitable[Line]) -> Line:
    try:
        return await work
    except LineLost as lost:
        raise TargetProblem(f"The server lets no desk in: {lost}.") from lost
