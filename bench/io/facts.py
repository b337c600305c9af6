"""The media facts of a local server: from its database where they are kept, else heard at the workers' sockets.

A worker tells every control side what it sees, and one that only listens changes nothing for it.
"""

import asyncio
import contextlib
import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec

from sfu.control import BothHeard, FromWorker, Hello, LegStateChanged
from sfu.io.framing import read_message
from sfu.states import LegState
from store.facts import BothAlive, CallOpened, LegConnected, LegLost, MediaFact, Stamp
from store.ids import CallId, LegId, Seat

_KINDS: dict[str, type[MediaFact]] = {kind.__name__: kind for kind in (LegConnected, LegLost, BothAlive)}
_LOST = {LegState.LOST, LegState.CLOSED}

Facts = dict[CallId, list[MediaFact]]


class FactsUnreadable(Exception):
    """The server's own facts cannot be read; the text says why."""


def calls_of(database: Path) -> dict[str, list[CallId]]:
    """Return the calls that have opened, by consultation. Raises `FactsUnreadable`."""
    calls: dict[str, list[CallId]] = defaultdict(list)
    for _, body in _rows(database, [CallOpened.__name__]):
        opened = msgspec.json.decode(body, type=CallOpened)
        calls[opened.consultation].append(opened.call)
    return dict(calls)


def stored(database: Path) -> Facts:
    """Return the media facts in the database, by call; empty where they are not kept. Raises `FactsUnreadable`."""
    facts: Facts = defaultdict(list)
    for kind, body in _rows(database, list(_KINDS)):
        fact = msgspec.json.decode(body, type=_KINDS[kind])
        facts[fact.call].append(fact)
    return dict(facts)


def _rows(database: Path, kinds: list[str]) -> list[tuple[str, str]]:
    marks = ", ".join("?" for _ in kinds)
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            # Only question marks are put in.
            query = f"SELECT kind, body FROM outbox WHERE kind IN ({marks}) ORDER BY seq"  # noqa: S608
            return [(str(kind), str(body)) for kind, body in connection.execute(query, kinds)]
    except sqlite3.Error as error:
        raise FactsUnreadable(f"the database cannot be read ({type(error).__name__})") from error


class Listener:
    """Hears the workers of a data folder. Use as an async context; `facts` grows meanwhile."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.facts: Facts = defaultdict(list)

    async def __aenter__(self) -> Self:
        """Begin to hear. Raises `FactsUnreadable` when a worker's socket cannot be opened."""
        for path in sorted(self._run_dir.glob("*.sock")):
            try:
                reader, writer = await asyncio.open_unix_connection(str(path))
            except OSError as error:
                raise FactsUnreadable("a worker's socket cannot be opened") from error
            self._writers.append(writer)
            self._tasks.append(asyncio.create_task(self._hear(reader), name="facts"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        decoder = msgspec.msgpack.Decoder(FromWorker)
        boot = ""
        with contextlib.suppress(OSError, ValueError):
            while (message := await read_message(reader, decoder)) is not None:
                if isinstance(message, Hello):
                    boot = message.boot
                elif isinstance(message, LegStateChanged | BothHeard):
                    fact = _translated(boot, message)
                    if fact is not None:
                        self.facts[fact.call].append(fact)


def _translated(boot: str, event: LegStateChanged | BothHeard) -> MediaFact | None:
    call = CallId(event.call)
    stamp = Stamp(boot, event.seq, event.monotonic_ms, datetime.fromtimestamp(event.at, UTC))
    if isinstance(event, BothHeard):
        return BothAlive(call, event.heard_ms, stamp)
    if event.state == LegState.CONNECTED:
        return LegConnected(call, LegId(event.leg), Seat(event.seat), stamp)
    if event.state in _LOST:
        return LegLost(call, LegId(event.leg), Seat(event.seat), event.last_heard_ms, stamp)
    return None
