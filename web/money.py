"""What the pages about money send and are told. Amounts in minor units; `exponent` is the currency's decimals."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from billing.agreement import Payment
from billing.fees import Net, settled
from billing.ledger import Posting, PostingKind
from billing.money import exponent
from billing.patient_view import PatientView
from billing.payment import PaymentState
from billing.tariff import Discount, Tariff, quote

Token = Annotated[str, Meta(min_length=1, max_length=256)]

# What a patient still owes, or has on the way.
OWED = frozenset({PaymentState.PENDING, PaymentState.PROCESSING, PaymentState.FAILED, PaymentState.UNPAID})


# What one click authorises more during a call: enough to finish a thought, not a second consultation.
MORE_SECONDS = 15 * 60


class Invited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks: the holder of an invitation."""

    invitation: Token


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The patient agrees to the price. `most`: the highest price as the page showed it."""

    invitation: Token
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    email: Annotated[str, Meta(max_length=254)] = ""
    coupon: Annotated[str, Meta(max_length=64)] = ""
    most: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class CouponCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code that the patient wants to try."""

    invitation: Token
    coupon: Annotated[str, Meta(min_length=1, max_length=64)]


class PayLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks: the holder of a pay link."""

    token: Token


class CardAddress(msgspec.Struct, frozen=True):
    """Where the card is entered; None when nothing is to be entered."""

    url: str | None


class TariffLook(msgspec.Struct, frozen=True):
    """A tariff as pages show it; fields as in `billing.tariff.Tariff`."""

    basis: str
    currency: str
    exponent: int
    fixed: int
    per_minute: int
    free_seconds: int
    minimum_seconds: int
    granularity: int
    minimum: int
    cap: int | None


class PriceLook(msgspec.Struct, frozen=True):
    """A consultation's price for its patient. `state` as in `billing.patient_view.PatientState`.

    `card_only`: it is too early for a hold, so that the card is kept and the amount set aside later. `due`, `paid` and
    `pay_url` say how the payment stands once its amount is confirmed.
    """

    state: str
    tariff: TariffLook
    when: str
    minutes: int
    most: int | None
    most_due: int | None
    covered_percent: int
    covered_amount: int
    hold_amount: int
    card_only: bool
    capture_before: datetime | None
    card: str
    declined: str
    payment: str | None
    due: int | None
    paid: int | None
    pay_url: str | None


class ReceiptLook(msgspec.Struct, frozen=True):
    """A receipt, or a credit note (`kind`), that can be downloaded."""

    id: str
    number: str
    kind: str
    issued_at: datetime


class PayLook(msgspec.Struct, frozen=True):
    """What a pay link leads to. `state` as in `billing.payment.PaymentState`."""

    state: str
    practitioner: str
    starts_at: datetime
    currency: str
    exponent: int
    seconds: int | None
    price: int | None
    covered: int | None
    due: int | None
    paid: int
    refunded: int
    no_show: bool
    card: str
    receipts: list[ReceiptLook]


def more_to_hold(tariff: Tariff, seconds: int, discount: Discount | None) -> int:
    """Return what `MORE_SECONDS` after so many billable ones cost the patient; 0 when they cost nothing more."""
    # Before the rate applies, and as long as the price is too small to be taken, the same time would cost less.
    begun = max(seconds, tariff.free_seconds + tariff.minimum_seconds, MORE_SECONDS)
    now, then = (quote(tariff, second, discount).due for second in (begun, begun + MORE_SECONDS))
    return max(then - now, 0)


def true_net(payment: Payment, booked: Iterable[Posting]) -> Net | None:
    """Return what the practitioner has of a payment by the books; None as long as not all of it is booked there."""
    taken = [entry for one in booked if one.kind is PostingKind.CAPTURED for entry in one.entries]
    here = [entry for entry in taken if entry.currency == payment.currency]
    card_fee, commission, net = (
        sum(entry.amount for entry in here if entry.account.startswith(account))
        for account in ("fees:", "commission:", f"balance:{payment.account}")
    )
    return settled(payment.paid, card_fee, commission) if card_fee + commission + net == payment.paid else None


def tariff_look(tariff: Tariff) -> TariffLook:
    """Return the tariff for a page."""
    return TariffLook(
        basis=tariff.basis,
        currency=tariff.currency,
        exponent=exponent(tariff.currency),
        fixed=tariff.fixed,
        per_minute=tariff.per_minute,
        free_seconds=tariff.free_seconds,
        minimum_seconds=tariff.minimum_seconds,
        granularity=tariff.granularity,
        minimum=tariff.minimum,
        cap=tariff.cap,
    )


def price_look(view: PatientView, payment: Payment | None, pay_url: str | None, *, card_only: bool) -> PriceLook:
    """Return the price for its patient's page."""
    return PriceLook(
        state=view.state,
        tariff=tariff_look(view.tariff),
        when=view.when,
        minutes=view.planned_seconds // 60,
        most=view.most,
        most_due=view.most_due,
        covered_percent=view.discount.percent if view.discount else 0,
        covered_amount=view.discount.amount if view.discount else 0,
        hold_amount=view.hold_amount,
        card_only=card_only,
        capture_before=view.capture_before,
        card=view.card,
        declined=view.declined,
        payment=payment.state if payment else None,
        due=payment.claim if payment else None,
        paid=payment.paid if payment else None,
        pay_url=pay_url,
    )


def pay_look(payment: Payment, practitioner: str, receipts: list[ReceiptLook]) -> PayLook:
    """Return the payment for the holder of its link."""
    return PayLook(
        state=payment.state,
        practitioner=practitioner,
        starts_at=payment.starts_at,
        currency=payment.currency,
        exponent=exponent(payment.currency),
        seconds=payment.seconds,
        price=payment.price,
        covered=payment.covered,
        due=payment.claim,
        paid=payment.paid,
        refunded=payment.refunded,
        no_show=payment.no_show,
        card=payment.card,
        receipts=receipts,
    )
