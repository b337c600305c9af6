"""Where the patients' money is on its way to the practitioner's bank (DAT-25, DAT-37)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.bookkeeping import PAYOUTS_RETURNED
from billing.gateway import BalanceTransaction, Gateway, GatewayRefused, GatewayUnclear, Payout
from billing.io import rows
from billing.io.money_tables import payouts, postings
from billing.ledger import PostingKind
from billing.money import Money
from billing.payout import PayoutState, seen
from store.ids import PaymentId
from store.io.database import Database
from store.io.due_jobs import DueJobs

AVAILABLE = "payout available"

_LEASE_SECONDS = 60
_DAY = timedelta(days=1)
_AT_ONCE = 100
_log = structlog.get_logger("billing.payouts")

# A payout's words, from first to last; late news never leads back.
_ORDER = ("pending", "in_transit", "paid", "failed", "canceled")
_MEANS = {
    "pending": PayoutState.IN_TRANSIT,
    "in_transit": PayoutState.IN_TRANSIT,
    "paid": PayoutState.PAID,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payout to a practitioner's bank. `state` as the provider calls it."""

    id: str
    amount: Money
    state: str
    arrival_date: datetime


class PayoutWatch:
    """Payouts of one database's accounts, and what they mean for each payment."""

    def __init__(self, database: Database, gateway: Gateway) -> None:
        self._database = database
        self._gateway = gateway
        self._jobs = DueJobs(database)

    async def earned(self, tx: AsyncConnection, payment: PaymentId, transaction: BalanceTransaction) -> None:
        """Note that a payment's money is on the practitioner's balance, and from when on it can be paid out."""
        await _move(tx, [payment], PayoutState.PENDING)
        await self._jobs.schedule(tx, AVAILABLE, payment, {}, transaction.available_on)

    async def run(self, at: datetime) -> int:
        """Note what has become available, and what was paid out already. Returns how many payments were looked at."""
        jobs = await self._jobs.claim(at, _LEASE_SECONDS, _AT_ONCE, (AVAILABLE,))
        since: dict[str, datetime] = {}
        for job in jobs:
            async with self._database.transaction() as tx:
                await _move(tx, [PaymentId(job.key)], PayoutState.AVAILABLE)
                payment = await rows.payment(tx, PaymentId(job.key))
            if payment is not None:
                since[payment.account] = min(since.get(payment.account, job.due_at), job.due_at)
        for account, moment in since.items():
            try:
                # The news of a payout may have come before the payment was in the books.
                async for payout in self._gateway.payouts(account, moment - _DAY):
                    await self.seen(payout)
            except GatewayUnclear:
                return 0
            except GatewayRefused as refused:
                # An account that has left the platform tells no more, and must not keep the others waiting.
                _log.warning("payouts not told", reason=refused.code)
            except (ValueError, TypeError, KeyError) as error:
                # Nor must one that says what we cannot read.
                _log.error("payouts not understood", error=type(error).__name__)
        for job in jobs:
            await self._jobs.finish(job)
        return len(jobs)

    async def seen(self, payout: Payout) -> None:
        """Take what the provider says of a payout; the same or older news changes nothing. Raises `GatewayUnclear`."""
        try:
            names = await self._parts(payout.account, payout.id)
        except GatewayRefused:
            # Of one that was sent by hand the provider does not say what it consists of.
            names = set()
        async with self._database.transaction() as tx:
            state = await self._noted(tx, payout)
            captured = select(postings.c.payment).where(
                postings.c.gateway_transaction.in_(names), postings.c.kind == PostingKind.CAPTURED
            )
            theirs = [PaymentId(name) for name in (await tx.execute(captured)).scalars()]
            if _MEANS[state] is not PayoutState.FAILED or not await _sent_again(tx, payout):
                await _move(tx, sorted(set(theirs)), _MEANS[state])

    async def _parts(self, account: str, payout: str) -> set[str]:
        """Return the transactions that a payout consists of, with those of the payouts that came back and are in it."""
        names: set[str] = set()
        waiting, looked = [payout], {payout}
        while waiting:
            async for part in self._gateway.transactions_of_payout(account, waiting.pop()):
                names.add(part.id)
                if part.kind in PAYOUTS_RETURNED and part.source not in looked:
                    looked.add(part.source)
                    waiting.append(part.source)
        return names

    async def transfers(self, account: str, most: int = 100) -> tuple[Transfer, ...]:
        """Return an account's payouts, newest first."""
        wanted = (
            select(payouts)
            .where(payouts.c.account == account)
            .order_by(payouts.c.arrival_date.desc(), payouts.c.id)
            .limit(most)
        )
        async with self._database.reading() as tx:
            found = (await tx.execute(wanted)).all()
        return tuple(Transfer(row.id, Money(row.amount, row.currency), row.state, row.arrival_date) for row in found)

    async def _noted(self, tx: AsyncConnection, payout: Payout) -> str:
        """Return the payout's state after the news."""
        row = {
            "id": payout.id,
            "account": payout.account,
            "amount": payout.amount,
            "currency": payout.currency,
            "state": payout.state,
            "arrival_date": payout.arrival_date,
            "reconciled": payout.reconciled,
        }
        before = (await tx.execute(select(payouts).where(payouts.c.id == payout.id).with_for_update())).one_or_none()
        if before is None:
            try:
                async with tx.begin_nested():
                    await tx.execute(insert(payouts).values(row))
            except IntegrityError:
                # Another process noted it at the same moment; what it saw may be older or newer than this.
                return await self._noted(tx, payout)
            return payout.state
        later = _ORDER.index(payout.state) >= _ORDER.index(before.state)
        state = payout.state if later else before.state
        await tx.execute(
            update(payouts)
            .where(payouts.c.id == payout.id)
            .values(state=state, arrival_date=payout.arrival_date, reconciled=payout.reconciled or before.reconciled)
        )
        return str(state)


async def _sent_again(tx: AsyncConnection, payout: Payout) -> bool:
    """Whether a later payout is on its way or has arrived: it holds what came back, and its news is what counts."""
    later = select(payouts.c.id).where(
        payouts.c.account == payout.account,
        payouts.c.arrival_date > payout.arrival_date,
        payouts.c.state.in_(("pending", "in_transit", "paid")),
    )
    return await tx.scalar(later.limit(1)) is not None


async def _move(tx: AsyncConnection, names: Iterable[PaymentId], now: PayoutState) -> None:
    for name in names:
        payment = await rows.payment(tx, name, lock=True)
        if payment is None:
            continue
        after = seen(PayoutState(payment.payout), now)
        if after != payment.payout:
            await rows.change_payment(tx, payment, {"payout": after})
