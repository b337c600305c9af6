"""The one place where what the provider has moves a hold and its payment.

The same news twice, or news that is older than what we know, changes nothing; final states stay.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import settling
from billing.aftermath import settled
from billing.agreement import Hold, Payment, Purpose
from billing.gateway import (
    Answer,
    AuthoriseCard,
    CaptureHold,
    Found,
    IncreaseHold,
    Intent,
    IntentState,
    ReleaseHold,
    SaveCard,
)
from billing.hold import HoldEvent, HoldState
from billing.hold import moved as hold_moved
from billing.io import coupons, rows
from billing.io.aftermath import disputed
from billing.io.hooks import Hooks
from billing.io.money_tables import gateway_operations
from billing.io.operations import Operations
from billing.io.settings import BillingSettings
from billing.operation import OPEN, StoredOperation
from billing.payment import PaymentEvent, PaymentState
from billing.payment import moved as payment_moved
from store.facts import HoldChanged, PaymentChanged
from store.ids import HoldId, OperationId
from store.io.due_jobs import DueJobs
from store.io.outbox import Outbox

OVERDUE = "payment overdue"

_OVER = frozenset({PaymentState.NO_PAYMENT, PaymentState.CANCELLED})
# A release that was refused is asked for again after this.
_FREED_AFTER = timedelta(hours=1)
_CREATES = (AuthoriseCard, SaveCard)
_GIVES_UP = frozenset({PaymentEvent.CANCELLED, PaymentEvent.REST_GIVEN_UP})


class Settlement:
    """Settles the operations on holds. All methods but `looked` run in the caller's transaction."""

    def __init__(
        self, outbox: Outbox, jobs: DueJobs, operations: Operations, hooks: Hooks, settings: BillingSettings
    ) -> None:
        self._outbox = outbox
        self._jobs = jobs
        self._operations = operations
        self._hooks = hooks
        self._settings = settings
        operations.register((AuthoriseCard, SaveCard, CaptureHold, IncreaseHold, ReleaseHold), self)

    # -- news of intents -------------------------------------------------------------------------------------

    async def settle(self, tx: AsyncConnection, intent: Intent, at: datetime) -> None:
        """Let what the provider has move our hold and its payment. An intent of nobody here changes nothing."""
        found = await rows.hold_named(tx, intent.id, intent.reference)
        if found is None or found.account != intent.account or found.intent not in {None, intent.id}:
            return
        payment, before = await self._locked(tx, found.id)
        payment = await self._settle(tx, payment, before, intent, at)
        # What followed for the payment may have changed the hold once more.
        after = await rows.hold(tx, before.id)
        if after is not None:
            await self._tidy(tx, payment, after, at)

    async def _settle(self, tx: AsyncConnection, payment: Payment, hold: Hold, intent: Intent, at: datetime) -> Payment:
        event = settling.event_of(hold.purpose, intent)
        state = settling.next_state(hold, event, busy=await self._busy(tx, hold.id))
        after = await self._note(tx, hold, settling.settled_values(hold, intent, state), at)
        payment = await self._remember_card(tx, payment, after, intent)
        taken = after.state is HoldState.CAPTURED and hold.state is not HoldState.CAPTURED
        if taken:
            payment = await self._paid(tx, payment, after, at)
        processing = intent.state is IntentState.PROCESSING
        charging = payment.state is PaymentState.PROCESSING and hold.purpose is Purpose.CHARGE
        if after.state is not hold.state or processing or charging:
            payment = await self._follow(tx, payment, after, at, processing=processing)
        if taken:
            await self._hooks.captured(tx, payment, after, intent, at)
        return payment

    async def _paid(self, tx: AsyncConnection, payment: Payment, hold: Hold, at: datetime) -> Payment:
        """Return the payment with what was taken. What was given up and is paid after all was owed after all."""
        paid = payment.paid + hold.captured
        given_up = min(payment.given_up, max((payment.due or 0) - paid, 0))
        sums = {"paid": paid, "commission": (payment.commission or 0) + hold.fee, "given_up": given_up}
        after = await rows.change_payment(tx, payment, sums)
        if given_up != payment.given_up:
            await self._hooks.given_up(tx, after, given_up - payment.given_up, hold.id, at)
        return after

    async def _tidy(self, tx: AsyncConnection, payment: Payment, hold: Hold, at: datetime) -> None:
        """Free what nobody needs: a card that is not taken, what comes when all is over, what another has replaced."""
        if hold.state is not HoldState.HELD:
            if settling.superfluous(hold, payment.state):
                await self.release(tx, hold, at)
        elif hold.declined or payment.state not in settling.NEEDS_HOLDS:
            await self.release(tx, hold, at)
        elif payment.state is PaymentState.DRAFT:
            for other in settling.outlasted(payment, await rows.holds_of(tx, payment.id), at):
                await self.release(tx, other, at)

    async def _locked(self, tx: AsyncConnection, name: HoldId) -> tuple[Payment, Hold]:
        """Return the hold and its payment, which nobody else changes until the transaction ends."""
        seen = cast("Hold", await rows.hold(tx, name))
        payment = cast("Payment", await rows.payment(tx, seen.payment, lock=True))
        return payment, cast("Hold", await rows.hold(tx, name))

    async def _busy(self, tx: AsyncConnection, hold: HoldId) -> bool:
        """Whether an answer is awaited that decides on the hold's state; raising its amount does not."""
        waiting = (
            select(func.count())
            .select_from(gateway_operations)
            .where(
                gateway_operations.c.subject == hold,
                gateway_operations.c.state.in_(sorted(OPEN)),
                gateway_operations.c.kind != IncreaseHold.__name__,
            )
        )
        return bool(await tx.scalar(waiting))

    async def _note(self, tx: AsyncConnection, hold: Hold, values: Mapping[str, object], at: datetime) -> Hold:
        """Return the hold with the new values, and say so when its state is another."""
        changed = {name: value for name, value in values.items() if getattr(hold, name) != value}
        if not changed:
            return hold
        state = HoldState(cast("str", changed.get("state", hold.state)))
        lapses = cast("datetime | None", values.get("capture_before", hold.capture_before))
        if state is not hold.state or "capture_before" in changed:
            changed["look_at"] = settling.look_at(hold, state, lapses, at)
        after = await rows.change_hold(tx, hold, changed, at)
        if state is not hold.state:
            payment = cast("Payment", await rows.payment(tx, hold.payment))
            await self._outbox.add(tx, HoldChanged(payment.consultation, hold.id, state, at))
        return after

    async def _remember_card(self, tx: AsyncConnection, payment: Payment, hold: Hold, intent: Intent) -> Payment:
        if hold.state not in {HoldState.HELD, HoldState.CAPTURED} or hold.declined or not intent.payment_method:
            return payment
        card = {"customer": intent.customer, "payment_method": intent.payment_method, "card": intent.card}
        if card == {name: getattr(payment, name) for name in card}:
            return payment
        return await rows.change_payment(tx, payment, card)

    async def _follow(
        self, tx: AsyncConnection, payment: Payment, hold: Hold, at: datetime, *, processing: bool
    ) -> Payment:
        event = settling.payment_event(payment, await rows.holds_of(tx, payment.id), hold, processing=processing)
        return payment if event is None else await self.move(tx, payment, event, at)

    # -- moving ----------------------------------------------------------------------------------------------

    async def move(
        self, tx: AsyncConnection, payment: Payment, event: PaymentEvent, at: datetime, **values: object
    ) -> Payment:
        """Return the payment after the event, with what follows from it: its holds, its coupon, its due date."""
        state = payment_moved(payment.state, event)
        if state is PaymentState.PAID:
            values["paid_at"] = at
            state = settled(state, payment.paid, payment.refunded, await disputed(tx, payment))
        given_up = payment.owed if event in _GIVES_UP else 0
        if given_up:
            values["given_up"] = payment.given_up + given_up
        if state is PaymentState.PENDING:
            values |= {"due_by": at + self._settings.due_after, "asked_at": at}
        after = await rows.change_payment(tx, payment, {"state": state, **values})
        await self._outbox.add(tx, PaymentChanged(after.consultation, after.id, state, at))
        if state is PaymentState.PENDING:
            await self._jobs.schedule(tx, OVERDUE, after.id, {}, at + self._settings.due_after)
        if given_up:
            await self._hooks.given_up(tx, after, given_up, after.id, at)
        if state in _OVER and after.coupon is not None and not after.covered:
            await coupons.give_back(tx, after.coupon)
        for hold in await rows.holds_of(tx, after.id):
            if settling.superfluous(hold, state):
                await self.release(tx, hold, at)
        return after

    async def release(self, tx: AsyncConnection, hold: Hold, at: datetime) -> OperationId | None:
        """Free the hold, where there is something to free. Returns the operation to run."""
        if not settling.releasable(hold) or hold.intent is None:
            return None
        await self._note(tx, hold, {"state": hold_moved(hold.state, HoldEvent.RELEASE)}, at)
        return await self._operations.add(tx, ReleaseHold(hold.account, hold.intent), hold.id, at)

    async def capture(self, tx: AsyncConnection, hold: Hold, amount: int, fee: int, at: datetime) -> OperationId:
        """Take `amount` of the hold, `fee` of it for the platform. Returns the operation to run."""
        await self._note(tx, hold, {"state": hold_moved(hold.state, HoldEvent.CAPTURE)}, at)
        wanted = CaptureHold(hold.account, hold.intent or "", amount, hold.currency, fee)
        return await self._operations.add(tx, wanted, hold.id, at)

    # -- answers to operations -------------------------------------------------------------------------------

    async def looked(self, found: Found) -> None:
        """Let the books prepare for an intent."""
        if isinstance(found, Intent):
            await self._hooks.looked(found)

    async def answered(self, tx: AsyncConnection, _stored: StoredOperation, answer: Answer, at: datetime) -> None:
        """Settle the intent that an operation led to."""
        if isinstance(answer, Intent):
            await self.settle(tx, answer, at)

    async def refused(
        self, tx: AsyncConnection, stored: StoredOperation, refusal: str, found: Found | None, at: datetime
    ) -> None:
        """Settle a no: the card was declined, or the intent is not what we thought."""
        payment, hold = await self._locked(tx, HoldId(stored.subject))
        if isinstance(stored.operation, _CREATES):
            values: dict[str, object] = {"declined": refusal}
            if isinstance(found, Intent):
                values["intent"] = found.id
            if hold.state in {HoldState.CREATING, HoldState.UNKNOWN}:
                values["state"] = hold_moved(hold.state, HoldEvent.DECLINED)
            after = await self._note(tx, hold, values, at)
            await self._follow(tx, payment, after, at, processing=False)
            return
        if hold.state is HoldState.RELEASING:
            hold = await self._note(tx, hold, {"state": hold_moved(hold.state, HoldEvent.UNCLEAR)}, at)
        if isinstance(found, Intent):
            # Not tidied: what was just refused would be asked for again at once.
            await self._settle(tx, payment, hold, found, at)
            if isinstance(stored.operation, ReleaseHold):
                await self._free_later(tx, hold.id, at)
        elif hold.state is HoldState.CAPTURING:
            await self._note(tx, hold, {"state": hold_moved(hold.state, HoldEvent.UNCLEAR)}, at)

    async def _free_later(self, tx: AsyncConnection, name: HoldId, at: datetime) -> None:
        """Have what could not be freed looked at, and so freed, long before it lapses."""
        hold = await rows.hold(tx, name)
        if hold is not None and hold.state is HoldState.HELD:
            await rows.change_hold(tx, hold, {"look_at": at + _FREED_AFTER}, at)

    async def unclear(self, tx: AsyncConnection, stored: StoredOperation, at: datetime) -> None:
        """Note that nobody knows: only a look leads on."""
        _, hold = await self._locked(tx, HoldId(stored.subject))
        if hold.state in {HoldState.CREATING, HoldState.CAPTURING, HoldState.RELEASING}:
            await self._note(tx, hold, {"state": hold_moved(hold.state, HoldEvent.UNCLEAR)}, at)

    async def again(self, tx: AsyncConnection, stored: StoredOperation, found: Found | None, at: datetime) -> None:
        """Take the hold from UNKNOWN to what the look has shown, and from there to what is asked for again."""
        _, hold = await self._locked(tx, HoldId(stored.subject))
        wanted = {CaptureHold: HoldEvent.CAPTURE, ReleaseHold: HoldEvent.RELEASE}.get(type(stored.operation))
        if wanted is None or hold.state is not HoldState.UNKNOWN or not isinstance(found, Intent):
            return
        shown = settling.event_of(hold.purpose, found)
        if shown is not None:
            state = hold_moved(hold_moved(hold.state, shown), wanted)
            await self._note(tx, hold, {"state": state}, at)
