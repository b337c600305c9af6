"""Whole consultations through the public API: create, wait, admit, talk, leave; and what they would be billed."""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count

import aiohttp

from bench.bill import Bill
from bench.intervals import length
from bench.io import practice
from bench.io.consultation import Consultations, Outcome
from bench.io.context import Context
from bench.io.practice import Practice
from bench.io.talk import Talks
from bench.io.target import Metered
from bench.report import Cell, Figure, ScenarioResult, Table
from bench.schedule import Schedule
from bench.statistics import distribution, loss

_METER = "by the server's own meter, which it tells by its API"
_NO_METER = "the server does not tell what it has metered"
# Facts of the last moments are on their way: a worker writes them to disk first, and sends them in batches.
_SETTLE = 0.5
_SETTLE_TRIES = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how many calls, when, and how long."""
    parser.add_argument("--calls", type=int, default=20, metavar="N", help="how many at once")
    parser.add_argument("--ramp", type=float, default=10.0, metavar="SECONDS", help="over which they begin")
    parser.add_argument("--talk", type=float, default=20.0, metavar="SECONDS", help="how long each lasts")
    parser.add_argument(
        "--duration", type=float, default=0.0, metavar="SECONDS", help="of churn: calls that end are followed by others"
    )
    parser.add_argument(
        "--silence", type=float, default=0.0, metavar="SECONDS", help="the patient's network is dead in mid-call"
    )
    practice.add_options(parser, practitioners=20)


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Hold the calls. Raises `TargetProblem`."""
    async with await context.target() as target, Practice(target, options) as people:
        plan = Schedule(options.calls, options.ramp, options.talk, options.duration, options.silence)
        context.progress.step(f"{plan.calls} calls at once for {plan.length:g} s")
        outcomes, most = await hold(people, target.url, plan, context)
        bills, source = await _bills(people, outcomes)
        return _result(options, outcomes, most, bills, source, complete=not context.stopping.is_set())


async def hold(people: Practice, url: str, plan: Schedule, context: Context) -> tuple[list[Outcome], int]:
    """Hold calls as planned. Returns what became of them, and the most that went on at once."""
    began = time.monotonic()
    outcomes: list[Outcome] = []
    numbers = count()
    most = 0
    async with _http() as http, Talks() as talks:
        consultations = Consultations(people, url, http, talks)

        async def place(starts_at: float) -> None:
            nonlocal most
            await context.sleep(starts_at)
            while not context.stopping.is_set():
                most = max(most, consultations.under_way + 1)
                outcomes.append(await consultations.hold(next(numbers), plan, context.stopping))
                passed = time.monotonic() - began
                context.progress.at(passed / plan.length, f"{len(outcomes)} calls done")
                if not plan.goes_on(passed):
                    return

        await asyncio.gather(*(place(starts_at) for starts_at in plan.starts()))
    return outcomes, most


def _http() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())


async def _bills(people: Practice, outcomes: Sequence[Outcome]) -> tuple[list[Bill], str]:
    """Return a bill for each call that went well, and where it comes from, or why there are none."""
    bills = []
    for outcome in outcomes:
        if outcome.failure:
            continue
        metered = await _settled(people, outcome.consultation)
        if metered is None:
            return [], _NO_METER
        bills.append(Bill(metered.seconds, length(outcome.talked)))
    return bills, _METER


async def _settled(people: Practice, consultation: str) -> Metered | None:
    """Return what was metered once the last facts, which are on their way, say that the call is over."""
    metered = await people.metered(consultation)
    for _ in range(_SETTLE_TRIES):
        if metered is None or not metered.running:
            break
        await asyncio.sleep(_SETTLE)
        metered = await people.metered(consultation)
    return metered


def _result(
    options: argparse.Namespace,
    outcomes: Sequence[Outcome],
    most: int,
    bills: Sequence[Bill],
    source: str,
    *,
    complete: bool,
) -> ScenarioResult:
    failures = Counter(outcome.failure for outcome in outcomes if outcome.failure)
    well = [outcome for outcome in outcomes if not outcome.failure]
    sent, received = sum(outcome.sent for outcome in well), sum(outcome.received for outcome in well)
    errors = [bill.error for bill in bills]
    summary = [
        Figure(name="calls that went well", value=len(well), unit=f"of {len(outcomes)}", kept=not failures, bar="all"),
        Figure(name="most at once", value=most),
        *_times(outcomes),
        Figure(name="packets lost", value=100 * loss(sent, received) if sent else None, unit="%"),
        Figure(name="talked", value=sum(length(outcome.talked) for outcome in well), unit="s"),
        Figure(name="billing error, all calls", value=sum(errors) if errors else None, unit="s", note=source),
        Figure(name="most overcharged call", value=max(0.0, *errors) if errors else None, unit="s"),
        Figure(
            name="most undercharged call", value=max(0.0, *(-error for error in errors)) if errors else None, unit="s"
        ),
    ]
    reasons: list[list[Cell]] = [[reason, count] for reason, count in failures.most_common()]
    return ScenarioResult(
        scenario="calls",
        options={name: getattr(options, name) for name in ("calls", "ramp", "talk", "duration", "silence")},
        summary=summary,
        tables=[Table(title="Failed calls", columns=["reason", "calls"], rows=reasons)] if reasons else [],
        notes=["A billing error is metered minus truly talked seconds: positive is to the patient's disadvantage."],
        complete=complete,
    )


def _times(outcomes: Sequence[Outcome]) -> list[Figure]:
    figures = []
    for name, values in (
        ("planned by the API", [outcome.planned for outcome in outcomes]),
        ("practitioner enters → offer", [outcome.joined for outcome in outcomes]),
        ("patient knocks → waiting", [outcome.waiting for outcome in outcomes]),
        ("admit → first packet at both", [outcome.first_packet for outcome in outcomes]),
    ):
        times = distribution([1000 * value for value in values if value is not None])
        for share, value in (("p50", times.p50), ("p99", times.p99)):
            figures.append(Figure(name=f"{name}, {share}", value=value if times.count else None, unit="ms"))
    return figures
