"""What a patient agrees to, and what it takes to hold it: prices, payments and holds as rows, what follows from them.

Amounts in minor units of the payment's currency.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from billing import tariff as tariffs
from billing.gateway import accepts
from billing.hold import HoldState
from billing.payment import PaymentState
from billing.problems import BadContact
from billing.tariff import BadTariff, Basis, Discount, Tariff
from store.ids import ConsultationId, CouponId, HoldId, OrganisationId, PaymentId, PractitionerId

# A hold lasts seven days with most cards, so one that is made earlier would lapse before the call is charged.
HOLD_AT_MOST_BEFORE = timedelta(days=6)
# A hold must outlive the planned end by the time in which the practitioner confirms the amount.
HOLD_AFTER_END = timedelta(hours=24)
# Nearer to its start than this, a hold that would lapse too early is made anew; before, there is time.
HOLD_ANEW_BEFORE = timedelta(hours=24)
# Talks overrun: what is held covers so much more than was planned.
MARGIN_SECONDS = 300
LONGEST_PLANNED = 24 * 3600
# What cannot be used has this in `Hold.declined`.
CARD_NOT_SUPPORTED = "card_brand_not_accepted"

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")


class When(StrEnum):
    """When the card is asked for."""

    HOLD = "hold"
    AFTER = "after"


class Purpose(StrEnum):
    """What an attempt is for: to hold an amount, to keep a card for later, to take money at once."""

    HOLD = "hold"
    CARD = "card"
    CHARGE = "charge"


@dataclass(frozen=True, slots=True)
class Price:
    """What a consultation costs, as it was set. `locked`: by a platform; its practitioner may not change it.

    `called_off_at`: the consultation was cancelled, and nobody agrees to anything any more.
    """

    consultation: ConsultationId
    practitioner: PractitionerId
    tariff: Tariff
    when: When
    starts_at: datetime
    planned_seconds: int
    locked: bool
    created_at: datetime
    called_off_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment's row. `agreed_most`: the most the patient was told, None when nothing could be.

    `price` to `due` are those of `tariff.Quote`, set when the amount is confirmed; `ceiling` is what they were cut at
    and `heads` the calls with the last fact each that they came from. `paid` and `commission` grow with each capture.
    `given_up`: the part of `due` that nobody asks for any more.
    """

    id: PaymentId
    consultation: ConsultationId
    practitioner: PractitionerId
    account: str
    state: PaymentState
    version: int
    currency: str
    tariff: Tariff
    when: When
    starts_at: datetime
    planned_seconds: int
    patient_name: str
    patient_email: str | None
    language: str
    agreed_most: int | None
    agreed_at: datetime
    coupon: CouponId | None
    organisation: OrganisationId | None
    discount: Discount | None
    entered: int | None
    no_show: bool
    timeline: "Timeline | None"
    heads: dict[str, str]
    ceiling: int | None
    seconds: int | None
    price: int | None
    covered: int | None
    waived: int | None
    due: int | None
    given_up: int
    paid: int
    refunded: int
    commission: int | None
    customer: str
    payment_method: str
    card: str
    payout: str
    created_at: datetime
    invoiced_at: datetime | None
    due_by: datetime | None
    paid_at: datetime | None
    asked_at: datetime | None

    @property
    def planned_end(self) -> datetime:
        """When the consultation is over by its plan."""
        return self.starts_at + timedelta(seconds=self.planned_seconds)

    @property
    def claim(self) -> int | None:
        """What the patient has paid or was asked for: `due` without a rest that was given up after a part was paid."""
        return self.due if self.due is None or not self.paid else self.due - self.given_up

    @property
    def owed(self) -> int:
        """What the patient still has to pay."""
        return max((self.due or 0) - self.given_up - self.paid, 0)


@dataclass(frozen=True, slots=True)
class Hold:
    """An attempt's row. `captured` and `fee` (the application fee) are 0 until the money was taken."""

    id: HoldId
    payment: PaymentId
    purpose: Purpose
    state: HoldState
    version: int
    account: str
    amount: int
    currency: str
    intent: str | None
    client_secret: str
    capture_before: datetime | None
    captured: int
    fee: int
    charge_transaction: str
    declined: str
    off_session: bool
    look_at: datetime | None
    looks: int
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known of how the two came: kept with a no-show, so that both can see why it was charged.

    `waited_seconds`: how long the patient was there after the planned start.
    """

    invited_at: datetime | None = None
    opened_at: datetime | None = None
    waiting_since: datetime | None = None
    host_since: datetime | None = None
    waited_seconds: int = 0


@dataclass(frozen=True, slots=True)
class CardForm:
    """What the page needs to show the provider's card form. `purpose` card: nothing is held, `amount` is 0."""

    hold: HoldId
    purpose: Purpose
    client_secret: str
    account: str
    amount: int
    currency: str


def most(price: Tariff, planned_seconds: int) -> int | None:
    """Return the most that the consultation can cost, None when the practitioner alone will say it at the end."""
    if price.basis is Basis.AT_END and price.cap is None and price.fixed == 0:
        return None
    margin = MARGIN_SECONDS if price.basis is Basis.PER_MINUTE else 0
    return tariffs.most(price, planned_seconds + margin)


def left_by(discount: Discount | None, price: Tariff, amount: int) -> int:
    """Return what a coupon leaves to the patient of `amount`."""
    return tariffs.with_price(price, 0, 0, amount, discount, None).due


def to_hold(payment: Payment) -> int:
    """Return how much has to be held before the call; 0 when nothing has to be."""
    if payment.when is When.AFTER or payment.agreed_most is None:
        return 0
    return left_by(payment.discount, payment.tariff, payment.agreed_most)


def needed_until(payment: Payment) -> datetime:
    """Return until when a hold must last."""
    return payment.planned_end + HOLD_AFTER_END


def far_ahead(payment: Payment, at: datetime) -> bool:
    """Whether it is too early for a hold; the card can be kept."""
    return payment.starts_at - at > HOLD_AT_MOST_BEFORE


def live(holds: Iterable[Hold], at: datetime) -> list[Hold]:
    """Return the holds that can be captured now, oldest first."""
    valid = (
        hold
        for hold in holds
        if hold.purpose is Purpose.HOLD
        and hold.state is HoldState.HELD
        and (hold.capture_before is None or hold.capture_before > at)
    )
    return sorted(valid, key=lambda hold: (hold.created_at, hold.id))


def secured(payment: Payment, holds: Iterable[Hold], at: datetime) -> bool:
    """Whether the holds that last long enough come to what has to be held."""
    until = needed_until(payment)
    lasting = (hold.amount for hold in live(holds, at) if hold.capture_before is None or hold.capture_before > until)
    return sum(lasting) >= to_hold(payment)


def obstacles(payment: Payment | None, holds: Iterable[Hold], at: datetime) -> tuple[str, ...]:
    """Return what keeps the patient of a priced consultation out: `agreement`, `hold`, or nothing."""
    if payment is None:
        return ("agreement",)
    return () if secured(payment, holds, at) else ("hold",)


def supported(card: str) -> bool:
    """Whether we take this brand (DAT-31); `card` as in `Intent.card`. One that is not named yet passes."""
    return not card or accepts(card)


def check_contact(email: str | None, language: str) -> str | None:
    """Return the e-mail address, None when there is none. Raises `BadContact`."""
    if language not in {"fr", "en"}:
        raise BadContact
    if email is None or not email.strip():
        return None
    address = email.strip()
    if len(address) > 254 or not address.isprintable() or _ADDRESS.fullmatch(address) is None:
        raise BadContact
    return address


def check_price(price: Price) -> None:
    """Raise `BadTariff` for a price that cannot be agreed to: no planned time, or a hold of an unknown amount."""
    if not 60 <= price.planned_seconds <= LONGEST_PLANNED:
        raise BadTariff("planned_seconds")
    if price.when is When.HOLD and price.tariff.basis is not Basis.FREE:
        amount = most(price.tariff, price.planned_seconds)
        if not amount:
            raise BadTariff("cap")
