"""The log of media facts on every database: once each, chained, never changed, and read as the meter reads."""

import asyncio
import random
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from billing.chain import verify
from billing.fact_row import FactRow
from billing.io.fact_log import FactLog
from billing.io.tables import meter_facts
from billing.meter import replay
from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import CallId, LegId, Seat
from store.io.database import Database

HOST, GUEST = Seat.PRACTITIONER, Seat.PATIENT
ONE, TWO = CallId("cal_1"), CallId("cal_2")


class Worker:
    """Numbers its facts over all its calls, as a worker does."""

    def __init__(self, at: datetime, boot: str = "boot") -> None:
        self.at, self.boot = at, boot
        self.facts: list[MediaFact] = []
        self.ms = 5000

    def stamp(self) -> Stamp:
        self.ms += 1000
        return Stamp(self.boot, len(self.facts) + 1, self.ms, self.at + timedelta(milliseconds=self.ms))

    def talk(self, call: CallId, signs: int) -> None:
        for seat in Seat:
            self.facts.append(LegConnected(call, LegId(f"leg_{call}_{seat}"), seat, self.stamp()))
        for _ in range(signs):
            stamp = self.stamp()
            self.facts.append(BothAlive(call, stamp.monotonic_ms - 20, stamp))

    def hang_up(self, call: CallId) -> None:
        for seat in Seat:
            stamp = self.stamp()
            self.facts.append(LegLost(call, LegId(f"leg_{call}_{seat}"), seat, stamp.monotonic_ms - 10, stamp))

    def of(self, call: CallId) -> list[MediaFact]:
        return [fact for fact in self.facts if fact.call == call]


@pytest.fixture
def worker(at: datetime) -> Worker:
    worker = Worker(at)
    worker.talk(ONE, 3)
    worker.talk(TWO, 2)
    worker.facts.append(MeterPaused(ONE, worker.stamp()))
    worker.facts.append(MeterResumed(ONE, worker.stamp()))
    worker.hang_up(ONE)
    return worker


@pytest.fixture
def log(database: Database) -> FactLog:
    return FactLog(database)


async def is_sound(log: FactLog, call: CallId) -> bool:
    return verify(call, await log.rows_of(call)).intact


class TestAppending:
    async def test_facts_come_back_as_they_were_chained_in_the_order_of_their_arrival(self, log, worker):
        await log.append(worker.facts)
        for call in (ONE, TWO):
            assert await log.facts_of(call) == worker.of(call)
            verdict = verify(call, await log.rows_of(call))
            assert verdict.intact
            assert await log.head(call) == verdict.head.hex()
        assert await log.missing(ONE) == 0

    async def test_a_call_without_facts_has_neither_rows_nor_head_nor_time(self, log):
        assert (await log.rows_of(ONE), await log.head(ONE)) == ([], "")
        assert await log.reading(ONE) == replay([])
        assert await log.missing(ONE) == 0
        await log.append([])

    async def test_facts_told_again_are_recorded_once(self, log, worker):
        for part in (worker.facts[:4], worker.facts[2:7], worker.facts * 2, worker.facts[:4]):
            await log.append(part)
        assert await log.facts_of(ONE) == worker.of(ONE)
        assert await log.facts_of(TWO) == worker.of(TWO)
        assert await is_sound(log, ONE)

    async def test_facts_in_any_order_are_recorded_and_read_alike(self, log, worker):
        shuffled = worker.facts * 2
        random.Random(5).shuffle(shuffled)  # noqa: S311  # any order
        for start in range(0, len(shuffled), 3):
            await log.append(shuffled[start : start + 3])
        assert set(await log.facts_of(ONE)) == set(worker.of(ONE))
        assert await log.reading(ONE) == replay(worker.of(ONE))
        assert await is_sound(log, ONE)

    async def test_after_a_restart_the_chain_goes_on_and_nothing_is_doubled(self, database, log, worker):
        await log.append(worker.facts[:6])
        again = FactLog(database)
        await again.append(worker.facts[3:])
        assert await again.facts_of(ONE) == worker.of(ONE)
        assert await is_sound(again, ONE)
        assert await again.reading(ONE) == replay(worker.of(ONE))

    async def test_a_call_that_was_forgotten_goes_on(self, log, worker):
        await log.append(worker.facts[:6])
        log.forget(ONE)
        await log.append(worker.facts)
        assert await is_sound(log, ONE)
        assert await log.reading(ONE) == replay(worker.of(ONE))

    async def test_a_batch_that_fails_leaves_nothing_and_can_be_given_again(self, log, worker, at):
        broken = BothAlive(ONE, 1, Stamp("boot", 99, 1, at.replace(tzinfo=None)))
        with pytest.raises(Exception, match="zone"):
            await log.append([*worker.facts, broken])
        assert await log.rows_of(ONE) == []
        await log.append(worker.facts)
        assert await log.reading(ONE) == replay(worker.of(ONE))
        assert await is_sound(log, ONE)

    async def test_thousands_of_calls_in_one_batch(self, log, at):
        worker = Worker(at)
        for number in range(1200):
            worker.talk(CallId(f"cal_{number}"), 1)
        await log.append(worker.facts[:2000])
        await log.append(worker.facts)
        assert await log.facts_of(CallId("cal_1199")) == worker.of(CallId("cal_1199"))
        assert await is_sound(log, CallId("cal_600"))


class TestTwoProcesses:
    async def test_two_that_append_the_same_facts_record_each_once(self, database, worker):
        logs = [FactLog(database), FactLog(database), FactLog(database)]
        parts = [worker.facts[start : start + 2] for start in range(0, len(worker.facts), 2)]
        await asyncio.gather(*(log.append(part) for part in parts for log in logs))
        for log in logs:
            assert set(await log.facts_of(ONE)) == set(worker.of(ONE))
            assert await is_sound(log, ONE)

    async def test_two_that_append_to_one_call_in_turns_keep_one_chain(self, database, at):
        one, two = Worker(at, "one"), Worker(at, "two")
        one.talk(ONE, 6)
        two.talk(ONE, 6)
        first, second = FactLog(database), FactLog(database)
        for of_one, of_two in zip(one.facts, two.facts, strict=True):
            await asyncio.gather(first.append([of_one]), second.append([of_two]))
        assert await is_sound(first, ONE)
        assert set(await second.facts_of(ONE)) == {*one.facts, *two.facts}
        first.forget(ONE)
        assert await first.reading(ONE) == replay([*one.facts, *two.facts])


class TestReading:
    async def test_a_reading_grows_with_the_facts_and_is_the_tables(self, log, worker):
        for fact in worker.facts:
            await log.append([fact])
            assert await log.reading(ONE) == replay(await log.facts_of(ONE))

    async def test_a_reading_asked_for_in_mid_call_after_a_restart_follows_what_comes(self, database, log, worker):
        await log.append(worker.facts[:4])
        again = FactLog(database)
        assert await again.reading(ONE) == replay(worker.of(ONE)[:4])
        await again.append(worker.facts)
        assert await again.reading(ONE) == replay(worker.of(ONE))

    async def test_a_fact_of_the_worker_that_never_arrived_is_missed(self, log, worker):
        await log.append([fact for fact in worker.facts if fact.stamp.seq not in {3, 6}])
        assert await log.missing(ONE) == 2
        assert await log.missing(TWO) == 0
        await log.append(worker.facts)
        assert await log.missing(ONE) == 0


class TestNothingIsChanged:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE meter_facts SET heard_ms = 0",
            "DELETE FROM meter_facts",
            "DELETE FROM meter_facts WHERE number = 1",
        ],
    )
    async def test_the_database_refuses_to_change_or_delete_a_fact(self, database, log, worker, statement):
        await log.append(worker.facts)
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.transaction() as tx:
                await tx.execute(text(statement))
        assert await log.facts_of(ONE) == worker.of(ONE)

    @pytest.mark.parametrize("manner", ["", "OR REPLACE", "OR IGNORE"])
    async def test_no_row_is_put_in_another_ones_place(self, database, log, worker, manner):
        await log.append(worker.facts)
        (first, *_) = await log.rows_of(ONE)
        row = {name: getattr(first, name) for name in FactRow.__slots__} | {"heard_ms": 1}
        statement = insert(meter_facts).prefix_with(manner, dialect="sqlite")
        with pytest.raises(DBAPIError):
            async with database.transaction() as tx:
                await tx.execute(statement, row)
        assert await log.facts_of(ONE) == worker.of(ONE)

    async def test_a_tampered_row_is_named(self, database, log, worker):
        await log.append(worker.facts)
        change = "UPDATE meter_facts SET heard_ms = heard_ms + 60000 WHERE call = 'cal_1' AND number = 5"
        async with database.transaction() as tx:
            sqlite = tx.dialect.name == "sqlite"
            trigger = "meter_facts_no_update" if sqlite else "meter_facts_no_change ON meter_facts"
            await tx.execute(text(f"DROP TRIGGER {trigger}"))
            await tx.execute(text(change))
        assert verify(ONE, await log.rows_of(ONE)).broken_at == 5
        assert await is_sound(log, TWO)
