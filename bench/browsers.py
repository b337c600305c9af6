"""Pairs of real Chromium pages through the whole product: time to the first frame, frames rendered, glass to glass."""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.io import pages, practice
from bench.io.context import Context
from bench.io.pages import Person, Seen
from bench.io.practice import Practice
from bench.io.processes import Pinning
from bench.report import Figure, ScenarioResult, Table
from bench.statistics import distribution

_SETTLE = 2.0
_NOTES = (
    (
        "Glass to glass: from the drawing of a picture in one page to its planned display in the other, by one"
        " clock; encoding, network, jitter buffer and decoding lie in between, a camera and a screen do not."
    ),
    (
        "All pages share this machine with the server: with too few cores it is their encoders that are slow, not"
        " the server."
    ),
)


@dataclass(frozen=True, slots=True)
class Side:
    """What one page rendered. Times in ms."""

    role: str
    first_frame: float | None
    rate: float
    seen: Seen


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how many pairs, how large their pictures are, and how long they look."""
    parser.add_argument("--pairs", type=int, default=1, metavar="K", help="pairs at once; each takes a core or more")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="N", help="how long each pair looks")
    parser.add_argument("--size", default="640x360", metavar="WxH", help="size of the pictures")
    parser.add_argument("--rate", type=int, default=30, metavar="N", help="pictures a second")
    practice.add_options(parser, practitioners=4)


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Let pairs look at each other. Raises `TargetProblem`. Skipped without Playwright or Chromium."""
    names = ("pairs", "seconds", "size", "rate")
    given = {name: getattr(options, name) for name in names}
    if reason := pages.why_not():
        return ScenarioResult(scenario="browsers", options=given, summary=[], skipped=reason)
    # Encoders and decoders need every core there is.
    context.pinning = Pinning.off()
    async with (
        await context.target() as target,
        Practice(target, options) as people,
        pages.browser() as browser,
    ):
        context.progress.step(f"{options.pairs} pairs of pages")
        width, height = (int(part) for part in options.size.split("x"))

        async def one(index: int) -> list[Side]:
            appointment = await people.plan(index)
            host, guest = [await Person.arrive(browser, width, height, options.rate) for _ in range(2)]
            try:
                await host.enter(target.url, appointment.planned.id, await people.cookie(appointment))
                await guest.knock(appointment.planned.patient_url)
                await host.admit()
                return await _look(host, guest, options.seconds, context)
            finally:
                await asyncio.gather(host.close(), guest.close())

        found = await asyncio.gather(*(one(index) for index in range(options.pairs)), return_exceptions=True)
    sides = [side for pair in found if not isinstance(pair, BaseException) for side in pair]
    failed = [type(pair).__name__ for pair in found if isinstance(pair, BaseException)]
    return ScenarioResult(
        scenario="browsers",
        options=given,
        summary=_summary(options.pairs, sides, failed),
        tables=[_table(sides)],
        notes=[*_NOTES],
        complete=not context.stopping.is_set(),
    )


async def _look(host: Person, guest: Person, seconds: float, context: Context) -> list[Side]:
    await asyncio.gather(host.sees(), guest.sees())
    admitted_at = (await host.seen()).admitted_at
    await context.sleep(_SETTLE)
    await asyncio.gather(host.forget_delays(), guest.forget_delays())
    began = time.monotonic()
    await context.sleep(seconds)
    seen = await asyncio.gather(host.seen(), guest.seen())
    passed = time.monotonic() - began
    return [
        Side(role, _between(admitted_at, page.first_frame_at), page.frames / passed, page)
        for role, page in zip(("practitioner", "patient"), seen, strict=True)
    ]


def _between(start: float | None, end: float | None) -> float | None:
    return end - start if start is not None and end is not None else None


def _summary(pairs: int, sides: Sequence[Side], failed: Sequence[str]) -> list[Figure]:
    first = distribution([side.first_frame for side in sides if side.first_frame is not None])
    delays = distribution([delay for side in sides for delay in side.seen.delays])
    rates = distribution([side.rate for side in sides])
    frames = sum(side.seen.frames for side in sides)
    unreadable = 100 * sum(side.seen.unreadable for side in sides) / frames if frames else None
    return [
        Figure(name="pairs that saw each other", value=pairs - len(failed), unit=f"of {pairs}", note=", ".join(failed)),
        Figure(name="admit → first frame, p50", value=first.p50, unit="ms"),
        Figure(name="admit → first frame, slowest", value=first.maximum, unit="ms"),
        Figure(name="frames rendered, each page", value=rates.mean, unit="per s"),
        Figure(name="glass to glass, p50", value=delays.p50, unit="ms"),
        Figure(name="glass to glass, p99", value=delays.p99, unit="ms"),
        Figure(name="frames whose clock could not be read", value=unreadable, unit="%"),
    ]


def _table(sides: Sequence[Side]) -> Table:
    rows = []
    for side in sides:
        delays = distribution(side.seen.delays)
        rows.append([side.role, side.first_frame, side.rate, delays.p50, delays.p90, delays.p99])
    columns = ["page of", "admit → first frame, ms", "frames per s", "glass to glass p50, ms", "p90, ms", "p99, ms"]
    return Table(title="Page by page", columns=columns, rows=rows)
