"""Leases: who may act alone for a while. Each comes with an epoch, to be shown with every act.

The epoch grows whenever a lease is taken anew, so what a former holder still does carries a smaller number and
can be refused, however late it arrives.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from store.io.database import Database
from store.io.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act in the name of `name` until `expires_at`."""

    name: str
    holder: str
    epoch: int
    expires_at: datetime


class StaleLease(Exception):
    """The lease was taken by another since: whoever holds this one must stop."""


class Leases:
    """The leases of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, name: str, holder: str, at: datetime, seconds: float) -> Lease | None:
        """Take a free or lapsed lease with the next epoch, or extend one's own. Returns None when another holds it."""
        lease = Lease(name, holder, 1, at + timedelta(seconds=seconds))
        async with self._database.transaction() as tx:
            try:
                async with tx.begin_nested():
                    await tx.execute(insert(leases).values(_row(lease)))
            except IntegrityError:
                found = select(leases).where(leases.c.name == name).with_for_update()
                row = (await tx.execute(found)).one()
                lapsed = row.expires_at <= at
                if not lapsed and row.holder != holder:
                    return None
                lease = replace(lease, epoch=row.epoch + 1 if lapsed else row.epoch)
                await tx.execute(update(leases).where(leases.c.name == name).values(_row(lease)))
        return lease

    async def renew(self, lease: Lease, at: datetime, seconds: float) -> Lease:
        """Return the lease with a new end. Raises `StaleLease` when another epoch has begun."""
        return await self._change(replace(lease, expires_at=at + timedelta(seconds=seconds)))

    async def release(self, lease: Lease, at: datetime) -> None:
        """Give the lease up at once. Raises `StaleLease` when another epoch has begun."""
        await self._change(replace(lease, expires_at=at))

    async def _change(self, lease: Lease) -> Lease:
        same = (leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.epoch == lease.epoch)
        async with self._database.transaction() as tx:
            done = await tx.execute(update(leases).where(*same).values(expires_at=lease.expires_at))
        if done.rowcount != 1:
            raise StaleLease(lease.name)
        return lease


def _row(lease: Lease) -> dict[str, object]:
    return {"name": lease.name, "holder": lease.holder, "epoch": lease.epoch, "expires_at": lease.expires_at}
