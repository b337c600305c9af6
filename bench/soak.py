"""Calls that come and go for as long as you like, and whether memory, descriptors, threads or legs grow with them."""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench import calls
from bench.io import practice
from bench.io.consultation import Outcome
from bench.io.context import Context
from bench.io.practice import Practice
from bench.io.processes import usage
from bench.io.target import Target, TargetProblem
from bench.report import Cell, Chart, Figure, ScenarioResult, Series, Table
from bench.schedule import Schedule
from bench.trend import trend

_SAMPLES = 200
_SHORTEST = 1.0
_MB = 1e6
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at one moment, seconds after the start; figures by name."""

    at: float
    figures: dict[str, float]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how long, and how many calls go on meanwhile."""
    parser.add_argument("--duration", type=float, default=600.0, metavar="SECONDS", help="how long")
    parser.add_argument("--calls", type=int, default=20, metavar="N", help="how many at once")
    parser.add_argument("--talk", type=float, default=10.0, metavar="SECONDS", help="how long each lasts")
    practice.add_options(parser, practitioners=20)


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Let calls come and go, and watch. Raises `TargetProblem`."""
    async with await context.target() as target, Practice(target, options) as people:
        if not target.local and not await target.metrics():
            raise TargetProblem(f"Nothing can be watched: {target.url}/metrics is not shown to us.")
        # All places are taken after one round, so what grows later does not grow with the load.
        plan = Schedule(options.calls, options.talk, options.talk, options.duration)
        context.progress.step(f"{plan.calls} calls at once for {plan.length:g} s")
        samples: list[Sample] = []
        watching = asyncio.create_task(_watch(target, samples, max(_SHORTEST, options.duration / _SAMPLES)))
        try:
            outcomes, _ = await calls.hold(people, target.url, plan, context)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    return _result(options, outcomes, samples, complete=not context.stopping.is_set())


async def _watch(target: Target, samples: list[Sample], every: float) -> None:
    began = time.monotonic()
    while True:
        samples.append(Sample(time.monotonic() - began, await _look(target)))
        await asyncio.sleep(every)


async def _look(target: Target) -> dict[str, float]:
    figures: dict[str, float] = {}
    web = target.web_pid()
    for name, pids in (("web", [web] if web is not None else []), ("workers", target.worker_pids())):
        if pids:
            used = usage(pids)
            figures |= {
                f"{name}: memory, MB": used.rss / _MB,
                f"{name}: descriptors": used.descriptors,
                f"{name}: threads": used.threads,
            }
    metrics = await target.metrics()
    return figures | {
        f"{name}": metrics[key]
        for name, key in (("legs", "visavis_legs"), ("calls", "visavis_calls"))
        if key in metrics
    }


def steady(samples: Sequence[Sample], talk: float, duration: float) -> list[Sample]:
    """Return the samples of the time in which the number of calls stays.

    That is after two rounds and a quarter of the time, in which caches fill, and before the last calls end.
    """
    begins = max(2 * talk, duration / 4)
    return [sample for sample in samples if begins <= sample.at <= duration - talk]


def _result(
    options: argparse.Namespace, outcomes: Sequence[Outcome], samples: Sequence[Sample], *, complete: bool
) -> ScenarioResult:
    during = steady(samples, options.talk, options.duration)
    names = sorted({name for sample in samples for name in sample.figures})
    seconds = during[-1].at - during[0].at if during else 0.0
    # Calls last longer than their talk: what really went on is counted.
    per_hour = len(outcomes) / samples[-1].at * _HOUR if samples and outcomes else float("nan")
    rows: list[list[Cell]] = []
    growing = []
    for name in names:
        ys = [sample.figures.get(name, float("nan")) for sample in during]
        rate = trend([sample.at / _HOUR for sample in during], ys)
        known = rate.slope == rate.slope
        if known and rate.grows:
            growing.append(name)
        values: list[Cell] = [rate.slope, rate.error, 1000 * rate.slope / per_hour] if known else [None, None, None]
        rows.append([name, ys[0] if ys else None, ys[-1] if ys else None, *values])
    failures = Counter(outcome.failure for outcome in outcomes if outcome.failure)
    reasons: list[list[Cell]] = [[reason, number] for reason, number in failures.most_common()]
    return ScenarioResult(
        scenario="soak",
        options={name: getattr(options, name) for name in ("duration", "calls", "talk")},
        summary=[
            Figure(name="calls that went well", value=len(outcomes) - failures.total(), unit=f"of {len(outcomes)}"),
            Figure(name="steady for", value=seconds, unit="s", note=f"{len(during)} samples"),
            Figure(name="figures that grow beyond three standard errors", value=len(growing), note=", ".join(growing)),
        ],
        tables=[
            Table(
                title="Slopes while the number of calls stayed the same",
                columns=["figure", "at first", "at last", "per hour", "± standard error", "per 1000 calls"],
                rows=rows,
                note="A short run shows warming up as growth: caches fill, and the allocator keeps memory.",
            ),
            *([Table(title="Failed calls", columns=["reason", "calls"], rows=reasons)] if reasons else []),
        ],
        charts=[
            Chart(
                title=name,
                x="seconds",
                y=name,
                series=[Series(name, [(s.at, s.figures[name]) for s in samples if name in s.figures])],
            )
            for name in names
        ],
        complete=complete,
    )


def _chart(name: str, samples: Sequence[Sample]) -> Chart:
    points = [(sample.at, sample.figures[name]) for sample in samples if name in sample.figures]
    return Chart(title=name, x="seconds", y=name, series=[Series(name, points)])
