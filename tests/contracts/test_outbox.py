"""The outbox: what committed is delivered, at least once and in order; what did not is never heard of."""

import asyncio
import contextlib
from datetime import datetime, timedelta, timezone
from typing import get_args

import msgspec
import pytest
import structlog
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from store.facts import (
    CallEnded,
    CallOpened,
    ConsultationCancelled,
    Fact,
    LegConnected,
    LegLost,
    PatientAdmitted,
    Stamp,
)
from store.ids import AdmissionId, CallId, ConsultationId, LegId, PractitionerId, Seat
from store.io.bus import LocalBus
from store.io.database import Database
from store.io.outbox import Outbox
from store.io.tables import outbox as outbox_table
from tests.contracts.conftest import RecordingBus


def opened(number: int, at: datetime) -> CallOpened:
    return CallOpened(CallId(f"call{number}"), ConsultationId("con"), at)


async def undelivered(database: Database) -> int:
    async with database.reading() as tx:
        return len((await tx.execute(select(outbox_table.c.seq).where(~outbox_table.c.delivered))).all())


class TestDelivery:
    async def test_facts_arrive_in_order_after_their_commit_and_once(
        self, database: Database, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        facts = [opened(number, at) for number in range(250)]
        async with outbox.committing() as tx:
            for fact in facts:
                await outbox.add(tx, fact)
            assert bus.heard == []
        await outbox.deliver()
        assert bus.heard == facts
        await outbox.deliver()
        assert len(bus.heard) == 250
        assert await undelivered(database) == 0

    async def test_committing_delivers_without_being_asked(self, database: Database, at: datetime):
        heard = asyncio.Event()
        bus = LocalBus()

        async def hear(_: CallOpened) -> None:
            heard.set()

        bus.subscribe(CallOpened, hear)
        outbox = Outbox(database, bus)
        async with outbox.committing() as tx:
            await outbox.add(tx, opened(1, at))
        async with asyncio.timeout(20):
            await heard.wait()

    async def test_a_transaction_that_raises_is_never_heard_of(self, outbox: Outbox, bus: RecordingBus, at: datetime):
        async def fail() -> None:
            async with outbox.committing() as tx:
                await outbox.add(tx, opened(1, at))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        await outbox.deliver()
        assert bus.heard == []

    async def test_every_kind_of_fact_comes_back_equal(self, outbox: Outbox, bus: RecordingBus, at: datetime):
        stamp = Stamp("boot", 7, 123_456, at)
        paris = at.astimezone(timezone(timedelta(hours=1)))
        facts: list[Fact] = [
            PatientAdmitted(ConsultationId("con"), AdmissionId("adm"), PractitionerId("pra"), paris),
            LegConnected(CallId("cal"), LegId("leg"), Seat.PATIENT, stamp),
            LegLost(CallId("cal"), LegId("leg"), Seat.PRACTITIONER, 99, stamp),
            CallEnded(CallId("cal"), ConsultationId("con"), "hung_up", at),
        ]
        for kind in get_args(Fact):
            fields = {"at": at, "stamp": stamp, "seat": Seat.PATIENT, "last_heard_ms": 1, "heard_ms": 1}
            facts.append(kind(**{field: fields.get(field, field) for field in kind.__dataclass_fields__}))
        async with outbox.committing() as tx:
            for fact in facts:
                await outbox.add(tx, fact)
        await outbox.deliver()
        assert bus.heard == facts

    async def test_a_fact_without_a_zone_is_refused(self, outbox: Outbox, at: datetime):
        with pytest.raises(StatementError):
            async with outbox.committing() as tx:
                await outbox.add(tx, ConsultationCancelled(ConsultationId("con"), at.replace(tzinfo=None)))


class TestTrouble:
    async def test_a_fact_of_a_kind_that_this_version_does_not_know_holds_nothing_up(
        self, database: Database, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        """A database that a newer version has written to is still read to its end after going back."""
        async with database.transaction() as tx:
            strange = insert(outbox_table).values(kind="FromTheFuture", body="{}", at=at, delivered=False)
            for _ in range(150):
                number = (await tx.execute(strange.returning(outbox_table.c.seq))).scalar_one()
            await outbox.add(tx, opened(1, at))
        with structlog.testing.capture_logs() as logged:
            for number_of_call in (2, 3):
                async with outbox.committing() as tx:
                    await outbox.add(tx, opened(number_of_call, at))
                await outbox.deliver()
        assert bus.heard == [opened(1, at), opened(2, at), opened(3, at)]
        assert await undelivered(database) == 150
        assert [len(line["numbers"]) for line in logged] == [150]
        assert logged[0]["numbers"][-1] == number

    async def test_what_was_committed_but_not_delivered_is_delivered_after_reopening(
        self, database_url: str, bus: RecordingBus, at: datetime
    ):
        first = await Database.open(database_url)
        before = Outbox(first, RecordingBus())
        async with first.transaction() as tx:
            await before.add(tx, opened(1, at))
        await first.close()
        second = await Database.open(database_url)
        await Outbox(second, bus).deliver()
        await second.close()
        assert bus.heard == [opened(1, at)]

    async def test_a_delivery_that_broke_off_is_repeated(self, database: Database, bus: RecordingBus, at: datetime):
        class BreakingBus(RecordingBus):
            async def publish(self, fact: Fact) -> None:
                await super().publish(fact)
                raise ConnectionError

        breaking = BreakingBus()
        outbox = Outbox(database, breaking)
        async with database.transaction() as tx:
            await outbox.add(tx, opened(1, at))
        with pytest.raises(ConnectionError):
            await outbox.deliver()
        assert breaking.heard == [opened(1, at)]
        await Outbox(database, bus).deliver()
        assert bus.heard == [opened(1, at)]

    async def test_a_subscriber_may_commit_facts_of_its_own(self, database: Database, at: datetime):
        bus = LocalBus()
        outbox = Outbox(database, bus)
        heard: list[str] = []

        async def answer(fact: CallOpened) -> None:
            heard.append(fact.call)
            async with outbox.committing() as tx:
                await outbox.add(tx, CallEnded(fact.call, fact.consultation, "hung_up", fact.at))
            await outbox.deliver()

        async def note(fact: CallEnded) -> None:
            heard.append(fact.reason)

        bus.subscribe(CallOpened, answer)
        bus.subscribe(CallEnded, note)
        async with outbox.committing() as tx:
            await outbox.add(tx, opened(1, at))
        await outbox.deliver()
        assert heard == ["call1", "hung_up"]

    async def test_a_subscriber_may_wait_for_a_lock_that_the_committing_one_holds(
        self, database: Database, at: datetime
    ):
        bus = LocalBus()
        outbox = Outbox(database, bus)
        lock = asyncio.Lock()
        heard: list[Fact] = []

        async def locked(fact: CallOpened) -> None:
            async with lock:
                heard.append(fact)

        bus.subscribe(CallOpened, locked)
        async with asyncio.timeout(20):
            async with lock:
                for number in range(3):
                    async with outbox.committing() as tx:
                        await outbox.add(tx, opened(number, at))
            await outbox.deliver()
        assert heard == [opened(number, at) for number in range(3)]

    async def test_callers_at_once_and_cancelled_ones_repeat_and_lose_nothing(
        self, outbox: Outbox, bus: RecordingBus, at: datetime
    ):
        async def commit(number: int) -> None:
            async with outbox.committing() as tx:
                await outbox.add(tx, opened(number, at))
            await outbox.deliver()

        tasks = [asyncio.create_task(commit(number)) for number in range(30)]
        for number, task in enumerate(tasks):
            await asyncio.sleep(0)
            if number % 3 == 0:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await outbox.deliver()
        assert len(set(map(msgspec.json.encode, bus.heard))) == len(bus.heard)
        assert {fact.call for fact in bus.heard} >= {f"call{n}" for n in range(30) if n % 3}

    async def test_closing_the_database_in_mid_delivery_hangs_nobody(self, database_url: str, at: datetime):
        class SlowBus(RecordingBus):
            async def publish(self, fact: Fact) -> None:
                await asyncio.sleep(0)
                await super().publish(fact)

        database = await Database.open(database_url)
        outbox = Outbox(database, SlowBus())
        for number in range(5):
            async with outbox.committing() as tx:
                await outbox.add(tx, opened(number, at))
        async with asyncio.timeout(20):
            await database.close()
            with contextlib.suppress(Exception):
                await outbox.deliver()

    async def test_a_process_without_subscribers_leaves_its_facts_to_the_one_that_has_them(
        self, database: Database, bus: RecordingBus, at: datetime
    ):
        alone = Outbox(database, None)
        async with alone.committing() as tx:
            await alone.add(tx, opened(1, at))
        await alone.deliver()
        assert await undelivered(database) == 1
        await Outbox(database, bus).deliver()
        assert bus.heard == [opened(1, at)]
