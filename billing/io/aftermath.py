"""A received payment after its refunds and disputes: its state follows from all of them."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.aftermath import RECEIVED, DisputeState, RefundState, settled
from billing.agreement import Payment
from billing.io import rows
from billing.io.money_tables import disputes, refunds
from store.facts import PaymentChanged
from store.io.outbox import Outbox


async def disputed(tx: AsyncConnection, payment: Payment) -> tuple[DisputeState, ...]:
    """Return how the disputes about what was taken of the payment stand."""
    found = await tx.execute(select(disputes.c.state).where(disputes.c.payment == payment.id))
    return tuple(map(DisputeState, found.scalars()))


async def follow(tx: AsyncConnection, outbox: Outbox, payment: Payment, at: datetime) -> Payment:
    """Return the payment with what was refunded, in the state that follows; says so when it is another."""
    given_back = select(func.coalesce(func.sum(refunds.c.amount), 0)).where(
        refunds.c.payment == payment.id, refunds.c.state == RefundState.SUCCEEDED
    )
    refunded = int(await tx.scalar(given_back) or 0)
    state = payment.state
    if state in RECEIVED:
        state = settled(state, payment.paid, refunded, await disputed(tx, payment))
    if (state, refunded) == (payment.state, payment.refunded):
        return payment
    after = await rows.change_payment(tx, payment, {"state": state, "refunded": refunded})
    if state is not payment.state:
        await outbox.add(tx, PaymentChanged(after.consultation, after.id, state, at))
    return after
