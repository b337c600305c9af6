"""Work that falls due: kept until it is done, done by whoever claims it, repeated when that one died.

A claim is a lease. `attempts` grows with each claim and serves as its number: who comes back after the lease
was given to another can neither finish nor postpone the job.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.ids import Prefix
from store.io.database import Database
from store.io.entropy import new_id
from store.io.tables import due_jobs


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed piece of work; `attempts` counts this claim, from 1."""

    id: str
    kind: str
    key: str
    payload: dict[str, object]
    due_at: datetime
    attempts: int


class DueJobs:
    """The jobs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def schedule(
        self, tx: AsyncConnection, kind: str, key: str, payload: dict[str, object], due_at: datetime
    ) -> bool:
        """Plan a job within the transaction. Returns False, and changes nothing, when kind and key are planned."""
        row = {
            "id": new_id(Prefix.JOB),
            "kind": kind,
            "key": key,
            "payload": msgspec.json.encode(payload).decode(),
            "due_at": due_at,
            "attempts": 0,
        }
        try:
            async with tx.begin_nested():
                await tx.execute(insert(due_jobs).values(row))
        except IntegrityError:
            return False
        return True

    async def claim(
        self, at: datetime, lease_seconds: float, limit: int, kinds: Collection[str] | None = None
    ) -> list[Job]:
        """Return at most `limit` jobs that are due, earliest first; nobody else gets them for `lease_seconds`.

        `kinds`: of these only, so that each package does its own work; None means any.
        """
        due = (
            select(due_jobs)
            .where(due_jobs.c.due_at <= at, or_(due_jobs.c.leased_until.is_(None), due_jobs.c.leased_until <= at))
            .order_by(due_jobs.c.due_at, due_jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if kinds is not None:
            due = due.where(due_jobs.c.kind.in_(kinds))
        async with self._database.transaction() as tx:
            rows = (await tx.execute(due)).all()
            await tx.execute(
                update(due_jobs)
                .where(due_jobs.c.id.in_([row.id for row in rows]))
                .values(attempts=due_jobs.c.attempts + 1, leased_until=at + timedelta(seconds=lease_seconds))
            )
        return [_job(row) for row in rows]

    async def extend(self, tx: AsyncConnection, job: Job, until: datetime) -> bool:
        """Keep the job longer, within the transaction. Returns False when its lease ran out and another claimed it."""
        done = await tx.execute(
            update(due_jobs)
            .where(due_jobs.c.id == job.id, due_jobs.c.attempts == job.attempts)
            .values(leased_until=until)
        )
        return done.rowcount == 1

    async def finish(self, job: Job) -> bool:
        """Forget the job. Returns False when its lease ran out and another claimed it."""
        async with self._database.transaction() as tx:
            done = await tx.execute(
                delete(due_jobs).where(due_jobs.c.id == job.id, due_jobs.c.attempts == job.attempts)
            )
        return done.rowcount == 1

    async def retry(self, job: Job, due_at: datetime) -> bool:
        """Give the job back, to be claimed from `due_at` on. Returns False when another claimed it meanwhile."""
        async with self._database.transaction() as tx:
            done = await tx.execute(
                update(due_jobs)
                .where(due_jobs.c.id == job.id, due_jobs.c.attempts == job.attempts)
                .values(due_at=due_at, leased_until=None)
            )
        return done.rowcount == 1


def _job(row: Row[*tuple[object, ...]]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        key=row.key,
        payload=msgspec.json.decode(row.payload, type=dict[str, object]),
        due_at=row.due_at,
        attempts=row.attempts + 1,
    )
