"""Fixtures for every folder of tests; each folder adds its own."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from store.io.database import Database
from tests.migrated import migrated_file
from tests.postgres_server import PostgresServer


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A test that sets the logs up leaves them to a stream that is closed when it ends: undo it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def at() -> datetime:
    """Any moment; not a round one, so that lost microseconds show."""
    return datetime(2026, 3, 28, 9, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path}/visavis.sqlite3"


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path) -> str:
    """An empty database with the present schema."""
    return f"sqlite:///{migrated_file(tmp_path / 'visavis.sqlite3')}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgresql_url(postgres_server: PostgresServer) -> str:
    """A database of its own, without any table."""
    return postgres_server.new_database()


@pytest.fixture
def migrated_postgresql_url(postgres_server: PostgresServer) -> str:
    """An empty database with the present schema."""
    return postgres_server.migrated_database()


@pytest.fixture
async def database(migrated_sqlite_url: str) -> AsyncIterator[Database]:
    """An empty SQLite database with the present schema."""
    database = await Database.open(migrated_sqlite_url)
    yield database
    await database.close()
