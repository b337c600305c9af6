"""Money that moves is booked: the claim when it is confirmed, the capture with its true fee, in the same transaction.

The fee stands in the provider's balance transaction. It is fetched before (`looked`); where it was not there yet, the
capture is booked by a due job as soon as it is, under the same reference.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import bookkeeping
from billing.aftermath import RECEIVED
from billing.agreement import Hold, Payment
from billing.bookkeeping import Charged
from billing.gateway import BalanceTransaction, Gateway, GatewayRefused, GatewayUnclear, Intent, NoSuchObject, Refund
from billing.hold import HoldState
from billing.io import rows
from billing.io.ledger_book import LedgerBook
from billing.io.money_tables import holds, refunds
from billing.io.movements import Movements
from billing.io.payout_watch import PayoutWatch
from billing.io.receipts import Receipts
from billing.ledger import given_up, invoiced
from store.ids import HoldId
from store.io.database import Database
from store.io.due_jobs import DueJobs, Job

BOOK_CAPTURE = "book capture"
BOOK_REFUND = "book refund"
KINDS = (BOOK_CAPTURE, BOOK_REFUND)

_LEASE_SECONDS = 120
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_AT_ONCE = 20
# What comes of an answer of the provider that says something else than we know how to read.
_UNREADABLE = (ValueError, TypeError, KeyError)

_log = structlog.get_logger("billing.books")


class Books:
    """Hears of every move of money (`billing.io.hooks`) and books it."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        ledger: LedgerBook,
        receipts: Receipts,
        payouts: PayoutWatch,
        movements: Movements,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._ledger = ledger
        self._receipts = receipts
        self._payouts = payouts
        self._movements = movements
        self._jobs = DueJobs(database)

    # -- hooks -----------------------------------------------------------------------------------------------

    async def looked(self, intent: Intent) -> None:
        """Fetch the balance transaction of an intent that was captured. What cannot be had now comes by a job."""
        async with self._database.reading() as tx:
            hold = await rows.hold_named(tx, intent.id, intent.reference)
        if hold is not None:
            await self.fetch(intent.account, [intent.charge_transaction], hold.created_at)

    async def look_refund(self, refund: Refund) -> None:
        """Fetch the balance transaction of a refund, in the same way."""
        async with self._database.reading() as tx:
            since = await tx.scalar(select(refunds.c.created_at).where(refunds.c.id == refund.reference))
        if since is not None:
            await self.fetch(refund.account, [refund.transaction], since)

    async def fetch(self, account: str, names: Collection[str], since: datetime) -> None:
        """Fetch balance transactions as far as they can be had; none is older than `since`."""
        try:
            await self._movements.fetch(account, names, since)
        except (GatewayUnclear, GatewayRefused) as problem:
            _log.info("fee not known yet", reason=type(problem).__name__)
        except _UNREADABLE as problem:
            _log.error("fee not readable", account=account, reason=type(problem).__name__)

    async def invoiced(self, tx: AsyncConnection, payment: Payment, at: datetime) -> None:
        """Book the claim on the patient and on the organisation behind the coupon."""
        due, covered = payment.due or 0, payment.covered or 0
        if due or covered:
            posting = invoiced(
                payment.id, payment.practitioner, payment.organisation or "", due, covered, payment.currency, at
            )
            await self._ledger.post(tx, posting, payment.id)

    async def captured(self, tx: AsyncConnection, payment: Payment, hold: Hold, intent: Intent, at: datetime) -> None:
        """Book what was taken, and number the receipt with the last part of it."""
        known = self._movements.known(intent.charge_transaction or hold.charge_transaction)
        if known is None:
            await self._jobs.schedule(tx, BOOK_CAPTURE, hold.id, {}, at + _FIRST_PAUSE)
        else:
            await self._book_capture(tx, payment, hold, known)
        if payment.state in RECEIVED:
            await self._receipts.issue_paid(tx, payment.id, at)

    async def given_up(self, tx: AsyncConnection, payment: Payment, amount: int, reference: str, at: datetime) -> None:
        """Write the claim on the patient down by `amount`, and number the receipt of what was paid by then."""
        posting = given_up(reference, payment.id, payment.practitioner, amount, payment.currency, at)
        await self._ledger.post(tx, posting, payment.id)
        if payment.state in RECEIVED:
            await self._receipts.issue_paid(tx, payment.id, at)

    async def _book_capture(self, tx: AsyncConnection, payment: Payment, hold: Hold, known: BalanceTransaction) -> None:
        charged = Charged(payment.id, payment.practitioner, hold.captured, hold.currency)
        if await self._ledger.post(tx, bookkeeping.capture(hold.id, charged, known), payment.id) is not None:
            await self._payouts.earned(tx, payment.id, known)

    async def refunded(self, tx: AsyncConnection, refund: str, transaction: str, at: datetime) -> None:
        """Book money that was given back, now or as soon as its balance transaction is known."""
        known = self._movements.known(transaction)
        if known is None:
            await self._jobs.schedule(tx, BOOK_REFUND, refund, {}, at + _FIRST_PAUSE)
            return
        row = (await tx.execute(select(refunds).where(refunds.c.id == refund))).one()
        payment = await rows.payment(tx, row.payment)
        if payment is not None:
            charged = Charged(payment.id, payment.practitioner, row.amount, row.currency)
            await self._ledger.post(tx, bookkeeping.refund(refund, charged, known), payment.id)

    # -- what was not known yet ------------------------------------------------------------------------------

    async def run(self, at: datetime) -> int:
        """Book what waited for its balance transaction. Returns how many were done."""
        done = 0
        for job in await self._jobs.claim(at, _LEASE_SECONDS, _AT_ONCE, KINDS):
            book = self.book_capture if job.kind == BOOK_CAPTURE else self.book_refund
            try:
                booked = await book(job.key, at)
            except (GatewayUnclear, GatewayRefused, NoSuchObject):
                booked = False
            except _UNREADABLE as problem:
                # One that cannot be read must not keep the others from the books.
                _log.error("not booked", kind=job.kind, subject=job.key, reason=type(problem).__name__)
                booked = False
            if booked:
                done += await self._jobs.finish(job)
            else:
                await self._jobs.retry(job, at + _pause(job))
        return done

    async def book_capture(self, hold: str, at: datetime) -> bool:
        """Book the capture of a hold, unless it is booked. Returns whether it is then. Raises `GatewayUnclear`."""
        async with self._database.reading() as tx:
            before = await rows.hold(tx, HoldId(hold))
        if before is None or before.state is not HoldState.CAPTURED or before.intent is None:
            return True
        name = before.charge_transaction
        if not name:
            found = await self._gateway.find(before.account, before.intent)
            name = found.charge_transaction if isinstance(found, Intent) else ""
        await self._movements.fetch(before.account, [name], before.created_at)
        known = self._movements.known(name)
        if known is None:
            return False
        async with self._database.transaction() as tx:
            payment = await rows.payment(tx, before.payment, lock=True)
            after = await rows.hold(tx, before.id)
            if payment is not None and after is not None:
                if not after.charge_transaction:
                    after = await rows.change_hold(tx, after, {"charge_transaction": name}, at)
                await self._book_capture(tx, payment, after, known)
        return True

    async def book_refund(self, refund: str, at: datetime) -> bool:
        """Book a refund, unless it is booked. Returns whether it is then. Raises `GatewayUnclear`."""
        wanted = (
            select(refunds, holds.c.account).join(holds, holds.c.id == refunds.c.hold).where(refunds.c.id == refund)
        )
        async with self._database.reading() as tx:
            row = (await tx.execute(wanted)).one()
        found = await self._gateway.find(row.account, row.gateway_id)
        if not isinstance(found, Refund):
            return False
        await self._movements.fetch(row.account, [found.transaction], row.created_at)
        if self._movements.known(found.transaction) is None:
            return False
        async with self._database.transaction() as tx:
            await self.refunded(tx, refund, found.transaction, at)
        return True


def _pause(job: Job) -> timedelta:
    return min(_FIRST_PAUSE * int(2 ** min(job.attempts, 16)), _LONGEST_PAUSE)
