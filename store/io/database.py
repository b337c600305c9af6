"""The database: SQLite in one file by default, PostgreSQL by its URL; the same statements run on both.

SQLite has one writer: `transaction()` takes turns within this process and `BEGIN IMMEDIATE` among processes, so a
transaction never fails half-way for want of a lock. `reading()` sees a snapshot and waits for no writer.
Transactions do not nest, which would deadlock on SQLite and tear the unit of work apart on PostgreSQL.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import URL, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from store.io.migrate import UnknownRevision, migrate

# Another process (`visavis admin …`) writes for milliseconds; 5 s means that something is wrong.
_BUSY_MS = 5000
_SWITCH_MS = 20

_READERS = 4
# Any number that no other program on the same PostgreSQL server's database uses.
_HOLD = 0x76697361766973


class DatabaseProblem(Exception):
    """The database cannot be used; the text is one line for the operator."""


class DatabaseTooNew(DatabaseProblem):
    """A newer version of this program has already changed the database."""


class DatabaseUnreachable(DatabaseProblem):
    """There is no such database, or it does not answer, or it is not ours to read."""


class DatabaseUnwritable(DatabaseProblem):
    """The database file cannot be created or written."""


class DatabaseClosed(DatabaseProblem):
    """The database was closed by this process."""


class Database:
    """Open with `await Database.open(url)`, and close: an open connection would keep the process from ending."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._one_writer = asyncio.Lock() if writer.dialect.name == "sqlite" else None
        self._owners: set[asyncio.Task[object] | None] = set()
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_use = 0
        self._hold: AsyncConnection | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Return the database at `sqlite:///PATH` or `postgresql://USER@HOST/NAME`, with the present schema.

        Raises `DatabaseUnreachable`, `DatabaseUnwritable` or `DatabaseTooNew`.
        """
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise DatabaseUnreachable(
                "The database URL cannot be read: it begins sqlite:/// or postgresql://."
            ) from None
        if parsed.get_backend_name() == "sqlite":
            database = cls(*await _sqlite_engines(parsed))
        elif parsed.get_backend_name() in {"postgresql", "postgres"}:
            engine = _postgresql_engine(parsed)
            database = cls(engine, engine)
        else:
            raise DatabaseUnreachable("The database URL names another kind than sqlite or postgresql.")
        try:
            await database._migrate(str(parsed.database))
        except BaseException:
            await database.close()
            raise
        return database

    async def _migrate(self, name: str) -> None:
        try:
            async with self.transaction() as tx:
                await tx.run_sync(migrate)
        except UnknownRevision:
            raise DatabaseTooNew(
                f"The database {name} was made by a newer version of Visavis: start that version, or restore a backup."
            ) from None
        except DBAPIError as error:
            raise _said_plainly(error.orig, name) from None
        except (SQLAlchemyError, OSError) as error:
            raise DatabaseUnreachable(f"The database {name} does not answer ({type(error).__name__}).") from None

    async def hold(self) -> bool:
        """Claim the database for this web process until it closes. False when another one has it.

        Two that each believe to be alone would end each other's calls. A SQLite file lies in the data folder, which
        is locked already; on PostgreSQL this is a session's advisory lock, gone with the process's connection.
        """
        if self._one_writer is not None or self._hold is not None:
            return True
        connection = await self._writer.connect()
        if await connection.scalar(select(func.pg_try_advisory_lock(_HOLD))):
            await connection.commit()
            self._hold = connection
            return True
        await connection.close()
        return False

    async def still_held(self) -> bool:
        """Return False when another process has claimed the database since; to be asked every few seconds.

        A server that restarts, or that cuts an idle connection, has forgotten the claim: it is made anew. One that does
        not answer gives nobody anything.
        """
        if self._one_writer is not None:
            return True
        try:
            if self._hold is not None:
                await self._hold.scalar(select(1))
                await self._hold.commit()
                return True
            return await self.hold()
        except (SQLAlchemyError, OSError):
            lost, self._hold = self._hold, None
            if lost is not None:
                await lost.invalidate()
                await lost.close()
            return True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes are committed together at the end, or not at all when it raises."""
        task = asyncio.current_task()
        if task in self._owners:
            raise RuntimeError("a transaction within a transaction")
        with self._counted():
            if self._one_writer is not None:
                await self._one_writer.acquire()
            self._owners.add(task)
            try:
                async with self._writer.begin() as tx:
                    yield tx
            finally:
                self._owners.discard(task)
                if self._one_writer is not None:
                    self._one_writer.release()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that can only read."""
        with self._counted():
            async with self._reader.connect() as connection:
                if self._one_writer is None:
                    await connection.execution_options(postgresql_readonly=True)
                async with connection.begin():
                    yield connection

    async def close(self) -> None:
        """Wait for the transactions under way and close every connection. Later ones get `DatabaseClosed`."""
        self._closing = True
        await self._idle.wait()
        if self._hold is not None:
            # Not given back to the pool, which would keep the lock for whoever takes the connection next.
            await self._hold.invalidate()
            await self._hold.close()
        await self._reader.dispose()
        await self._writer.dispose()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count one use, so that `close` waits until there is none."""
        if self._closing:
            raise DatabaseClosed("The database is closed.")
        self._in_use += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_use -= 1
            if self._in_use == 0:
                self._idle.set()


async def _sqlite_engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    if not url.database or url.database == ":memory:":
        raise DatabaseUnwritable("The database URL names no file: write sqlite:///PATH.")
    await asyncio.to_thread(_own_file, Path(url.database))
    address = url.set(drivername="sqlite+aiosqlite")
    writer = create_async_engine(
        address, connect_args={"isolation_level": None}, pool_size=1, max_overflow=0, hide_parameters=True
    )
    reader = create_async_engine(
        address, connect_args={"isolation_level": None}, pool_size=_READERS, max_overflow=_READERS, hide_parameters=True
    )
    _prepare(writer, "BEGIN IMMEDIATE", read_only=False)
    _prepare(reader, "BEGIN", read_only=True)
    return writer, reader


def _own_file(path: Path) -> None:
    """Create the file for this user alone; SQLite gives its log files the same mode. Raises `DatabaseUnwritable`."""
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
        with path.open("r+b"):
            pass
        _switch_to_wal(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DatabaseUnwritable(f"The database file {path} cannot be written: {reason}.") from None
    except sqlite3.Error as error:
        raise _said_plainly(error, str(path)) from None


def _switch_to_wal(path: Path) -> None:
    """Switch a new file to write-ahead logging, which it then remembers.

    SQLite does not wait for a lock here, whatever its timeout, so two processes that start at once would collide.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for _ in range(_BUSY_MS // _SWITCH_MS):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(_SWITCH_MS / 1000)
            else:
                return
        connection.execute("PRAGMA journal_mode = WAL")


def _prepare(engine: AsyncEngine, begin: str, *, read_only: bool) -> None:
    """Set what SQLite forgets with each connection.

    The driver would begin transactions by itself and too late, so it is told not to (`isolation_level=None`).
    `synchronous=FULL`: with NORMAL an acknowledged commit can be lost in a power cut.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"query_only = {'ON' if read_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: object) -> None:
        connection.exec_driver_sql(begin)  # type: ignore[attr-defined]


def _postgresql_engine(url: URL) -> AsyncEngine:
    try:
        return create_async_engine(
            url.set(drivername="postgresql+asyncpg"), pool_pre_ping=True, pool_size=10, hide_parameters=True
        )
    except ModuleNotFoundError:
        raise DatabaseUnreachable("PostgreSQL needs the extra `scale`: pip install 'visavis[scale]'.") from None


def _said_plainly(cause: BaseException | None, name: str) -> DatabaseProblem:
    code = getattr(cause, "sqlite_errorname", "")
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_PERM")):
        return DatabaseUnwritable(f"The database file {name} cannot be written ({code}).")
    if isinstance(cause, sqlite3.Error):
        return DatabaseUnreachable(f"The database file {name} cannot be used ({code or type(cause).__name__}).")
    return DatabaseUnreachable(
        f"The database {name} does not answer ({getattr(cause, 'sqlstate', None) or 'refused'})."
    )
