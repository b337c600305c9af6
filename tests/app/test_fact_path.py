"""From packets to billable milliseconds: real worker processes, whole peers, the log in a real database.

The worker's monotonic clock is this process's too (one machine), so that what is billed can be held against the truth.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.caller import Caller
from bench.io.ports import free_port
from billing.chain import verify
from billing.io.fact_log import FactLog
from billing.meter import replay
from sfu.engine import OfferReady, StaleAnswer
from sfu.io.processes import WorkerSettings
from sfu.io.workers import WorkerPool
from store.facts import BothAlive, LegConnected, LegLost, MeterPaused, MeterResumed
from store.ids import CallId, LegId, Seat
from store.io.database import Database

CALL = CallId("cal_1")
A, B = LegId("leg_a"), LegId("leg_b")


class Table:
    """A control side with its log, and the two who talk."""

    def __init__(self, settings: WorkerSettings, database: Database) -> None:
        self.settings, self.database = settings, database
        self.callers: dict[LegId, Caller] = {}
        self.pool: WorkerPool
        self.log: FactLog

    async def start(self) -> None:
        """A web process begins: it knows nothing but what is in the database."""
        self.events: list[object] = []
        self.log = FactLog(self.database)
        self.pool = WorkerPool(self.settings)
        self.pool.subscribe(self._hear)
        self.pool.subscribe_facts(self.log.append)
        await self.pool.start()

    async def _hear(self, event: object) -> None:
        self.events.append(event)
        if isinstance(event, OfferReady):
            caller = self.callers.setdefault(event.leg, Caller())
            answer = await caller.answer(event.sdp)
            with contextlib.suppress(StaleAnswer):
                await self.pool.answer(event.leg, event.negotiation, answer)

    def heard(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    async def recorded(self, kind: type) -> list:
        return [fact for fact in await self.log.facts_of(CALL) if isinstance(fact, kind)]

    async def talk(self) -> None:
        await self.pool.open_leg(CALL, A, Seat.PRACTITIONER)
        await self.pool.open_leg(CALL, B, Seat.PATIENT)
        await self.until(lambda: self.heard(BothAlive))

    async def until(self, condition) -> None:
        async with asyncio.timeout(40):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def until_recorded(self, kind: type, count: int) -> None:
        async with asyncio.timeout(40):
            while len(await self.recorded(kind)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def now_ms() -> int:
    return int(time.monotonic() * 1000)


@pytest.fixture
async def table(tmp_path: Path, database: Database) -> AsyncIterator[Table]:
    settings = WorkerSettings(tmp_path / "run", "127.0.0.1", ("127.0.0.1",), free_port(), 1)
    settings.run_dir.mkdir()
    table = Table(settings, database)
    await table.start()
    yield table
    await asyncio.gather(*(caller.close() for caller in table.callers.values()))
    await table.pool.close(stop_workers=True)


async def test_a_worker_killed_in_mid_call_is_billed_to_its_last_sign_of_life_and_never_longer(table):
    began = now_ms()
    await table.talk()
    await table.until(lambda: len(table.heard(BothAlive)) == 3)
    os.kill(table.pool._processes._running[0].pid, signal.SIGKILL)
    killed = now_ms()
    (first, second) = (fact.stamp.monotonic_ms for fact in table.heard(LegConnected)[:2])
    signs = table.heard(BothAlive)
    # The last sign of life may not have reached the disk; the one before was said 5 s earlier.
    await table.until_recorded(BothAlive, 2)
    await table.until(lambda: table.pool._workers)
    reading = await table.log.reading(CALL)
    both_since = max(first, second)
    assert began <= both_since
    assert signs[1].heard_ms - both_since <= reading.billable_ms <= killed - both_since
    assert reading.billable_ms in {sign.heard_ms - both_since for sign in signs}


async def test_a_call_outlives_the_web_process_and_its_facts_are_recorded_after_and_once(table):
    await table.talk()
    await table.pool.pause_meter(CALL)
    await table.pool.resume_meter(CALL)
    await table.pool.close(stop_workers=False)
    down = now_ms()
    before = len(table.heard(LegLost))
    heard = {leg: caller.received.audio for leg, caller in table.callers.items()}
    await table.until(lambda: all(c.received.audio > heard[leg] + 20 for leg, c in table.callers.items()))
    await table.callers[B].close()
    await table.start()
    await table.until_recorded(LegLost, 1)
    hung_up = now_ms()
    (lost,) = await table.recorded(LegLost)
    assert (before, lost.leg) == (0, B)
    assert down < lost.stamp.monotonic_ms
    assert table.heard(LegLost) == []
    facts = await table.log.facts_of(CALL)
    assert [fact.stamp.seq for fact in facts] == list(range(1, len(facts) + 1))
    paused, resumed = (fact.stamp.monotonic_ms for fact in facts if isinstance(fact, MeterPaused | MeterResumed))
    assert await table.log.missing(CALL) == 0
    await table.pool.close_call(CALL)
    await table.until_recorded(LegLost, 2)
    reading = await table.log.reading(CALL)
    both_since = max(fact.stamp.monotonic_ms for fact in facts if isinstance(fact, LegConnected))
    assert down - both_since <= reading.billable_ms + (resumed - paused) <= hung_up - both_since
    assert reading == replay(await table.log.facts_of(CALL))
    assert verify(CALL, await table.log.rows_of(CALL)).intact
