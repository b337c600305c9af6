"""The outbox: a fact commits together with the change that it reports, and is delivered after that.

At least once: a fact is marked as delivered only after its subscribers have run, so a crash in between
repeats it. In order: within one process facts are published by ascending number. On PostgreSQL two
transactions that overlap may become visible in another order than they were numbered; both are delivered.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import get_args

import msgspec
import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.bus import Bus
from store.facts import Fact, MediaFact
from store.io.database import Database, DatabaseClosed
from store.io.tables import outbox

_KINDS: dict[str, type[Fact]] = {kind.__name__: kind for kind in get_args(Fact)}

# How many facts are read, published and marked together.
_BATCH = 100

_log = structlog.get_logger("store.outbox")


class Outbox:
    """`add` within a transaction, `deliver` after it; `committing` does both.

    Closing the database ends the delivery; what was not marked is delivered after the next start. A process without
    subscribers gives no `bus`: its facts stay for the one that has them.
    """

    def __init__(self, database: Database, bus: Bus | None) -> None:
        self._database = database
        self._bus = bus
        self._delivery: asyncio.Task[None] | None = None
        self._more = False
        self._looked = False

    async def add(self, tx: AsyncConnection, fact: Fact) -> None:
        """Record the fact in the transaction."""
        at = fact.stamp.at if isinstance(fact, MediaFact) else fact.at
        body = msgspec.json.encode(fact).decode()
        await tx.execute(insert(outbox).values(kind=type(fact).__name__, body=body, at=at, delivered=False))

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction; once it has committed, its facts are on their way.

        The delivery runs in a task of its own, so a subscriber may wait for a lock that the caller holds and
        a cancelled caller takes nothing from the subscribers. Await `deliver()` to know that they have heard.
        """
        async with self._database.transaction() as tx:
            yield tx
        if self._bus is not None:
            self._start(self._bus)

    async def deliver(self) -> None:
        """Publish every committed fact that is not marked, in order, and mark it. Returns when that is done.

        Called by a subscriber it returns at once: the delivery that called the subscriber does it afterwards.
        """
        if self._bus is None:
            return
        delivery = self._start(self._bus)
        if delivery is not asyncio.current_task():
            await asyncio.shield(delivery)

    async def delivered(self, kinds: Collection[type[Fact]], after: int, since: datetime) -> list[tuple[int, Fact]]:
        """Return the next delivered facts of these kinds, said since then, with their numbers: those above `after`.

        For a subscriber that must miss nothing: one that fails does not hear its fact again from the bus.
        """
        names = [kind.__name__ for kind in kinds]
        wanted = (
            select(outbox.c.seq, outbox.c.kind, outbox.c.body)
            .where(outbox.c.seq > after, outbox.c.delivered, outbox.c.kind.in_(names), outbox.c.at >= since)
            .order_by(outbox.c.seq)
            .limit(_BATCH)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        return [(row.seq, msgspec.json.decode(row.body, type=_KINDS[row.kind])) for row in rows]

    def _start(self, bus: Bus) -> asyncio.Task[None]:
        self._more = True
        if self._delivery is None or self._delivery.done():
            self._delivery = asyncio.create_task(self._run(bus), name="outbox delivery")
            self._delivery.add_done_callback(_noticed)
        return self._delivery

    async def _run(self, bus: Bus) -> None:
        if not self._looked:
            await self._report_unknown()
            self._looked = True
        while self._more:
            self._more = False
            while batch := await self._undelivered():
                for _, fact in batch:
                    await bus.publish(fact)
                await self._mark([seq for seq, _ in batch])

    async def _undelivered(self) -> list[tuple[int, Fact]]:
        waiting = (
            select(outbox.c.seq, outbox.c.kind, outbox.c.body)
            .where(~outbox.c.delivered, outbox.c.kind.in_(_KINDS))
            .order_by(outbox.c.seq)
            .limit(_BATCH)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(waiting)).all()
        return [(row.seq, msgspec.json.decode(row.body, type=_KINDS[row.kind])) for row in rows]

    async def _report_unknown(self) -> None:
        """Log which facts a newer version left behind. They wait for it, undelivered, and hold nothing up."""
        strange = select(outbox.c.seq).where(~outbox.c.delivered, outbox.c.kind.not_in(_KINDS)).order_by(outbox.c.seq)
        async with self._database.reading() as tx:
            numbers = list((await tx.execute(strange)).scalars())
        if numbers:
            _log.warning("facts of unknown kinds left undelivered", numbers=numbers)

    async def _mark(self, delivered: list[int]) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(update(outbox).where(outbox.c.seq.in_(delivered)).values(delivered=True))


def _noticed(delivery: asyncio.Task[None]) -> None:
    """Log a delivery that failed: the next one repeats it."""
    if delivery.cancelled() or (error := delivery.exception()) is None:
        return
    if not isinstance(error, DatabaseClosed):
        _log.error("delivery failed", error=type(error).__name__)
