"""The log of media facts: appended once each, chained per call, never changed.

A row's number is part of its key, so of two processes that append to one call at once only one gets the next number;
the other reads what is there and tries again. What is remembered here only saves reading: it is built anew from the
table after a restart, after such a race, and for a call that was forgotten.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.chain import START, link
from billing.fact_row import FactRow, fact_of, row_of
from billing.io.tables import meter_facts
from billing.meter import Meter, Metered, replay
from store.facts import MediaFact
from store.ids import CallId
from store.io.database import Database

# So many calls are remembered; those not heard of for longest give way.
_REMEMBERED = 20_000
# A race is lost to a process that has appended: so many in a row mean that something else is wrong.
_ATTEMPTS = 10
# Values in one IN (…): two for each pair, below what every database takes.
_CHUNK = 500

T = TypeVar("T")


@dataclass(slots=True)
class _Call:
    """What the table holds of a call: how many rows, the last hash, the newest number of each boot, and the meter.

    The meter is None as long as nobody asks for a reading of a call that this process has not heard from the start.
    """

    rows: int = 0
    head: bytes = START
    newest: dict[str, int] = field(default_factory=dict)
    meter: Meter | None = None


class FactLog:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._calls: OrderedDict[CallId, _Call] = OrderedDict()
        self._turn = asyncio.Lock()

    async def append(self, facts: Sequence[MediaFact]) -> None:
        """Record the facts that are not recorded yet, all or none. Raises what the database raises."""
        async with self._turn:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    await self._append(facts)
                except IntegrityError:
                    if attempt == _ATTEMPTS:
                        raise
                    for fact in facts:
                        self._calls.pop(fact.call, None)
                else:
                    return

    async def _append(self, facts: Sequence[MediaFact]) -> None:
        async with self._database.transaction() as tx:
            calls = await self._known_calls(tx, list(dict.fromkeys(fact.call for fact in facts)))
            fresh = await _unrecorded(tx, facts, calls)
            rows, heads = _chained(fresh, calls)
            if rows:
                await tx.execute(insert(meter_facts), [_values(row) for row in rows])
        # Only now is it known to be in the table.
        for fact, row in zip(fresh, rows, strict=True):
            call = calls[fact.call]
            call.newest[row.boot] = max(row.seq, call.newest.get(row.boot, 0))
            if call.meter is not None:
                call.meter.hear(fact)
        for name, (count, head) in heads.items():
            calls[name].rows, calls[name].head = count, head
        self._remember(calls)

    def _remember(self, calls: dict[CallId, _Call]) -> None:
        for name, call in calls.items():
            self._calls[name] = call
            self._calls.move_to_end(name)
        while len(self._calls) > _REMEMBERED:
            self._calls.popitem(last=False)

    async def _known_calls(self, tx: AsyncConnection, names: Sequence[CallId]) -> dict[CallId, _Call]:
        calls = {name: self._calls[name] for name in names if name in self._calls}
        unknown = [name for name in names if name not in calls]
        for chunk in _chunks(unknown, _CHUNK):
            calls |= await _read_calls(tx, chunk)
        return calls

    async def rows_of(self, call: CallId) -> list[FactRow]:
        """Return the rows of a call in the order in which they were recorded."""
        wanted = select(meter_facts).where(meter_facts.c.call == call).order_by(meter_facts.c.number)
        async with self._database.reading() as tx:
            return [FactRow(**row) for row in (await tx.execute(wanted)).mappings()]

    async def facts_of(self, call: CallId) -> list[MediaFact]:
        """Return what the workers said of a call. Raises `NotAFact` for a row that was tampered with."""
        return [fact_of(row) for row in await self.rows_of(call)]

    async def missing(self, call: CallId) -> int:
        """Return how many facts of its workers are not here, of those stamped between the call's first and last.

        A worker numbers its facts without a break, whatever call they are of: those missing may be another call's.
        """
        table, missing = meter_facts, 0
        boots = (
            select(table.c.boot, func.min(table.c.seq).label("first"), func.max(table.c.seq).label("last"))
            .where(table.c.call == call)
            .group_by(table.c.boot)
        )
        async with self._database.reading() as tx:
            for boot, first, last in (await tx.execute(boots)).all():
                between = table.c.seq.between(first, last)
                there = await tx.scalar(select(func.count()).where(table.c.boot == boot, between))
                missing += last - first + 1 - (there or 0)
        return missing

    async def reading(self, call: CallId) -> Metered:
        """Return the meter of a call as this process knows it; nothing for a call without facts."""
        known = self._calls.get(call)
        if known is None or known.meter is None:
            known = await self._with_meter(call)
        return known.meter.reading() if known.meter is not None else replay(())

    async def _with_meter(self, call: CallId) -> _Call:
        async with self._turn:
            rows = await self.rows_of(call)
            known = _Call(len(rows), rows[-1].hash if rows else START, {}, Meter())
            for row in rows:
                known.newest[row.boot] = max(row.seq, known.newest.get(row.boot, 0))
                if known.meter is not None:
                    known.meter.hear(fact_of(row))
            if rows:
                self._remember({call: known})
            return known

    async def head(self, call: CallId) -> str:
        """Return the last hash of the call's chain in hexadecimal; empty for a call without facts."""
        newest = (
            select(meter_facts.c.hash).where(meter_facts.c.call == call).order_by(meter_facts.c.number.desc()).limit(1)
        )
        async with self._database.reading() as tx:
            head = await tx.scalar(newest)
        return "" if head is None else head.hex()

    def forget(self, call: CallId) -> None:
        """Let go of what is remembered of a call that is over. The table keeps it."""
        self._calls.pop(call, None)


async def _read_calls(tx: AsyncConnection, names: Sequence[CallId]) -> dict[CallId, _Call]:
    table = meter_facts
    boots = (
        select(table.c.call, table.c.boot, func.max(table.c.seq), func.max(table.c.number))
        .where(table.c.call.in_(names))
        .group_by(table.c.call, table.c.boot)
    )
    calls = {name: _Call(meter=Meter()) for name in names}
    for name, boot, seq, number in (await tx.execute(boots)).all():
        call = calls[name]
        call.meter = None
        call.newest[boot] = seq
        call.rows = max(call.rows, number)
    lasts = [(name, call.rows) for name, call in calls.items() if call.rows]
    if lasts:
        heads = select(table.c.call, table.c.hash).where(tuple_(table.c.call, table.c.number).in_(lasts))
        for name, head in (await tx.execute(heads)).all():
            calls[name].head = head
    return calls


async def _unrecorded(tx: AsyncConnection, facts: Sequence[MediaFact], calls: dict[CallId, _Call]) -> list[MediaFact]:
    """Return the facts that the table has not, each once, in order."""
    once = {(fact.stamp.boot, fact.stamp.seq): fact for fact in facts}
    doubtful = [(boot, seq) for (boot, seq), fact in once.items() if seq <= calls[fact.call].newest.get(boot, 0)]
    table = meter_facts
    for chunk in _chunks(doubtful, _CHUNK):
        there = select(table.c.boot, table.c.seq).where(tuple_(table.c.boot, table.c.seq).in_(chunk))
        for boot, seq in (await tx.execute(there)).all():
            del once[boot, seq]
    return list(once.values())


def _chained(
    facts: Sequence[MediaFact], calls: dict[CallId, _Call]
) -> tuple[list[FactRow], dict[CallId, tuple[int, bytes]]]:
    """Return the facts as the next rows of their calls, and each call's last number and hash after that."""
    rows: list[FactRow] = []
    heads: dict[CallId, tuple[int, bytes]] = {}
    for fact in facts:
        call = calls[fact.call]
        number, head = heads.get(fact.call, (call.rows, call.head))
        row = row_of(fact, number + 1)
        row = replace(row, hash=link(head, row))
        heads[fact.call] = (row.number, row.hash)
        rows.append(row)
    return rows, heads


def _values(row: FactRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in FactRow.__slots__}


def _chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
