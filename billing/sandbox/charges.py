"""Charges: an authorisation, its capture, and what both write on the balances."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from billing.sandbox import records
from billing.sandbox.balance import available_on, entry
from billing.sandbox.books import Books
from billing.sandbox.cards import CARDS
from billing.sandbox.currencies import card_fee
from billing.sandbox.disputes import open_dispute
from billing.sandbox.events import announce
from billing.sandbox.records import ApplicationFee, Charge, PaymentIntent, PaymentMethod, Refund

# How long a bank keeps an amount aside (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
CUSTOMER_INITIATED = timedelta(days=7)
MERCHANT_INITIATED_VISA = timedelta(days=4, hours=18)


def authorise(books: Books, intent: PaymentIntent, method: PaymentMethod, at: datetime) -> Charge:
    """Set the amount aside on the card; return the charge, not captured."""
    card = CARDS[method.number]
    merchant_visa = intent.off_session and card.brand == "visa"
    charge = Charge(
        id=books.new_id(Charge),
        account=intent.account,
        created=at,
        amount=intent.amount,
        currency=intent.currency,
        intent=intent.id,
        payment_method=method.id,
        number=method.number,
        customer=intent.customer,
        capture_before=at + (MERCHANT_INITIATED_VISA if merchant_visa else CUSTOMER_INITIATED)
        if intent.manual
        else None,
        grows=intent.grow and intent.manual and card.grows,
    )
    announce(books, "charge.succeeded", books.put(charge), at)
    return charge


def refuse(books: Books, intent: PaymentIntent, method: PaymentMethod, decline: str, at: datetime) -> Charge:
    """Keep an attempt that the bank refused."""
    charge = Charge(
        id=books.new_id(Charge),
        account=intent.account,
        created=at,
        amount=intent.amount,
        currency=intent.currency,
        intent=intent.id,
        payment_method=method.id,
        number=method.number,
        customer=intent.customer,
        failed=decline,
    )
    announce(books, "charge.failed", books.put(charge), at)
    return charge


def take(books: Books, charge: Charge, amount: int, fee: int, at: datetime) -> Charge:
    """Capture `amount`; the rest is freed. `fee` goes to the platform, Stripe's own is paid by the account."""
    written = entry(
        books,
        charge.account,
        "charge",
        amount,
        charge.currency,
        charge.id,
        at,
        application_fee=fee,
        stripe_fee=min(card_fee(amount, charge.currency), amount - fee),
        available=available_on(at),
    )
    charge = replace(charge, captured=amount, balance_transaction=written.id, fee=fee)
    if fee:
        charge = replace(charge, application_fee=_application_fee(books, charge, at).id)
    announce(books, "charge.captured", books.put(charge), at)
    if amount < charge.amount:
        _free(books, charge, charge.amount - amount, at)
    if CARDS[charge.number].disputed:
        charge = open_dispute(books, charge, at)
    return charge


def _application_fee(books: Books, charge: Charge, at: datetime) -> ApplicationFee:
    name = books.new_id(ApplicationFee)
    written = entry(books, "", "application_fee", charge.fee, charge.currency, name, at, available=available_on(at))
    fee = ApplicationFee(
        id=name,
        created=at,
        amount=charge.fee,
        currency=charge.currency,
        charge=charge.id,
        payer=charge.account,
        balance_transaction=written.id,
    )
    announce(books, "application_fee.created", books.put(fee), at)
    return fee


def lapse(books: Books, charge: Charge, at: datetime) -> Charge:
    """Give the amount back to the card: the hold was not taken in time, or cancelled."""
    charge = books.put(replace(charge, lapsed=True, capture_before=charge.capture_before or at))
    _free(books, charge, charge.amount, at)
    return charge


def _free(books: Books, charge: Charge, amount: int, at: datetime) -> None:
    """Note what was held and not taken as Stripe does: as a refund that moves no money and names no reason of ours."""
    freed = Refund(
        id=books.new_id(Refund),
        account=charge.account,
        created=at,
        amount=amount,
        currency=charge.currency,
        charge=charge.id,
        intent=charge.intent,
        status="succeeded",
        metadata={},
    )
    announce(books, "refund.created", books.put(freed), at)


def latest(books: Books, intent: PaymentIntent) -> Charge:
    """Return the charge that holds or took the money. Raises `KeyError`."""
    return books.known(records.Charge, intent.latest_charge)
