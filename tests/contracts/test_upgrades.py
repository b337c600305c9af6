"""A database of an earlier version is brought to this one and keeps what it had; SQLite and PostgreSQL."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import BigInteger, Boolean, Connection, DateTime, Integer, MetaData, Text, insert, make_url, select
from sqlalchemy.ext.asyncio import create_async_engine

from billing.io.money_tables import differences, payments, prices
from store.io import migrations
from store.io.database import Database

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_TABLES = (prices, payments, differences)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def bare_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


async def made_at(url: str, revision: str, at) -> None:
    """Make the database as that revision had it, with a row in each of the tables, in which nothing is empty."""
    any_of = {BigInteger: 7, Integer: 7, Boolean: True, DateTime: at, Text: "x"}

    def make(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, revision)
        found = MetaData()
        found.reflect(connection, only=[table.name for table in _TABLES])
        for table in _TABLES:
            columns = found.tables[table.name].columns
            row = {
                column.name: next(value for kind, value in any_of.items() if isinstance(column.type, kind))
                for column in columns
                if not column.foreign_keys
            }
            connection.execute(insert(found.tables[table.name]).values(row))

    parsed = make_url(url)
    engine = create_async_engine(parsed.set(drivername=_DRIVERS[parsed.get_backend_name()]))
    async with engine.begin() as connection:
        await connection.run_sync(make)
    await engine.dispose()


async def test_money_from_before_anything_was_given_up_or_called_off_is_what_it_was(bare_url: str, at):
    at = at if bare_url.startswith("postgresql") else at.replace(tzinfo=None)
    await made_at(bare_url, "0006", at)
    database = await Database.open(bare_url)
    async with database.reading() as tx:
        price = (await tx.execute(select(prices))).one()
        payment = (await tx.execute(select(payments))).one()
        difference = (await tx.execute(select(differences))).one()
    await database.close()
    assert price.called_off_at is None
    assert (payment.due, payment.paid, payment.given_up) == (7, 7, 0)
    # It may have been accepted, or gone: it is listed again if it is found again.
    assert (difference.accepted_at, difference.gone_at.replace(tzinfo=None)) == (None, at.replace(tzinfo=None))
