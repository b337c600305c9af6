"""Whole consultations through the public API: create, wait, admit, talk, leave; and what they would be billed."""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import count

import aiohttp

from bench.intervals import length
from bench.io import practice
from bench.io.consultation import Consultations, Outcome
from bench.io.context import Context
from bench.io.facts import Facts, FactsUnreadable, Listener, calls_of, stored
from bench.io.practice import Practice, data_folder
from bench.io.talk import Talks
from bench.io.target import Target
from bench.metering import Bill, metered_seconds
from bench.report import Cell, Figure, ScenarioResult, Table
from bench.schedule import Schedule
from bench.statistics import distribution, loss

_REMOTE = "the facts of a server that was not started here cannot be read"
# Facts of the last moments are on their way.
_SETTLE = 0.5


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
        async with AsyncExitStack() as stack:
            listener, deaf = await _listener(stack, target)
            outcomes, most = await hold(people, target.url, plan, context)
            await asyncio.sleep(_SETTLE)
            bills, source = _bills(target, listener, outcomes) if listener is not None else ([], deaf)
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


async def _listener(stack: AsyncExitStack, target: Target) -> tuple[Listener | None, str]:
    if (data := data_folder(target)) is None:
        return None, _REMOTE
    try:
        return await stack.enter_async_context(Listener(data / "run")), ""
    except FactsUnreadable as error:
        return None, str(error)


def _bills(target: Target, listener: Listener, outcomes: Sequence[Outcome]) -> tuple[list[Bill], str]:
    """Return a bill for each call that went well, and where the facts came from, or why there are none."""
    if (data := data_folder(target)) is None:
        return [], _REMOTE
    database = data / "visavis.sqlite3"
    try:
        kept = stored(database)
        facts: Facts = kept or listener.facts
        calls = calls_of(database)
    except FactsUnreadable as error:
        return [], str(error)
    bills = [
        Bill(
            sum(metered_seconds(facts.get(call, ())) for call in calls.get(outcome.consultation, ())),
            length(outcome.talked),
        )
        for outcome in outcomes
        if not outcome.failure
    ]
    return bills, "facts kept in the database" if kept else "facts heard from the workers: the database keeps none yet"


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
