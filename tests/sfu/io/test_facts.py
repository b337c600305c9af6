"""Facts from worker processes to those who record them: all of them, until they are recorded, and no event twice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bench.io.ports import free_port
from sfu.control import BothHeard
from sfu.engine import LegClosed
from sfu.io.processes import WorkerSettings
from sfu.io.segment import framed
from sfu.io.workers import WorkerPool
from store.facts import LegLost, MediaFact, MeterPaused, MeterResumed
from store.ids import CallId, LegId, Seat

CALL, OTHER = CallId("cal_1"), CallId("cal_2")


class Recorder:
    """A database that may be away: it raises as often as `failures` says."""

    def __init__(self) -> None:
        self.failures = 0
        self.batches: list[list[MediaFact]] = []

    async def record(self, facts: Sequence[MediaFact]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("away")
        self.batches.append(list(facts))

    @property
    def facts(self) -> list[MediaFact]:
        return [fact for batch in self.batches for fact in batch]

    def of(self, call: CallId) -> list[MediaFact]:
        return [fact for fact in self.facts if fact.call == call]


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def spooled(settings: WorkerSettings) -> int:
    """Return how many bytes of facts are on the disk."""
    return sum(path.stat().st_size for path in (settings.run_dir / "facts").glob("*.log"))


async def end_a_call(pool: WorkerPool, call: CallId) -> None:
    """A leg that opens and closes is the shortest story a worker can tell: one fact."""
    await pool.open_leg(call, LegId(f"leg_{call}"), Seat.PATIENT)
    await pool.close_leg(LegId(f"leg_{call}"))


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    return WorkerSettings(tmp_path, "127.0.0.1", ("127.0.0.1",), free_port(), 1)


@pytest.fixture
async def pools(settings: WorkerSettings) -> AsyncIterator[list[WorkerPool]]:
    """Control sides, one after the other; the last one stops the worker."""
    pools = [WorkerPool(settings)]
    await pools[0].start()
    yield pools
    await pools[-1].close(stop_workers=True)


async def test_every_fact_reaches_who_records_and_is_then_forgotten(pools, settings):
    recorder = Recorder()
    pools[0].subscribe_facts(recorder.record)
    await end_a_call(pools[0], CALL)
    await end_a_call(pools[0], OTHER)
    await until(lambda: len(recorder.facts) == 2)
    # A batch follows only when the one before is acknowledged.
    await end_a_call(pools[0], CallId("cal_3"))
    await until(lambda: len(recorder.facts) == 3)
    assert [fact.stamp.seq for fact in recorder.facts] == [1, 2, 3]
    await pools[0].close(stop_workers=False)
    again = Recorder()
    pools.append(WorkerPool(settings))
    pools[1].subscribe_facts(again.record)
    await pools[1].start()
    await end_a_call(pools[1], CallId("cal_4"))
    await until(lambda: again.of(CallId("cal_4")))
    assert not again.of(CALL)
    assert not again.of(OTHER)


async def test_facts_come_again_until_they_are_recorded(pools):
    recorder = Recorder()
    recorder.failures = 3
    pools[0].subscribe_facts(recorder.record)
    await end_a_call(pools[0], CALL)
    await until(lambda: recorder.facts)
    await end_a_call(pools[0], OTHER)
    await until(lambda: len(recorder.facts) == 2)
    assert [fact.stamp.seq for fact in recorder.facts] == [1, 2]


async def test_what_happens_while_nobody_is_there_is_told_to_who_records_and_to_nobody_else(pools, settings):
    await pools[0].open_leg(CALL, LegId("leg_1"), Seat.PATIENT)
    await pools[0].close_leg(LegId("leg_1"))
    events: list[object] = []

    async def hear(event: object) -> None:
        events.append(event)

    await pools[0].close(stop_workers=False)
    recorder = Recorder()
    pools.append(pool := WorkerPool(settings))
    pool.subscribe(hear)
    pool.subscribe_facts(recorder.record)
    await pool.start()
    await until(lambda: recorder.facts)
    await end_a_call(pool, OTHER)
    await until(lambda: len(recorder.facts) == 2)
    assert [fact.call for fact in recorder.facts] == [CALL, OTHER]
    assert {event.call for event in events if isinstance(event, LegLost | LegClosed)} == {OTHER}


async def test_a_killed_workers_facts_are_offered_by_the_next_one(pools, settings):
    await end_a_call(pools[0], CALL)
    await until(lambda: spooled(settings) > 0)
    first = (await pools[0].statistics())[0].boot
    # What it was writing when it died.
    (path,) = (settings.run_dir / "facts").glob("*.log")
    whole = framed(BothHeard(CALL, 2, 1, 1.0, 1))
    os.kill(pools[0]._processes._running[0].pid, signal.SIGKILL)
    with path.open("ab") as file:
        file.write(whole[:-3])
    recorder = Recorder()
    pools[0].subscribe_facts(recorder.record)
    await until(lambda: recorder.facts)
    await until(lambda: pools[0]._workers)
    await end_a_call(pools[0], OTHER)
    await until(lambda: recorder.of(OTHER))
    assert [(type(fact), fact.stamp.boot, fact.stamp.seq) for fact in recorder.of(CALL)] == [(LegLost, first, 1)]
    assert recorder.of(OTHER)[0].stamp.boot != first
    await until(lambda: not path.exists())


async def test_of_two_control_sides_the_newest_gets_the_facts(pools, settings):
    old, new = Recorder(), Recorder()
    pools[0].subscribe_facts(old.record)
    await end_a_call(pools[0], CALL)
    await until(lambda: old.facts)
    pools.append(WorkerPool(settings, own=False))
    pools[1].subscribe_facts(new.record)
    await pools[1].start()
    await end_a_call(pools[1], OTHER)
    await until(lambda: new.of(OTHER))
    assert old.of(OTHER) == []
    await pools[0].close(stop_workers=False)


async def test_a_meter_is_stopped_and_goes_on_by_a_fact(pools):
    recorder = Recorder()
    pools[0].subscribe_facts(recorder.record)
    await pools[0].open_leg(CALL, LegId("leg_1"), Seat.PATIENT)
    await pools[0].pause_meter(CALL)
    await pools[0].resume_meter(CALL)
    await pools[0].pause_meter(OTHER)
    await pools[0].close_call(CALL)
    await until(lambda: len(recorder.facts) == 3)
    assert [type(fact) for fact in recorder.facts] == [MeterPaused, MeterResumed, LegLost]
    assert {fact.call for fact in recorder.facts} == {CALL}


async def test_a_stopped_meter_is_stopped_on_the_worker_that_the_call_moves_to(pools):
    recorder = Recorder()
    pools[0].subscribe_facts(recorder.record)
    await pools[0].open_leg(CALL, LegId("leg_1"), Seat.PATIENT)
    await pools[0].pause_meter(CALL)
    await until(lambda: recorder.facts)
    os.kill(pools[0]._processes._running[0].pid, signal.SIGKILL)
    await until(lambda: not pools[0].open_legs())
    await until(lambda: pools[0]._workers)
    await pools[0].open_leg(CALL, LegId("leg_2"), Seat.PATIENT)
    await pools[0].open_leg(OTHER, LegId("leg_3"), Seat.PATIENT)
    await pools[0].close_call(OTHER)
    await until(lambda: recorder.of(OTHER))
    assert {type(fact) for fact in recorder.of(CALL)} == {MeterPaused}
    assert len({fact.stamp.boot for fact in recorder.of(CALL)}) == 2
