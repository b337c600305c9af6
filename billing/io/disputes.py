"""Disputes: the patient's bank takes the money back, and perhaps gives it again. Ids are the provider's own."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import bookkeeping
from billing.aftermath import DisputeState, dispute_seen
from billing.agreement import Payment
from billing.gateway import Dispute, Gateway, Intent
from billing.hold import HoldState
from billing.io import rows
from billing.io.aftermath import follow
from billing.io.books import Books
from billing.io.holds import Holds
from billing.io.ledger_book import LedgerBook
from billing.io.money_tables import disputes
from billing.io.movements import Movements
from store.io.database import Database
from store.io.outbox import Outbox


class TooEarly(Exception):
    """The dispute is about money that we do not know as taken yet: look again later."""


class Disputes:
    """Disputes of one database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        gateway: Gateway,
        holds: Holds,
        ledger: LedgerBook,
        books: Books,
        movements: Movements,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._gateway = gateway
        self._holds = holds
        self._ledger = ledger
        self._books = books
        self._movements = movements

    async def seen(self, dispute: Dispute, at: datetime) -> bool:
        """Take what the provider says of a dispute. Returns False for one about a charge that is none of ours.

        Raises `TooEarly` or `GatewayUnclear`.
        """
        # The news of the charge itself may have been lost: a dispute is never the first thing that happens.
        found = await self._gateway.find(dispute.account, dispute.intent)
        if isinstance(found, Intent):
            await self._books.looked(found)
            async with self._outbox.committing() as tx:
                await self._holds.settle(tx, found, at)
        async with self._database.reading() as tx:
            hold = await rows.hold_named(tx, dispute.intent, found.reference if isinstance(found, Intent) else "")
        if hold is None or hold.account != dispute.account:
            return False
        await self._books.fetch(dispute.account, dispute.transactions, hold.created_at)
        async with self._outbox.committing() as tx:
            payment = await rows.payment(tx, hold.payment, lock=True)
            taken = await rows.hold(tx, hold.id)
            if payment is None or taken is None or taken.state is not HoldState.CAPTURED:
                raise TooEarly
            # Of a claim that is still open the bank takes back a part: the rest stays asked for, and the state that a
            # dispute leads to comes when the claim is closed.
            await self._noted(tx, payment, dispute, at)
            await follow(tx, self._outbox, payment, at)
            for name in dispute.transactions:
                if (known := self._movements.known(name)) is not None:
                    posting = bookkeeping.dispute(payment.practitioner, known)
                    await self._ledger.post(tx, posting, payment.id)
        return True

    async def _noted(self, tx: AsyncConnection, payment: Payment, dispute: Dispute, at: datetime) -> None:
        before = (await tx.execute(select(disputes).where(disputes.c.id == dispute.id))).one_or_none()
        state = dispute_seen(DisputeState(before.state) if before else None, dispute.state)
        closed_at = None if state is DisputeState.OPEN else at
        if before is None:
            await tx.execute(
                insert(disputes).values(
                    id=dispute.id,
                    payment=payment.id,
                    amount=dispute.amount,
                    currency=dispute.currency,
                    state=state,
                    opened_at=at,
                    closed_at=closed_at,
                )
            )
        elif state != before.state:
            changed = update(disputes).where(disputes.c.id == dispute.id)
            await tx.execute(changed.values(state=state, closed_at=closed_at))
