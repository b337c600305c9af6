"""How long a consultation has taken, from the facts of all its calls."""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.fact_row import fact_of
from billing.io.fact_log import FactLog
from billing.io.money_tables import billed_calls
from billing.meter import Meter, replay
from billing.problems import FactsMissing
from store.ids import CallId, ConsultationId
from store.io.database import Database


@dataclass(frozen=True, slots=True)
class Taken:
    """`seconds` billable in all calls. `heads`: per call the last fact's hash, in hexadecimal, that they came from.

    `met`: the two were connected at the same time, be it for a moment or with the meter stopped. `open`: the facts do
    not say yet how a call ended.
    """

    seconds: int
    met: bool
    heads: dict[str, str]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Going:
    """`running`: both are connected now. `paused`: the practitioner has stopped the meter."""

    milliseconds: int
    running: bool
    paused: bool

    @property
    def seconds(self) -> int:
        """Whole seconds: what is charged by."""
        return self.milliseconds // 1000


class Metering:
    """Reads the calls of one database."""

    def __init__(self, database: Database, facts: FactLog) -> None:
        self._database = database
        self._facts = facts

    async def now(self, consultation: ConsultationId) -> Going:
        """Return how it stands, from what this process remembers: quick enough for a screen."""
        readings = [(row, await self._facts.reading(row.call)) for row in await self._calls(consultation)]
        return Going(
            milliseconds=sum(reading.billable_ms for _, reading in readings),
            running=any(reading.open and row.ended_at is None for row, reading in readings),
            paused=any(reading.paused and row.ended_at is None for row, reading in readings),
        )

    async def taken(self, consultation: ConsultationId) -> Taken:
        """Return how long it has taken, from the table alone."""
        billable, met, unfinished, heads = 0, False, False, {}
        for row in await self._calls(consultation):
            facts = await self._facts.rows_of(row.call)
            meter = Meter()
            for fact in facts:
                meter.hear(fact_of(fact))
            reading = meter.reading()
            billable += reading.billable_ms
            met = met or meter.met
            unfinished = unfinished or reading.open
            heads[row.call] = facts[-1].hash.hex() if facts else ""
        return Taken(billable // 1000, met, heads, unfinished)

    async def seconds_until(self, heads: dict[str, str]) -> int:
        """Return how long it had taken when these were the last facts. Raises `FactsMissing`."""
        billable = 0
        for call, head in heads.items():
            if not head:
                continue
            facts = await self._facts.rows_of(CallId(call))
            before = list(takewhile(lambda fact, head=head: fact.hash.hex() != head, facts))  # type: ignore[misc]
            if len(before) == len(facts):
                raise FactsMissing
            billable += replay(fact_of(fact) for fact in facts[: len(before) + 1]).billable_ms
        return billable // 1000

    async def _calls(self, consultation: ConsultationId) -> list[Row[tuple[str, object]]]:
        async with self._database.reading() as tx:
            return list(await calls_of(tx, consultation))


async def calls_of(tx: AsyncConnection, consultation: ConsultationId) -> list[Row[tuple[str, object]]]:
    """Return the rows of the consultation's calls, oldest first."""
    every = (
        select(billed_calls)
        .where(billed_calls.c.consultation == consultation)
        .order_by(billed_calls.c.opened_at, billed_calls.c.call)
    )
    return list((await tx.execute(every)).all())


async def ends_of(tx: AsyncConnection, consultation: ConsultationId) -> list[datetime | None]:
    """Return when each of the consultation's calls ended; None: it goes on."""
    ends = select(billed_calls.c.ended_at).where(billed_calls.c.consultation == consultation)
    return list((await tx.execute(ends)).scalars())
