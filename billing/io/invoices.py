"""Invoices: from the reading during the call to the payment."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing import invoice
from billing.agreement import Hold, Payment, Purpose, Timeline, live
from billing.invoice import Reading
from billing.io import rows
from billing.io.attempts import Attempts
from billing.io.claims import Claims
from billing.io.hooks import Hooks
from billing.io.metering import Metering, Taken, ends_of
from billing.io.operations import Operations
from billing.io.settings import BillingSettings
from billing.io.settlement import Settlement
from billing.payment import PaymentEvent, PaymentState
from billing.problems import (
    AlreadyCaptured,
    AlreadyInvoiced,
    AmountOverHolds,
    CallRunning,
    HoldExpired,
    NotAgreed,
    NotANoShow,
    NotInvoiced,
    NotMet,
    PriceLocked,
    PriceMissing,
)
from billing.tariff import Quote
from store.ids import ConsultationId, OperationId, PaymentId
from store.io.database import Database
from store.io.outbox import Outbox


class Invoices(Claims):
    """Payments of one database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        operations: Operations,
        settlement: Settlement,
        attempts: Attempts,
        metering: Metering,
        hooks: Hooks,
        key: bytes,
        settings: BillingSettings,
    ) -> None:
        super().__init__(database, outbox, operations, settlement, attempts, key, settings)
        self._metering = metering
        self._hooks = hooks

    # -- during the call -------------------------------------------------------------------------------------

    async def reading(self, consultation: ConsultationId, at: datetime) -> Reading | None:
        """Return what the calls come to so far; None for a consultation that is free."""
        async with self._database.reading() as tx:
            price = await rows.price(tx, consultation)
            payment = await rows.payment_of(tx, consultation)
            kept = await rows.holds_of(tx, payment.id) if payment is not None else []
        if price is None and payment is None:
            return None
        going = await self._metering.now(consultation)
        if payment is None:
            return None if price is None else invoice.unagreed(price.tariff, going.seconds)
        most_due = invoice.ceiling(payment, kept, at) if payment.invoiced_at is None else payment.ceiling
        held = live(kept, at)
        return Reading(
            tariff=payment.tariff,
            discount=payment.discount,
            ceiling=most_due,
            quote=invoice.quoted(payment, going.seconds, most_due),
            running=going.running,
            paused=going.paused,
            ends_in_seconds=invoice.ends_in(payment, going.seconds, most_due) if held else None,
            entered=payment.entered,
            can_extend=bool(held) and payment.state is PaymentState.DRAFT,
        )

    async def enter(self, consultation: ConsultationId, amount: int | None, at: datetime) -> Reading:
        """Note the amount (minor units) that is to be charged instead of the metered one; None takes it back.

        Raises `PriceMissing`, `NotAgreed`, `BadAmount`, `AmountOverHolds`, `AlreadyInvoiced`, `PriceLocked`.
        """
        async with self._outbox.committing() as tx:
            payment = await self._draft(tx, consultation)
            if amount is not None:
                await self._check_amount(tx, payment, amount, at)
            await rows.change_payment(tx, payment, {"entered": amount})
        reading = await self.reading(consultation, at)
        if reading is None:
            raise PriceMissing
        return reading

    # -- at its end ------------------------------------------------------------------------------------------

    async def confirm(
        self, consultation: ConsultationId, amount: int | None, at: datetime, *, by_link: bool = False
    ) -> Payment:
        """Freeze the amount (None: the entered or metered one) and take it: from the holds, else by a pay link.

        `by_link`: ask by a link where a hold has lapsed, instead of raising `HoldExpired`. Raises what `enter` raises,
        `CallRunning`, and `NotMet`: without a meeting nobody's hold is touched but as a no-show.
        """
        taken = await self._metering.taken(consultation)
        operations: list[OperationId] = []
        async with self._outbox.committing() as tx:
            payment = await self._draft(tx, consultation)
            if invoice.going_on(await ends_of(tx, consultation), still_open=taken.open, at=at):
                raise CallRunning
            if amount is not None:
                await self._check_amount(tx, payment, amount, at)
                payment = await rows.change_payment(tx, payment, {"entered": amount})
            kept = await rows.holds_of(tx, payment.id)
            wanted = invoice.quoted(payment, taken.seconds, invoice.ceiling(payment, kept, at))
            if not taken.met and (wanted.covered or (wanted.due and live(kept, at))):
                raise NotMet
            if wanted.due and not by_link and invoice.lapsed(payment, kept, at):
                raise HoldExpired
            await self._freeze(tx, payment, wanted, taken, kept, operations, at)
        return await self._carried_out(payment.id, operations)

    async def no_show(
        self,
        consultation: ConsultationId,
        charge: bool,
        at: datetime,
        timeline: Timeline | None = None,
        amount: int | None = None,
    ) -> Payment:
        """Charge a patient who did not come, or let it be. `amount`: less than the planned price.

        From the hold, else from the kept card, else by a pay link. Raises `NotANoShow`, `NotAgreed`, `AlreadyInvoiced`,
        `BadAmount`, `AmountOverHolds`.
        """
        taken = await self._metering.taken(consultation)
        operations: list[OperationId] = []
        async with self._outbox.committing() as tx:
            payment = await self._draft(tx, consultation)
            if taken.met or at < payment.starts_at or (charge and invoice.waited_in_vain(timeline)):
                raise NotANoShow
            kept = await rows.holds_of(tx, payment.id)
            most_due = invoice.ceiling(payment, kept, at)
            if charge and amount is not None:
                invoice.check_entered(payment, amount, most_due)
                if amount > invoice.missed(payment):
                    raise AmountOverHolds
            entered = amount if charge else 0
            values = {"no_show": True, "entered": entered, "timeline": timeline}
            payment = await rows.change_payment(tx, payment, values)
            wanted = invoice.quoted(payment, 0, most_due)
            await self._freeze(tx, payment, wanted, taken, kept, operations, at)
        return await self._carried_out(payment.id, operations)

    async def timeline(self, consultation: ConsultationId) -> Timeline | None:
        """Return what was kept with a no-show."""
        payment = await self.payment_of(consultation)
        return payment.timeline if payment is not None else None

    async def call_off(self, consultation: ConsultationId, at: datetime) -> None:
        """Let go of everything of a consultation that will not take place, and let nobody agree to it any more.

        What was invoiced stays, and so does what is owed by two who have met.
        """
        taken = await self._metering.taken(consultation)
        async with self._outbox.committing() as tx:
            await rows.call_off(tx, consultation, at)
            payment = await rows.payment_of(tx, consultation, lock=True)
            begun = taken.met or invoice.going_on(await ends_of(tx, consultation), still_open=taken.open, at=at)
            if payment is not None and payment.state is PaymentState.DRAFT and not begun:
                await self._settlement.move(tx, payment, PaymentEvent.CANCELLED, at)

    async def confirm_itself(self, consultation: ConsultationId, at: datetime) -> datetime | None:
        """Confirm the amount that nobody has confirmed, if it is time. Returns when to come back, None when never."""
        async with self._database.reading() as tx:
            payment = await rows.payment_of(tx, consultation)
            price = await rows.price(tx, consultation)
            ends = await ends_of(tx, consultation)
            kept = await rows.holds_of(tx, payment.id) if payment is not None else []
        last = max((end for end in ends if end is not None), default=None)
        if payment is None or payment.state is not PaymentState.DRAFT or last is None or None in ends:
            return None
        taken = await self._metering.taken(consultation)
        called_off = price is not None and price.called_off_at is not None and not taken.met
        due = last + invoice.LAST_FACTS_WITHIN if called_off else invoice.confirm_at(payment, kept, last)
        if due > at:
            return due
        if called_off:
            await self.call_off(consultation, at)
        elif invoice.confirms_itself(payment, taken.seconds):
            await self.confirm(consultation, None, at, by_link=True)
        return None

    async def recompute(self, payment: PaymentId) -> Quote:
        """Return the amount anew from the facts and the frozen tariff: what was invoiced, or something is wrong.

        Raises `UnknownPayment`, `NotInvoiced` or `FactsMissing`.
        """
        kept = await self.payment(payment)
        if kept.invoiced_at is None:
            raise NotInvoiced
        return invoice.quoted(kept, await self._metering.seconds_until(kept.heads), kept.ceiling)

    # -- parts -----------------------------------------------------------------------------------------------

    async def _draft(self, tx: AsyncConnection, consultation: ConsultationId) -> Payment:
        """Return the payment whose amount is still open, locked."""
        payment = await rows.payment_of(tx, consultation, lock=True)
        if payment is None:
            raise NotAgreed if await rows.price(tx, consultation) is not None else PriceMissing
        if payment.paid:
            raise AlreadyCaptured
        if payment.state is not PaymentState.DRAFT:
            raise AlreadyInvoiced
        return payment

    async def _check_amount(self, tx: AsyncConnection, payment: Payment, amount: int, at: datetime) -> None:
        kept = await rows.holds_of(tx, payment.id)
        invoice.check_entered(payment, amount, invoice.ceiling(payment, kept, at))
        price = await rows.price(tx, payment.consultation)
        # A platform's price is given up, or charged as it is.
        if price is not None and price.locked and amount:
            raise PriceLocked

    async def _freeze(
        self,
        tx: AsyncConnection,
        payment: Payment,
        wanted: Quote,
        taken: Taken,
        kept: Sequence[Hold],
        operations: list[OperationId],
        at: datetime,
    ) -> None:
        """Write the invoice and begin to take it; what is to be run after the commit is added to `operations`."""
        frozen = {
            "seconds": wanted.seconds,
            "price": wanted.price,
            "covered": wanted.covered,
            "waived": wanted.waived,
            "due": wanted.due,
            "ceiling": invoice.ceiling(payment, kept, at),
            "heads": taken.heads,
            "invoiced_at": at,
        }
        held = live(kept, at)
        alone = payment.no_show and bool(payment.payment_method) and not held
        if wanted.due == 0:
            payment = await self._settlement.move(tx, payment, PaymentEvent.WAIVED, at, **frozen)
        elif held or alone:
            payment = await self._settlement.move(tx, payment, PaymentEvent.SUBMITTED, at, **frozen)
        else:
            payment = await self._settlement.move(tx, payment, PaymentEvent.ASKED, at, **frozen)
        if wanted.due and held:
            operations += await self._take(tx, wanted.due, kept, at)
        elif wanted.due and alone:
            fee = invoice.fee_of_part(0, wanted.due, self._settings.rates, payment.currency)
            _, operation = await self._attempts.create(
                tx, payment, Purpose.CHARGE, wanted.due, at, off_session=True, fee=fee
            )
            operations.append(operation)
        if wanted.due or wanted.covered:
            await self._hooks.invoiced(tx, payment, at)

    async def _take(self, tx: AsyncConnection, due: int, kept: Sequence[Hold], at: datetime) -> list[OperationId]:
        """Capture the oldest holds first and free the others. Returns the operations to run."""
        parts = {take.hold: take for take in invoice.takes(kept, due, self._settings.rates, at)}
        operations: list[OperationId] = []
        for hold in kept:
            part = parts.get(hold.id)
            if part is not None:
                operations.append(await self._settlement.capture(tx, hold, part.amount, part.fee, at))
            elif (freed := await self._settlement.release(tx, hold, at)) is not None:
                operations.append(freed)
        return operations

    async def _carried_out(self, payment: PaymentId, operations: Sequence[OperationId]) -> Payment:
        """Return the payment after running what was committed. What stays unclear goes on by itself."""
        for operation in operations:
            await self._operations.run(operation)
        return await self.payment(payment)
