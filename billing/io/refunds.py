"""Refunds: by an administrator only (DAT-27); partial, several, never more than was taken."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.aftermath import COUNTED, Part, RefundState, parts, refund_seen
from billing.agreement import Hold, Payment
from billing.gateway import Answer, Found, Refund, RefundCharge
from billing.hold import HoldState
from billing.io import rows
from billing.io.aftermath import disputed, follow
from billing.io.books import Books
from billing.io.money_tables import refunds
from billing.io.operations import Operations
from billing.io.receipts import Receipts
from billing.money import Money
from billing.operation import StoredOperation
from billing.problems import RefundedMeanwhile, UnknownPayment
from store.ids import AdministratorId, HoldId, OperationId, PaymentId, Prefix, RefundId, is_id
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A refund as it is kept. `reason` is the administrator's own words."""

    id: RefundId
    payment: PaymentId
    amount: Money
    state: RefundState
    administrator: AdministratorId
    reason: str
    created_at: datetime


class Refunds:
    """Refunds of one database; hears of the answers to `RefundCharge`."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        operations: Operations,
        books: Books,
        receipts: Receipts,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._operations = operations
        self._books = books
        self._receipts = receipts
        operations.register((RefundCharge,), self)

    async def refund(
        self,
        payment: PaymentId,
        amount: int | None,
        administrator: AdministratorId,
        reason: str,
        at: datetime,
        *,
        seen: int | None = None,
    ) -> tuple[GivenBack, ...]:
        """Give `amount` minor units back (None: all that is left). Returns the refunds, one for each hold touched.

        `seen`: what was given back already, or is on its way, as far as the one who asks knows. So the same form sent
        twice gives back once. What the provider leaves unclear goes on by itself. Raises `UnknownPayment`,
        `NotRefundable`, `RefundTooLarge`, `RefundedMeanwhile`.
        """
        if not is_id(payment, Prefix.PAYMENT):
            raise UnknownPayment
        async with self._outbox.committing() as tx:
            row = await rows.payment(tx, payment, lock=True)
            if row is None:
                raise UnknownPayment
            taken = {hold.id: hold for hold in await rows.holds_of(tx, payment) if hold.state is HoldState.CAPTURED}
            gone = await _gone(tx, row)
            if seen is not None and seen != sum(gone.values()):
                raise RefundedMeanwhile
            left = [Part(hold.id, hold.captured - gone[hold.id]) for hold in taken.values()]
            wanted = sum(part.amount for part in left) if amount is None else amount
            known = await disputed(tx, row)
            asked = [
                await self._ask(tx, row, taken[HoldId(part.hold)], part.amount, administrator, reason, at)
                for part in parts(left, known, wanted)
            ]
        for _, operation in asked:
            await self._operations.run(operation)
        made = {refund for refund, _ in asked}
        return tuple(one for one in await self.of_payment(payment) if one.id in made)

    async def of_payment(self, payment: str) -> tuple[GivenBack, ...]:
        """Return what was given back of a payment, oldest first; also what failed."""
        wanted = select(refunds).where(refunds.c.payment == payment).order_by(refunds.c.created_at, refunds.c.id)
        async with self._database.reading() as tx:
            return tuple(_given_back(row) for row in (await tx.execute(wanted)).all())

    async def seen(self, refund: Refund, at: datetime) -> bool:
        """Take what the provider says of a refund. Returns False for one that nobody here has asked for."""
        await self.looked(refund)
        async with self._outbox.committing() as tx:
            return await self._settle(tx, refund, at)

    # -- answers to operations -------------------------------------------------------------------------------

    async def looked(self, found: Found) -> None:
        """Fetch the balance transaction of a refund."""
        if isinstance(found, Refund):
            await self._books.look_refund(found)

    async def answered(
        self,
        tx: AsyncConnection,
        stored: StoredOperation,  # noqa: ARG002 — the protocol has it
        answer: Answer,
        at: datetime,
        /,
    ) -> None:
        """Settle what the provider answered."""
        if isinstance(answer, Refund):
            await self._settle(tx, answer, at)

    async def refused(
        self,
        tx: AsyncConnection,
        stored: StoredOperation,
        refusal: str,  # noqa: ARG002 — the protocol has it
        found: Found | None,
        at: datetime,
    ) -> None:
        """Note that nothing was given back, unless it was after all."""
        if isinstance(found, Refund):
            await self._settle(tx, found, at)
            return
        await tx.execute(
            update(refunds)
            .where(refunds.c.id == stored.subject, refunds.c.state == RefundState.ASKED)
            .values(state=RefundState.FAILED, changed_at=at)
        )

    async def unclear(self, tx: AsyncConnection, stored: StoredOperation, at: datetime) -> None:
        """Nothing to note: ASKED says it."""

    async def again(self, tx: AsyncConnection, stored: StoredOperation, found: Found | None, at: datetime) -> None:
        """Nothing to get ready."""

    # -- parts -----------------------------------------------------------------------------------------------

    async def _ask(
        self,
        tx: AsyncConnection,
        payment: Payment,
        hold: Hold,
        amount: int,
        administrator: AdministratorId,
        reason: str,
        at: datetime,
    ) -> tuple[RefundId, OperationId]:
        refund = RefundId(new_id(Prefix.REFUND))
        await tx.execute(
            insert(refunds).values(
                id=refund,
                payment=payment.id,
                hold=hold.id,
                amount=amount,
                currency=payment.currency,
                state=RefundState.ASKED,
                administrator=administrator,
                reason=" ".join(reason.split())[:LONGEST_REASON],
                created_at=at,
                changed_at=at,
            )
        )
        wanted = RefundCharge(hold.account, refund, hold.intent or "", amount, payment.currency)
        return refund, await self._operations.add(tx, wanted, refund, at)

    async def _settle(self, tx: AsyncConnection, refund: Refund, at: datetime) -> bool:
        named = select(refunds.c.payment, refunds.c.hold).where(refunds.c.id == refund.reference)
        found = (await tx.execute(named)).one_or_none()
        hold = None if found is None else await rows.hold(tx, found.hold)
        if found is None or hold is None or (hold.account, hold.intent) != (refund.account, refund.intent):
            return False
        payment = await rows.payment(tx, found.payment, lock=True)
        row = (await tx.execute(select(refunds).where(refunds.c.id == refund.reference))).one()
        if payment is None or row.gateway_id not in {None, refund.id}:
            return False
        state = refund_seen(RefundState(row.state), refund.state)
        if (state, refund.id) != (row.state, row.gateway_id):
            await tx.execute(
                update(refunds).where(refunds.c.id == row.id).values(state=state, gateway_id=refund.id, changed_at=at)
            )
        await follow(tx, self._outbox, payment, at)
        if state is RefundState.SUCCEEDED and row.state != state:
            await self._books.refunded(tx, row.id, refund.transaction, at)
            await self._receipts.issue_refund(tx, row.id, at)
        return True


async def _gone(tx: AsyncConnection, payment: Payment) -> defaultdict[str, int]:
    """Return what was given back of each hold, with the refunds under way."""
    wanted = select(refunds.c.hold, refunds.c.amount).where(
        refunds.c.payment == payment.id, refunds.c.state.in_(sorted(COUNTED))
    )
    gone: defaultdict[str, int] = defaultdict(int)
    for row in (await tx.execute(wanted)).all():
        gone[row.hold] += row.amount
    return gone


def _given_back(row: Row[Any]) -> GivenBack:
    return GivenBack(
        RefundId(row.id),
        PaymentId(row.payment),
        Money(row.amount, row.currency),
        RefundState(row.state),
        AdministratorId(row.administrator),
        row.reason,
        row.created_at,
    )
