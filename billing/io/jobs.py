"""What happens by itself: unclear operations, amounts that nobody confirmed, holds that lapse, payments overdue."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from billing.agreement import Hold
from billing.io.attempts import Attempts
from billing.io.invoices import Invoices
from billing.io.live import CONFIRM
from billing.io.operations import Operations
from billing.io.settlement import OVERDUE
from billing.problems import Problem, ProviderSilent
from store.ids import ConsultationId, PaymentId
from store.io.due_jobs import DueJobs, Job

# A job that fails comes back when its lease is over.
_LEASE_SECONDS = 60.0
_AT_ONCE = 8

_log = structlog.get_logger("billing.jobs")

Work = Callable[[Job, datetime], Awaitable[datetime | None]]


class MoneyJobs:
    """Called every second or so; with nothing to do it costs three look-ups by index."""

    def __init__(self, jobs: DueJobs, operations: Operations, attempts: Attempts, invoices: Invoices) -> None:
        self._jobs = jobs
        self._operations = operations
        self._attempts = attempts
        self._invoices = invoices
        self._works: dict[str, Work] = {CONFIRM: self._confirm, OVERDUE: self._overdue}

    async def run(self, at: datetime) -> int:
        """Do what is due. Return how many things were done."""
        done = await self._operations.run_due(at)
        jobs = await self._jobs.claim(at, _LEASE_SECONDS, _AT_ONCE, tuple(self._works))
        for job in jobs:
            await self._do(job, at)
        holds = await self._attempts.due(at, _AT_ONCE)
        await asyncio.gather(*(self._look(hold, at) for hold in holds))
        return done + len(jobs) + len(holds)

    async def _do(self, job: Job, at: datetime) -> None:
        try:
            later = await self._works[job.kind](job, at)
        except Exception as error:  # noqa: BLE001 — one job's trouble is not another's; it comes back by itself
            _log.error("job failed", kind=job.kind, error=type(error).__name__)
            return
        if later is None:
            await self._jobs.finish(job)
        else:
            await self._jobs.retry(job, later)

    async def _confirm(self, job: Job, at: datetime) -> datetime | None:
        try:
            return await self._invoices.confirm_itself(ConsultationId(str(job.payload["consultation"])), at)
        except Problem:
            # Confirmed, cancelled or called again in the same moment: nothing is left to do, or the next end does it.
            return None

    async def _overdue(self, job: Job, at: datetime) -> datetime | None:
        return await self._invoices.overdue(PaymentId(job.key), at)

    async def _look(self, hold: Hold, at: datetime) -> None:
        try:
            await self._attempts.look_again(hold, at)
        except ProviderSilent:
            return
        except Exception as error:  # noqa: BLE001 — as above
            _log.error("look failed", error=type(error).__name__)
