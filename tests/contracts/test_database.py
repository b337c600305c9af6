"""What every database keeps: transactions, times, the schema of the code."""

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

import agenda.io.tables
import billing.io.money_tables
import billing.io.tables
import lobby.io.tables
import notify.io.tables
import signalling.io.tables
import store.io.tables
from signalling.io.tables import calls, seats
from store.io.columns import NaiveTime
from store.io.database import Database, DatabaseClosed, DatabaseTooNew
from store.io.metadata import metadata
from store.io.tables import leases

MODULES = (
    agenda.io.tables,
    billing.io.money_tables,
    billing.io.tables,
    lobby.io.tables,
    notify.io.tables,
    signalling.io.tables,
    store.io.tables,
)


def lease_row(name: str, at: datetime) -> dict[str, object]:
    return {"name": name, "holder": "h", "epoch": 1, "expires_at": at}


async def names(database: Database) -> set[str]:
    async with database.reading() as tx:
        return set((await tx.execute(select(leases.c.name))).scalars())


class TestTransactions:
    async def test_a_transaction_commits_at_its_end(self, database: Database, at: datetime):
        async with database.transaction() as tx:
            await tx.execute(insert(leases).values(lease_row("a", at)))
            assert await names(database) == set()
        assert await names(database) == {"a"}

    async def test_a_transaction_that_raises_changes_nothing(self, database: Database, at: datetime):
        async def fail() -> None:
            async with database.transaction() as tx:
                await tx.execute(insert(leases).values(lease_row("a", at)))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await names(database) == set()

    async def test_a_transaction_that_is_cancelled_changes_nothing_and_lets_the_next_one_in(
        self, database: Database, at: datetime
    ):
        inside = asyncio.Event()

        async def hang() -> None:
            async with database.transaction() as tx:
                await tx.execute(insert(leases).values(lease_row("a", at)))
                inside.set()
                await asyncio.Event().wait()

        hanging = asyncio.create_task(hang())
        await inside.wait()
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        async with database.transaction() as tx:
            await tx.execute(insert(leases).values(lease_row("b", at)))
        assert await names(database) == {"b"}

    async def test_cancelling_at_any_moment_leaves_all_or_nothing(self, database: Database, at: datetime):
        async def write(name: str) -> None:
            async with database.transaction() as tx:
                await tx.execute(insert(leases).values(lease_row(name + "1", at)))
                await tx.execute(insert(leases).values(lease_row(name + "2", at)))

        for turns in range(40):
            task = asyncio.create_task(write(f"{turns}-"))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        kept = await names(database)
        assert {name[:-1] for name in kept if name.endswith("1")} == {name[:-1] for name in kept if name.endswith("2")}
        await write("last")
        assert "last1" in await names(database)

    async def test_many_writers_take_turns(self, database: Database, at: datetime):
        async def write(number: int) -> None:
            async with database.transaction() as tx:
                await tx.execute(insert(leases).values(lease_row(str(number), at)))

        await asyncio.gather(*(write(number) for number in range(60)))
        assert len(await names(database)) == 60

    async def test_a_transaction_within_a_transaction_is_refused_at_once(self, database: Database):
        async with database.transaction():
            with pytest.raises(RuntimeError, match="within"):
                async with database.transaction():
                    pass

    async def test_reading_cannot_write(self, database: Database, at: datetime):
        with pytest.raises(DBAPIError):
            async with database.reading() as tx:
                await tx.execute(insert(leases).values(lease_row("a", at)))
        async with database.transaction() as tx:
            await tx.execute(insert(leases).values(lease_row("b", at)))
        assert await names(database) == {"b"}

    async def test_a_foreign_key_is_held(self, database: Database, at: datetime):
        row = {"token_hash": "x", "practitioner": "pra_nobody", "created_at": at, "last_seen_at": at}
        with pytest.raises(IntegrityError):
            async with database.transaction() as tx:
                await tx.execute(insert(agenda.io.tables.login_sessions).values(row))

    async def test_an_error_does_not_name_the_values(self, database: Database):
        with pytest.raises(DBAPIError) as caught:
            async with database.transaction() as tx:
                await tx.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "Madame Secret"})
        assert "Secret" not in str(caught.value)

    async def test_closing_waits_for_what_is_under_way_and_refuses_what_comes_later(
        self, database_url: str, at: datetime
    ):
        database = await Database.open(database_url)
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def write() -> None:
            async with database.transaction() as tx:
                inside.set()
                await go_on.wait()
                await tx.execute(insert(leases).values(lease_row("a", at)))

        writing = asyncio.create_task(write())
        await inside.wait()
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        assert not closing.done()
        go_on.set()
        await asyncio.gather(writing, closing)
        with pytest.raises(DatabaseClosed):
            async with database.transaction():
                pass
        again = await Database.open(database_url)
        assert await names(again) == {"a"}
        await again.close()


class TestTimes:
    async def test_a_time_comes_back_exact_and_in_utc(self, database: Database, at: datetime):
        summer = at.astimezone(timezone(timedelta(hours=2)))
        async with database.transaction() as tx:
            await tx.execute(insert(leases).values(lease_row("a", summer)))
        async with database.reading() as tx:
            kept = (await tx.execute(select(leases.c.expires_at))).scalar_one()
        assert kept == at
        assert kept.utcoffset() == timedelta(0)

    async def test_a_naive_time_is_refused(self, database: Database, at: datetime):
        with pytest.raises(StatementError) as caught:
            async with database.transaction() as tx:
                await tx.execute(insert(leases).values(lease_row("a", at.replace(tzinfo=None))))
        assert isinstance(caught.value.orig, NaiveTime)

    async def test_the_order_of_times_is_kept_across_zones_and_fractions(self, database: Database, at: datetime):
        second = at.replace(microsecond=0)
        moments = [second, second + timedelta(microseconds=1), second + timedelta(milliseconds=1), at]
        async with database.transaction() as tx:
            for number, moment in enumerate(moments):
                zone = timezone(timedelta(hours=number * 3 - 4))
                await tx.execute(insert(leases).values(lease_row(str(number), moment.astimezone(zone))))
        async with database.reading() as tx:
            ordered = (await tx.execute(select(leases.c.name).order_by(leases.c.expires_at))).scalars().all()
            earlier = select(func.count()).where(leases.c.expires_at < at)
            assert (await tx.execute(earlier)).scalar_one() == 3
        assert ordered == ["0", "1", "2", "3"]


class TestSchema:
    async def test_the_migrations_make_the_tables_of_the_code(self, database: Database):
        def differences(connection: Connection) -> list[object]:
            options = {"compare_type": True, "compare_server_default": True}
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

        assert len(MODULES) == 7
        async with database.transaction() as tx:
            assert await tx.run_sync(differences) == []

    async def test_opening_again_changes_nothing(self, database_url: str, database: Database, at: datetime):
        async with database.transaction() as tx:
            await tx.execute(insert(leases).values(lease_row("a", at)))
        again = await Database.open(database_url)
        assert await names(again) == {"a"}
        await again.close()

    @pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
    async def test_opening_twice_at_once_migrates_once(self, request: pytest.FixtureRequest, kind: str):
        bare = request.getfixturevalue(f"{kind}_url")
        both = await asyncio.gather(Database.open(bare), Database.open(bare))
        for database in both:
            assert await names(database) == set()
            await database.close()

    async def test_a_database_newer_than_the_code_is_refused_in_one_line(self, database_url: str, database: Database):
        async with database.transaction() as tx:
            await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseTooNew) as caught:
            await Database.open(database_url)
        assert "newer" in str(caught.value)
        assert "\n" not in str(caught.value)


class TestSeats:
    async def test_fifty_racing_for_a_seat_one_gets_it(self, database: Database, at: datetime):
        """DAT-12."""

        async def sit(number: int) -> bool:
            row = {"consultation": "con", "seat": "patient", "call": "cal", "session": str(number), "taken_at": at}
            try:
                async with database.transaction() as tx:
                    await tx.execute(insert(seats).values(row))
            except IntegrityError:
                return False
            return True

        assert sum(await asyncio.gather(*(sit(number) for number in range(50)))) == 1

    async def test_a_consultation_has_one_open_call_and_any_number_of_ended_ones(
        self, database: Database, at: datetime
    ):
        async def opened(call: str, ended_at: datetime | None) -> bool:
            row = {"id": call, "consultation": "con", "state": "open", "opened_at": at, "ended_at": ended_at}
            try:
                async with database.transaction() as tx:
                    await tx.execute(insert(calls).values(row))
            except IntegrityError:
                return False
            return True

        assert [await opened("1", at), await opened("2", at), await opened("3", None)] == [True, True, True]
        assert not await opened("4", None)
