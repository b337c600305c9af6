"""What is under way or undecided here, looked up at the provider; and what does not fit within our own books."""

from datetime import datetime

from sqlalchemy import and_, func, select

from billing import bookkeeping
from billing.aftermath import RECEIVED, DisputeState, RefundState
from billing.bookkeeping import Charged
from billing.gateway import BalanceTransaction, Gateway, NoSuchObject, Refund
from billing.hold import HoldState
from billing.io.disputes import TooEarly
from billing.io.ledger_book import LedgerBook
from billing.io.money_tables import disputes, gateway_operations, holds, payments, payouts, postings, refunds
from billing.io.webhooks import Looker
from billing.ledger import PostingKind
from billing.operation import OPEN
from billing.payment import PaymentState
from billing.problems import StalePayment
from billing.reconciling import GRACE, OPERATION_UNKNOWN_AFTER, Difference, DifferenceKind, Sums, captures, shown
from store.io.database import Database

# A hold in one of these has come to its end, and nothing at the provider moves it.
_QUIET = sorted({HoldState.CAPTURED, HoldState.RELEASED, HoldState.EXPIRED})
_K = DifferenceKind


class LooseEnds:
    """The loose ends of one database."""

    def __init__(self, database: Database, gateway: Gateway, looker: Looker) -> None:
        self._database = database
        self._gateway = gateway
        self._looker = looker

    # -- looking up ------------------------------------------------------------------------------------------

    async def look(self, account: str, since: datetime, at: datetime) -> None:
        """Ask for everything of that account that may have moved without our hearing of it. Raises `GatewayUnclear`."""
        named = (
            select(holds.c.intent).where(
                holds.c.account == account, holds.c.state.not_in(_QUIET), holds.c.intent.is_not(None)
            ),
            select(disputes.c.id)
            .join(payments, payments.c.id == disputes.c.payment)
            .where(payments.c.account == account, disputes.c.state == DisputeState.OPEN),
            select(refunds.c.gateway_id)
            .join(holds, holds.c.id == refunds.c.hold)
            .where(
                holds.c.account == account,
                refunds.c.state == RefundState.PENDING,
                refunds.c.gateway_id.is_not(None),
            ),
        )
        await self._look(account, account, at)
        for names in named:
            async with self._database.reading() as tx:
                found = list((await tx.execute(names)).scalars())
            for name in found:
                await self._look(account, name, at)
        await self.payouts(account, since, at)

    async def payouts(self, account: str, since: datetime, at: datetime) -> None:
        """Take what the provider has of an account's payouts. Raises `GatewayUnclear`."""
        async for payout in self._gateway.payouts(account, since):
            await self._looker.seen(payout, at)

    async def _look(self, account: str, name: str, at: datetime) -> None:
        try:
            await self._looker.seen(await self._gateway.find(account, name), at)
        except (NoSuchObject, TooEarly, StalePayment):
            # What comes of it is found by the comparison that follows.
            return

    async def book_refund_failure(self, ledger: LedgerBook, refund: Refund, transaction: BalanceTransaction) -> None:
        """Book a refund of ours that the patient's bank sent back."""
        wanted = (
            select(refunds.c.amount, refunds.c.currency, payments.c.id, payments.c.practitioner)
            .join(payments, payments.c.id == refunds.c.payment)
            .where(refunds.c.id == refund.reference)
        )
        async with self._database.transaction() as tx:
            row = (await tx.execute(wanted)).one()
            charged = Charged(row.id, row.practitioner, row.amount, row.currency)
            await ledger.post(tx, bookkeeping.refund_failure(charged, transaction), row.id)

    # -- what does not fit -----------------------------------------------------------------------------------

    async def left(self, account: str, at: datetime) -> set[Difference]:
        """Return what does not fit on that account: captures against payments and postings, returned payouts."""
        return (
            await self._uneven(account)
            | await self._not_booked(account, at)
            | await self._returned(account)
            | await self._failed_refunds(account)
        )

    async def everywhere(self, at: datetime) -> set[Difference]:
        """Return the operations and holds of which nobody knows what became of them."""
        before = at - OPERATION_UNKNOWN_AFTER
        operations = select(gateway_operations.c.subject, gateway_operations.c.kind, gateway_operations.c.state).where(
            gateway_operations.c.state.in_(sorted(OPEN)), gateway_operations.c.created_at < before
        )
        unknown = select(holds.c.id, holds.c.state).where(
            holds.c.state == HoldState.UNKNOWN, holds.c.changed_at < before
        )
        async with self._database.reading() as tx:
            asked = (await tx.execute(operations)).all()
            held = (await tx.execute(unknown)).all()
        return {
            *(Difference("", _K.UNKNOWN_OPERATION, f"{row.kind}:{row.subject}", row.state, "") for row in asked),
            *(Difference("", _K.UNKNOWN_HOLD, row.id, row.state, "") for row in held),
        }

    async def _uneven(self, account: str) -> set[Difference]:
        taken = func.coalesce(func.sum(holds.c.captured), 0)
        wanted = (
            select(payments, taken.label("taken"))
            .outerjoin(holds, and_(holds.c.payment == payments.c.id, holds.c.state == HoldState.CAPTURED))
            .where(payments.c.account == account)
            .group_by(payments.c.id)
            .having((taken > 0) | (payments.c.paid > 0))
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        found = set()
        for row in rows:
            claim = None if row.due is None else row.due - row.given_up
            received = PaymentState(row.state) in RECEIVED
            sums = Sums(row.id, account, row.currency, row.paid, int(row.taken), row.refunded, claim, received)
            found |= set() if (one := captures(sums)) is None else {one}
        return found

    async def _not_booked(self, account: str, at: datetime) -> set[Difference]:
        booked = select(postings.c.reference).where(postings.c.kind == PostingKind.CAPTURED)
        wanted = select(holds).where(
            holds.c.account == account,
            holds.c.state == HoldState.CAPTURED,
            holds.c.captured > 0,
            holds.c.changed_at <= at - GRACE,
            holds.c.id.not_in(booked),
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        return {Difference(account, _K.MISSING_POSTING, row.id, "", shown(row.captured, row.currency)) for row in rows}

    async def _returned(self, account: str) -> set[Difference]:
        """Return the payouts that came back, unless a later one has arrived: it held their money too."""
        arrived = (
            select(func.max(payouts.c.arrival_date))
            .where(payouts.c.account == account, payouts.c.state == "paid")
            .scalar_subquery()
        )
        back = select(payouts).where(
            payouts.c.account == account,
            payouts.c.state.in_(("failed", "canceled")),
            arrived.is_(None) | (payouts.c.arrival_date >= arrived),
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(back)).all()
        return {
            Difference(account, _K.PAYOUT_RETURNED, row.id, shown(row.amount, row.currency), row.state) for row in rows
        }

    async def _failed_refunds(self, account: str) -> set[Difference]:
        """Return the refunds that had succeeded and then came back: the patient still waits for the money."""
        wanted = (
            select(refunds)
            .join(holds, holds.c.id == refunds.c.hold)
            .join(postings, and_(postings.c.reference == refunds.c.id, postings.c.kind == PostingKind.REFUNDED))
            .where(holds.c.account == account, refunds.c.state == RefundState.FAILED)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        return {
            Difference(account, _K.REFUND_FAILED, row.id, shown(row.amount, row.currency), row.state) for row in rows
        }
