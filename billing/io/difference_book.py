"""The differences that are known: found again, gone, or accepted by an administrator."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.io.money_tables import differences
from billing.reconciling import Difference, DifferenceKind
from store.ids import Prefix
from store.io.database import Database
from store.io.entropy import new_id

# Listed on the administrators' page.
_OPEN = (differences.c.accepted_at.is_(None), differences.c.gone_at.is_(None))


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """A difference as it is kept."""

    id: str
    difference: Difference
    found_at: datetime


class DifferenceBook:
    """The differences of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> tuple[KnownDifference, ...]:
        """Return what nobody has accepted and what has not gone, newest first."""
        wanted = select(differences).where(*_OPEN)
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted.order_by(differences.c.found_at.desc(), differences.c.id))).all()
        return tuple(
            KnownDifference(
                row.id,
                Difference(row.account, DifferenceKind(row.kind), row.object, row.ours, row.theirs),
                row.found_at,
            )
            for row in rows
        )

    async def accept(self, difference: str, at: datetime) -> bool:
        """Take a difference for explained: as long as it stays as it is, it is not listed again. False: no such one."""
        named = update(differences).where(differences.c.id == difference, *_OPEN)
        async with self._database.transaction() as tx:
            return (await tx.execute(named.values(accepted_at=at))).rowcount == 1

    async def note(
        self, found: Collection[Difference], accounts: Collection[str], at: datetime
    ) -> tuple[Difference, ...]:
        """Keep what was found on these accounts, note what is gone. Returns what was found and is not accepted.

        What was accepted, or went, and comes back another time is as good as new.
        """
        standing = []
        async with self._database.transaction() as tx:
            names = set()
            for difference in sorted(found, key=lambda one: (one.account, one.kind, one.object)):
                name, accepted = await self._noted(tx, difference, at)
                names.add(name)
                if not accepted:
                    standing.append(difference)
            of_these = differences.c.account.in_(accounts) & differences.c.gone_at.is_(None)
            for name in (await tx.execute(select(differences.c.id).where(of_these))).scalars().all():
                if name not in names:
                    await tx.execute(update(differences).where(differences.c.id == name).values(gone_at=at))
        return tuple(standing)

    async def _noted(self, tx: AsyncConnection, difference: Difference, at: datetime) -> tuple[str, bool]:
        same = (differences.c.kind == difference.kind) & (differences.c.object == difference.object)
        row = (await tx.execute(select(differences).where(same).with_for_update())).one_or_none()
        values: dict[str, object] = {
            "account": difference.account,
            "ours": difference.ours,
            "theirs": difference.theirs,
        }
        if row is None:
            name = new_id(Prefix.DIFFERENCE)
            kept = values | {"id": name, "kind": difference.kind, "object": difference.object, "found_at": at}
            try:
                async with tx.begin_nested():
                    await tx.execute(insert(differences).values(kept))
            except IntegrityError:
                # Another run found it at the same moment.
                return await self._noted(tx, difference, at)
            return name, False
        stayed = row.gone_at is None and (row.ours, row.theirs) == (difference.ours, difference.theirs)
        if stayed and row.accepted_at is not None:
            return str(row.id), True
        if not stayed:
            values |= {"accepted_at": None, "gone_at": None, "found_at": row.found_at if row.gone_at is None else at}
            await tx.execute(update(differences).where(differences.c.id == row.id).values(values))
        return str(row.id), False
