"""Calls as billing hears of them: each is noted with the tariff as it was when the call opened."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from billing.io import rows
from billing.io.invoices import Invoices
from billing.io.money_tables import billed_calls
from billing.tariff import FREE
from store.bus import Bus
from store.facts import CallEnded, CallOpened, ConsultationCancelled
from store.io.database import Database
from store.io.due_jobs import DueJobs
from store.io.outbox import Outbox

CONFIRM = "confirm amount"
_A_DAY = timedelta(days=1)


class CallBook:
    """Subscribes to calls and cancelled consultations. Hearing the same again changes nothing."""

    def __init__(self, database: Database, outbox: Outbox, jobs: DueJobs, invoices: Invoices) -> None:
        self._database = database
        self._outbox = outbox
        self._jobs = jobs
        self._invoices = invoices
        self._heard = 0

    def subscribe(self, bus: Bus) -> Callable[[], None]:
        """Hear of calls and cancelled consultations from now on. Returns the function that stops it."""
        stops = (
            bus.subscribe(CallOpened, self.opened),
            bus.subscribe(CallEnded, self.ended),
            bus.subscribe(ConsultationCancelled, self.cancelled),
        )

        def stop() -> None:
            for each in stops:
                each()

        return stop

    async def catch_up(self, at: datetime) -> int:
        """Hear once more what was delivered since the last time, at first of a day. Returns how much that was.

        The database may have been away while a fact was heard, and a call that is not noted would cost nothing.
        """
        facts = await self._outbox.delivered((CallOpened, CallEnded, ConsultationCancelled), self._heard, at - _A_DAY)
        for number, fact in facts:
            if isinstance(fact, CallOpened):
                await self.opened(fact)
            elif isinstance(fact, CallEnded):
                await self.ended(fact)
            elif isinstance(fact, ConsultationCancelled):
                await self.cancelled(fact)
            self._heard = number
        return len(facts)

    async def opened(self, fact: CallOpened) -> None:
        """Note the call, also of a consultation that is free."""
        async with self._database.transaction() as tx:
            payment = await rows.payment_of(tx, fact.consultation)
            price = await rows.price(tx, fact.consultation)
            tariff = payment.tariff if payment is not None else price.tariff if price is not None else FREE
            row = {"call": fact.call, "consultation": fact.consultation, "tariff": tariff, "opened_at": fact.at}
            try:
                async with tx.begin_nested():
                    await tx.execute(insert(billed_calls).values(rows.encoded(row)))
            except IntegrityError:
                return

    async def ended(self, fact: CallEnded) -> None:
        """Note the end, and plan that the amount is confirmed though nobody does it."""
        going_on = (billed_calls.c.call == fact.call, billed_calls.c.ended_at.is_(None))
        async with self._database.transaction() as tx:
            await tx.execute(update(billed_calls).where(*going_on).values(ended_at=fact.at, reason=fact.reason))
            known = await tx.scalar(select(billed_calls.c.call).where(billed_calls.c.call == fact.call))
            if known is not None and await rows.payment_of(tx, fact.consultation) is not None:
                await self._jobs.schedule(tx, CONFIRM, fact.call, {"consultation": fact.consultation}, fact.at)

    async def cancelled(self, fact: ConsultationCancelled) -> None:
        """Free what is held for a consultation that will not take place."""
        await self._invoices.call_off(fact.consultation, fact.at)
