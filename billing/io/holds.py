"""Agreements and holds: what happens before the call."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import agreement, money
from billing.agreement import CardForm, Hold, Payment, Price, Purpose, far_ahead, left_by, live, to_hold
from billing.gateway import IncreaseHold, Intent
from billing.hold import HoldState
from billing.io import coupons, rows
from billing.io.attempts import Attempts, account_of, form_of, waits_for_card
from billing.io.money_tables import payments
from billing.io.operations import Operations
from billing.io.settlement import Settlement
from billing.operation import OPEN, OperationState, kind_of
from billing.patient_view import PatientState, PatientView, agreed_view, patient_state, price_view
from billing.payment import PaymentState
from billing.payout import PayoutState
from billing.problems import (
    AlreadyAgreed,
    BadCoupon,
    CalledOff,
    NoHold,
    NotAgreed,
    PriceChanged,
    PriceMissing,
    ProviderSilent,
)
from billing.tariff import Basis
from store.facts import PriceAgreed
from store.ids import ConsultationId, CouponId, HoldId, OperationId, PaymentId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox
from store.names import person_name

# Off-session with the kept card, then with the patient: two attempts are all that one click can lead to.
_STEPS = 3
_UNFINISHED = frozenset({HoldState.CREATING, HoldState.UNKNOWN})


class Holds:
    """Agreements and holds of one database."""

    def __init__(
        self, database: Database, outbox: Outbox, operations: Operations, settlement: Settlement, attempts: Attempts
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._operations = operations
        self._settlement = settlement
        self._attempts = attempts

    # -- before a card is asked for --------------------------------------------------------------------------

    async def view(self, consultation: ConsultationId, at: datetime) -> PatientView:
        """Return the price as the patient sees it; state FREE for a consultation without one."""
        async with self._database.reading() as tx:
            price = await rows.price(tx, consultation)
            payment = await rows.payment_of(tx, consultation)
            if payment is not None:
                return agreed_view(payment, await rows.holds_of(tx, payment.id), at)
        return price_view(consultation, price)

    async def agree(
        self,
        consultation: ConsultationId,
        patient_name: str,
        email: str | None,
        language: str,
        coupon_code: str | None,
        most: int | None,
        at: datetime,
    ) -> Payment:
        """Return the agreement; the one there is when the patient agrees again. `most` as `PatientView.most` showed it.

        Raises `PriceMissing`, `CalledOff`, `PriceChanged`, `NoAccount`, `BadCoupon`, `AlreadyAgreed`, `BadContact`,
        `BadName`.
        """
        contact = {
            "patient_name": person_name(patient_name),
            "patient_email": agreement.check_contact(email, language),
            "language": language,
        }
        async with self._outbox.committing() as tx:
            price = await rows.price(tx, consultation, lock=True)
            if price is None or price.tariff.basis is Basis.FREE:
                raise PriceMissing
            if (before := await rows.payment_of(tx, consultation)) is not None:
                return await _same_agreement(tx, before, coupon_code)
            if price.called_off_at is not None:
                raise CalledOff
            if most != agreement.most(price.tariff, price.planned_seconds):
                raise PriceChanged
            payment = await self._record(tx, price, contact, coupon_code, at)
            await self._outbox.add(tx, PriceAgreed(consultation, payment.id, at))
        return payment

    async def _record(
        self, tx: AsyncConnection, price: Price, contact: dict[str, str | None], code: str | None, at: datetime
    ) -> Payment:
        most = agreement.most(price.tariff, price.planned_seconds)
        coupon, covers_all = None, False
        if code:
            found = await coupons.find(tx, code, price.tariff.currency, at)
            if most is None and found.percent:
                # The organisation would pay a part of whatever is said at the end.
                raise BadCoupon("coupon_open_price")
            await coupons.reserve(tx, found.id)
            coupon = found.id
            covers_all = found.percent == 100 or (most is not None and not left_by(found.discount, price.tariff, most))
        name = PaymentId(new_id(Prefix.PAYMENT))
        row = {
            "id": name,
            "consultation": price.consultation,
            "practitioner": price.practitioner,
            # Nothing of it ever goes through the provider when a coupon pays all.
            "account": "" if covers_all else await account_of(tx, price.practitioner),
            "state": PaymentState.DRAFT,
            "version": 0,
            "currency": price.tariff.currency,
            "tariff": price.tariff,
            "when": price.when,
            "starts_at": price.starts_at,
            "planned_seconds": price.planned_seconds,
            "agreed_most": most,
            "agreed_at": at,
            "coupon": coupon,
            "no_show": False,
            "paid": 0,
            "refunded": 0,
            "customer": "",
            "payment_method": "",
            "card": "",
            "payout": PayoutState.NONE,
            "created_at": at,
        }
        await tx.execute(insert(payments).values(rows.encoded(row | contact)))
        payment = await rows.payment(tx, name)
        if payment is None:
            raise PriceMissing
        return payment

    async def obstacles(self, consultation: ConsultationId, at: datetime) -> tuple[str, ...]:
        """Return what the price puts in the patient's way: `agreement`, `hold`, or nothing."""
        async with self._database.reading() as tx:
            payment = await rows.payment_of(tx, consultation)
            if payment is None and await rows.price(tx, consultation) is None:
                return ()
            return agreement.obstacles(payment, await rows.holds_of(tx, payment.id) if payment else [], at)

    # -- the card --------------------------------------------------------------------------------------------

    async def begin(self, consultation: ConsultationId, at: datetime) -> CardForm | None:
        """Return the card form to show; None when nothing is to be entered (`view` says why).

        Raises `NotAgreed`, `ProviderSilent` or `ProviderRefused`.
        """
        for _ in range(_STEPS):
            name = await self._attempt(consultation, at)
            if name is None:
                return None
            hold = await self._attempts.press(name)
            if hold.state is HoldState.HELD:
                return None
            if not hold.off_session:
                return form_of(hold)
            if hold.state in _UNFINISHED:
                raise ProviderSilent
        raise ProviderSilent

    async def _attempt(self, consultation: ConsultationId, at: datetime) -> HoldId | None:
        """Return the attempt to go on with, a new one if need be; None when nothing is to be done."""
        async with self._outbox.committing() as tx:
            payment = await _agreed(tx, consultation)
            kept = await rows.holds_of(tx, payment.id)
            if patient_state(payment, kept, at) is PatientState.READY:
                return None
            purpose = Purpose.CARD if far_ahead(payment, at) else Purpose.HOLD
            amount = 0 if purpose is Purpose.CARD else to_hold(payment)
            if (open_one := _open_attempt(kept, purpose, amount)) is not None:
                return open_one.id
            for other in kept:
                if other.state in {HoldState.NEEDS_ACTION, HoldState.DECLINED} and other.purpose is not Purpose.CHARGE:
                    await self._settlement.release(tx, other, at)
            tried = any(hold.off_session and hold.declined for hold in kept)
            alone = purpose is Purpose.HOLD and bool(payment.payment_method) and not tried
            hold, _ = await self._attempts.create(tx, payment, purpose, amount, at, off_session=alone)
        return hold.id

    async def look(self, consultation: ConsultationId, at: datetime) -> PatientView:
        """Return the view after asking the provider what it has: called by the page after its card form."""
        async with self._database.reading() as tx:
            payment = await rows.payment_of(tx, consultation)
            kept = await rows.holds_of(tx, payment.id) if payment is not None else []
        for hold in kept:
            lapsed = hold.state is HoldState.HELD and hold not in live(kept, at) and hold.purpose is Purpose.HOLD
            if hold.state in _UNFINISHED:
                await self._attempts.press(hold.id)
            elif lapsed or hold.state in {HoldState.NEEDS_ACTION, HoldState.DECLINED}:
                await self._attempts.look(hold, at)
        return await self.view(consultation, at)

    async def settle(self, tx: AsyncConnection, intent: Intent, at: datetime) -> None:
        """Let what the provider has move our hold and its payment. The same or older news changes nothing."""
        await self._settlement.settle(tx, intent, at)

    # -- more, and none --------------------------------------------------------------------------------------

    async def extend(self, consultation: ConsultationId, amount: int, at: datetime) -> CardForm | None:
        """Hold `amount` more, as the patient has asked for: None when the hold could be raised, else a card form.

        Raises `NotAgreed`, `NoHold`, `BadAmount`, `ProviderSilent` or `ProviderRefused`.
        """
        raising = await self._raise(consultation, amount, at)
        if raising is not None:
            state = await self._operations.run(raising)
            if state is OperationState.DONE:
                return None
            if state in OPEN:
                raise ProviderSilent
        async with self._outbox.committing() as tx:
            payment = await _agreed(tx, consultation)
            kept = await rows.holds_of(tx, payment.id)
            hold = next((hold for hold in kept if waits_for_card(hold, Purpose.HOLD, amount)), None)
            if hold is None:
                hold, _ = await self._attempts.create(tx, payment, Purpose.HOLD, amount, at)
        return form_of(await self._attempts.press(hold.id))

    async def _raise(self, consultation: ConsultationId, amount: int, at: datetime) -> OperationId | None:
        """Return the operation that raises the newest hold; None when that was refused before."""
        async with self._outbox.committing() as tx:
            payment = await _agreed(tx, consultation)
            if money.checked(amount, payment.currency).minor == 0:
                raise money.BadAmount("nothing")
            held = live(await rows.holds_of(tx, payment.id), at)
            if payment.state is not PaymentState.DRAFT or not held:
                raise NoHold
            wanted = IncreaseHold(held[-1].account, held[-1].intent or "", held[-1].amount + amount, payment.currency)
            for before in await self._operations.of_kind(tx, held[-1].id, kind_of(wanted)):
                if before.state in OPEN:
                    return before.id
                if before.state is OperationState.REFUSED:
                    return None
            return await self._operations.add(tx, wanted, held[-1].id, at)

    async def release_all(self, consultation: ConsultationId, at: datetime) -> None:
        """Free every hold that is not being captured."""
        freed: list[OperationId] = []
        async with self._outbox.committing() as tx:
            payment = await rows.payment_of(tx, consultation, lock=True)
            for hold in await rows.holds_of(tx, payment.id) if payment is not None else []:
                operation = await self._settlement.release(tx, hold, at)
                freed += [operation] if operation is not None else []
        for operation in freed:
            await self._operations.run(operation)


async def _agreed(tx: AsyncConnection, consultation: ConsultationId) -> Payment:
    payment = await rows.payment_of(tx, consultation, lock=True)
    if payment is None:
        raise NotAgreed
    return payment


async def _same_agreement(tx: AsyncConnection, before: Payment, code: str | None) -> Payment:
    """Return the agreement there is, unless another coupon is wanted now."""
    wanted: CouponId | None = None
    if code:
        wanted = await coupons.named(tx, code)
    if wanted != before.coupon:
        raise AlreadyAgreed
    return before


def _open_attempt(kept: list[Hold], purpose: Purpose, amount: int) -> Hold | None:
    """Return the attempt that is under way for the same.

    One that nobody has seen the end of is waited for only when it may have held the card without the patient.
    """
    for hold in reversed(kept):
        if hold.purpose is Purpose.CHARGE:
            continue
        under_way = hold.state is HoldState.CREATING or (hold.state is HoldState.UNKNOWN and hold.off_session)
        if under_way or waits_for_card(hold, purpose, amount):
            return hold
    return None
