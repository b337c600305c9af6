"""A consultation's price as its patient sees it, and what they are asked for next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.agreement import (
    HOLD_ANEW_BEFORE,
    Hold,
    Payment,
    Price,
    Purpose,
    When,
    far_ahead,
    left_by,
    live,
    most,
    secured,
    to_hold,
)
from billing.hold import HoldState
from billing.payment import PaymentState
from billing.tariff import FREE, Basis, Discount, Tariff
from store.ids import ConsultationId, PaymentId


class PatientState(StrEnum):
    """What the patient's page shows: agree to the price, enter a card, wait for the answer, or nothing more."""

    FREE = "free"
    AGREE = "agree"
    CARD = "card"
    WAIT = "wait"
    DECLINED = "declined"
    EXPIRED = "expired"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class PatientView:
    """A consultation's price as its patient sees it.

    `most`: the highest price, None when nothing can be said; `most_due`: what a coupon leaves of it. `hold_amount`:
    what is or will be held, 0 for none. `declined`: the provider's decline code, or `card_brand_not_accepted`.
    """

    consultation: ConsultationId
    state: PatientState
    tariff: Tariff
    when: When
    planned_seconds: int
    most: int | None
    most_due: int | None
    agreed: bool
    discount: Discount | None
    hold_amount: int
    capture_before: datetime | None
    card: str
    declined: str
    payment: PaymentId | None
    payment_state: PaymentState | None


def price_view(consultation: ConsultationId, price: Price | None) -> PatientView:
    """Return what one sees who has not agreed yet; FREE without a price."""
    tariff = FREE if price is None else price.tariff
    highest = 0 if price is None else most(tariff, price.planned_seconds)
    free = price is None or tariff.basis is Basis.FREE
    when = When.AFTER if price is None else price.when
    return PatientView(
        consultation=consultation,
        state=PatientState.FREE if free else PatientState.AGREE,
        tariff=tariff,
        when=when,
        planned_seconds=0 if price is None else price.planned_seconds,
        most=highest,
        most_due=highest,
        agreed=False,
        discount=None,
        hold_amount=highest or 0 if when is When.HOLD else 0,
        capture_before=None,
        card="",
        declined="",
        payment=None,
        payment_state=None,
    )


def agreed_view(payment: Payment, holds: Iterable[Hold], at: datetime) -> PatientView:
    """Return what one sees who has agreed."""
    kept = list(holds)
    held = live(kept, at)
    state = patient_state(payment, kept, at)
    attempts = [hold for hold in kept if hold.purpose is not Purpose.CHARGE]
    highest = payment.agreed_most
    return PatientView(
        consultation=payment.consultation,
        state=state,
        tariff=payment.tariff,
        when=payment.when,
        planned_seconds=payment.planned_seconds,
        most=highest,
        most_due=None if highest is None else left_by(payment.discount, payment.tariff, highest),
        agreed=True,
        discount=payment.discount,
        hold_amount=sum(hold.amount for hold in held) or to_hold(payment),
        capture_before=min((hold.capture_before for hold in held if hold.capture_before), default=None),
        card=payment.card,
        declined=max(attempts, key=_age).declined if state is PatientState.DECLINED else "",
        payment=payment.id,
        payment_state=payment.state,
    )


def patient_state(payment: Payment, holds: Iterable[Hold], at: datetime) -> PatientState:
    """Return what the page of a patient who has agreed shows."""
    kept = list(holds)
    if _nothing_to_do(payment, kept, at):
        return PatientState.READY
    newest = max((hold for hold in kept if hold.purpose is not Purpose.CHARGE), key=_age, default=None)
    if newest is None:
        return PatientState.CARD
    # An unknown attempt with the patient is done anew: nobody has its form. One without them may have held the card.
    if newest.state is HoldState.CREATING or (newest.state is HoldState.UNKNOWN and newest.off_session):
        return PatientState.WAIT
    if newest.declined:
        return PatientState.DECLINED
    if newest.state is HoldState.EXPIRED or _lapsed(newest, at):
        return PatientState.EXPIRED
    return PatientState.CARD


def _nothing_to_do(payment: Payment, holds: list[Hold], at: datetime) -> bool:
    if to_hold(payment) == 0 or payment.state is not PaymentState.DRAFT or secured(payment, holds, at):
        return True
    if far_ahead(payment, at) and payment.payment_method:
        return True
    # What is held may cover the amount but not the time; long before the start, another would last no longer.
    return bool(live(holds, at)) and payment.starts_at - at > HOLD_ANEW_BEFORE


def _age(hold: Hold) -> tuple[datetime, str]:
    return hold.created_at, hold.id


def _lapsed(hold: Hold, at: datetime) -> bool:
    return hold.state is HoldState.HELD and hold.capture_before is not None and hold.capture_before <= at
