"""One server's turn: start it, join the calls, measure part load, look for the most it carries, stop it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from bench.contest import Bout, Trial
from bench.io.contender import Contender, Ground
from bench.io.peer import MediaPeer, PeerFailed
from bench.io.processes import cpu_seconds, usage
from bench.io.traffic import Outcome, Traffic
from bench.plans import Load
from bench.search import Search
from bench.statistics import percentile

# So many joins at a time: enough to hide round trips, too few to fill a socket's buffer with handshakes.
_JOINING = 16
# Queues of the last trial drain, and a server that was overwhelmed gets its breath back.
_PAUSE = 0.4
_SETTLE = 0.5
# Visavis caps a participant at 4000 packets/s: what is measured must not be that.
_MOST_BY_PEER = 3500.0
# A trial that just missed may have met something else that the machine did.
_TRIES = 2
# One in which the generator was late says nothing about the server, and is not one of those.
_LATE_TRIES = 3


class Interrupted(Exception):
    """The user has had enough."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a turn measures. The search begins at `start`, as a multiple of `load`."""

    calls: int
    seconds: float
    load: Load
    most_lost: float
    longest_p99: float
    start: float
    growth: float
    number: int


async def play(contender: Contender, ground: Ground, plan: Plan, stopping: Callable[[], bool]) -> Bout:
    """Return what was found. Raises `ContenderMissing`, `PeerFailed`, `NoMedia`, `TimeoutError` or `Interrupted`."""
    try:
        await contender.start(ground)
        before = usage(contender.pids())
        pairs = await _join(contender, plan.calls)
        traffic = Traffic(pairs, plan.load)
        await traffic.check_media()
        after = usage(contender.pids())
        measuring = _Measuring(contender, traffic, plan, stopping)
        part = await measuring.trial(1.0)
        most, capped = await measuring.search()
    finally:
        await contender.stop()
    setup = 1000 * (after.cpu - before.cpu) / (2 * plan.calls)
    memory = (after.rss - before.rss) / plan.calls / 1000
    return Bout(contender.name, plan.number, setup, memory, part, most, capped)


async def _join(contender: Contender, calls: int) -> list[tuple[MediaPeer, MediaPeer]]:
    allowed = asyncio.Semaphore(_JOINING)

    async def one() -> tuple[MediaPeer, MediaPeer]:
        async with allowed:
            return await contender.join()

    joining = [asyncio.ensure_future(one()) for _ in range(calls)]
    try:
        return await asyncio.gather(*joining)
    finally:
        for task in joining:
            task.cancel()
        await asyncio.gather(*joining, return_exceptions=True)


class _Measuring:
    def __init__(self, contender: Contender, traffic: Traffic, plan: Plan, stopping: Callable[[], bool]) -> None:
        self._contender = contender
        self._traffic = traffic
        self._plan = plan
        self._stopping = stopping

    async def search(self) -> tuple[Trial | None, str]:
        """Return the highest load that was carried, and why there is nothing above it if that was not the server."""
        plan = self._plan
        looking = Search(plan.start, _MOST_BY_PEER / plan.load.media_rate, growth=plan.growth)
        best: Trial | None = None
        bound = False
        while (factor := looking.next) is not None:
            trial = await self._patient_trial(factor)
            carried = trial.carried(plan.most_lost, plan.longest_p99)
            if carried and (best is None or trial.offered > best.offered):
                best = trial
            if not carried:
                bound = trial.generator_bound  # the last load that was not carried is the lowest
            looking.tell(carried)
        if looking.at_limit:
            return best, "at least: the participants' own cap came first"
        return best, "at least: the generator was late at the next load" if bound else ""

    async def _patient_trial(self, factor: float) -> Trial:
        missed = late = 0
        while missed < _TRIES and late < _LATE_TRIES:
            trial = await self.trial(factor)
            if trial.carried(self._plan.most_lost, self._plan.longest_p99):
                break
            late += trial.generator_bound
            missed += not trial.generator_bound
        return trial

    async def trial(self, factor: float) -> Trial:
        """Measure one load. Raises `Interrupted`, or `PeerFailed` when the server has ended."""
        await asyncio.sleep(min(_PAUSE, self._plan.seconds / 3))
        load = self._plan.load.faster(factor)
        seconds = self._traffic.fit(self._plan.seconds, load=load)
        settle = min(_SETTLE, seconds / 3)
        try:
            outcome = await self._traffic.run(
                seconds, settle=settle, at_edges=self._cpu, stopping=self._stopping, load=load
            )
        except (OSError, psutil.Error):
            raise PeerFailed("the server has ended") from None
        if self._stopping():
            raise Interrupted
        return _trial(outcome, load.media_rate * 2 * self._plan.calls)

    def _cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._contender.pids())


def _trial(outcome: Outcome, offered: float) -> Trial:
    measured = outcome.measured
    return Trial(
        offered=offered,
        sent=measured.sent,
        received=measured.received,
        # RTCP is not counted: servers differ in what they relay of it and in what they say themselves.
        arrived=measured.forwarded - measured.forwarded_rtcp,
        seconds=outcome.seconds,
        p50=percentile(measured.latency, 50),
        p99=percentile(measured.latency, 99),
        cpu=outcome.after - outcome.before,
        generator_cpu=outcome.generator_cpu,
        generator_bound=outcome.generator_bound,
    )
