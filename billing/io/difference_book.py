"""The differences that are known: found again, settled by themselves, or accepted by an administrator."""

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


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """A difference as it is kept. `settled_at`: it is gone, or an administrator has accepted it."""

    id: str
    difference: Difference
    found_at: datetime
    settled_at: datetime | None


class DifferenceBook:
    """The differences of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> tuple[KnownDifference, ...]:
        """Return what nobody has accepted and what has not gone, newest first."""
        wanted = select(differences).where(differences.c.settled_at.is_(None))
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted.order_by(differences.c.found_at.desc(), differences.c.id))).all()
        return tuple(
            KnownDifference(
                row.id,
                Difference(row.account, DifferenceKind(row.kind), row.object, row.ours, row.theirs),
                row.found_at,
                row.settled_at,
            )
            for row in rows
        )

    async def accept(self, difference: str, at: datetime) -> bool:
        """Take a difference for explained: as long as it stays as it is, it is not listed again. False: no such one."""
        named = (differences.c.id == difference, differences.c.settled_at.is_(None))
        async with self._database.transaction() as tx:
            return (await tx.execute(update(differences).where(*named).values(settled_at=at))).rowcount == 1

    async def note(
        self, found: Collection[Difference], accounts: Collection[str], at: datetime
    ) -> tuple[Difference, ...]:
        """Keep what was found on these accounts, settle what is gone. Returns what was found and is not accepted."""
        standing = []
        async with self._database.transaction() as tx:
            names = set()
            for difference in sorted(found, key=lambda one: (one.account, one.kind, one.object)):
                name, accepted = await self._noted(tx, difference, at)
                names.add(name)
                if not accepted:
                    standing.append(difference)
            of_these = differences.c.account.in_(accounts) & differences.c.settled_at.is_(None)
            for name in (await tx.execute(select(differences.c.id).where(of_these))).scalars().all():
                if name not in names:
                    await tx.execute(update(differences).where(differences.c.id == name).values(settled_at=at))
        return tuple(standing)

    async def _noted(self, tx: AsyncConnection, difference: Difference, at: datetime) -> tuple[str, bool]:
        same = (differences.c.kind == difference.kind) & (differences.c.object == difference.object)
        row = (await tx.execute(select(differences).where(same).with_for_update())).one_or_none()
        values = {"account": difference.account, "ours": difference.ours, "theirs": difference.theirs}
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
        if row.settled_at is not None and (row.ours, row.theirs) == (difference.ours, difference.theirs):
            return str(row.id), True
        changed = update(differences).where(differences.c.id == row.id)
        await tx.execute(changed.values(values | {"settled_at": None}))
        return str(row.id), False
