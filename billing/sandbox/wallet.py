"""Customers, their cards, and the tokens by which a card form hands a card over before it is charged."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from billing.sandbox import records
from billing.sandbox.books import Books
from billing.sandbox.cards import ALIASES, checked
from billing.sandbox.errors import ApiError
from billing.sandbox.events import announce
from billing.sandbox.records import ConfirmationToken, Customer, PaymentMethod

# Cards made from an alias (`pm_card_visa`) live on for years, as Stripe's do.
_ALIAS_YEARS = 5


class CreateCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/customers."""

    metadata: dict[str, str] = {}
    description: str = ""
    expand: list[str] = []


class CardDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A card as typed."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str


class CreatePaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_methods."""

    type: str
    card: CardDetails
    expand: list[str] = []


class AttachPaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/payment_methods/:id/attach."""

    customer: str
    expand: list[str] = []


class CreateConfirmationToken(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/test_helpers/confirmation_tokens: what Stripe.js does in a browser."""

    payment_method: str
    return_url: str = ""
    setup_future_usage: str = ""
    expand: list[str] = []


def create_customer(books: Books, account: str, asked: CreateCustomer, at: datetime) -> Customer:
    """Return a new customer."""
    customer = Customer(id=books.new_id(Customer), account=account, created=at, metadata=asked.metadata)
    announce(books, "customer.created", books.put(customer), at)
    return customer


def create_payment_method(books: Books, account: str, asked: CreatePaymentMethod, at: datetime) -> PaymentMethod:
    """Return a new card. Raises `ApiError` for what is wrong with it."""
    if asked.type != "card":
        raise ApiError(400, "payment_method_unsupported_type", "The sandbox knows cards only.", param="type")
    typed = asked.card
    number = checked(typed.number, typed.exp_month, typed.exp_year, typed.cvc, at)
    return books.put(
        PaymentMethod(
            id=books.new_id(PaymentMethod),
            account=account,
            created=at,
            number=number,
            exp_month=typed.exp_month,
            exp_year=typed.exp_year,
        )
    )


def payment_method(books: Books, account: str, name: str, at: datetime) -> PaymentMethod:
    """Return the card with that id, or a new one for an alias. Raises `ApiError`."""
    if name not in ALIASES:
        return books.get(PaymentMethod, account, name, param="payment_method")
    card = PaymentMethod(
        id=books.new_id(PaymentMethod),
        account=account,
        created=at,
        number=ALIASES[name],
        exp_month=at.month,
        exp_year=at.year + _ALIAS_YEARS,
    )
    return books.put(card)


def attach(books: Books, account: str, name: str, asked: AttachPaymentMethod, at: datetime) -> PaymentMethod:
    """Keep a card for a customer. Raises `ApiError`."""
    method = payment_method(books, account, name, at)
    books.get(Customer, account, asked.customer, param="customer")
    return keep(books, method, asked.customer, at)


def keep(books: Books, method: PaymentMethod, customer: str, at: datetime, *, proven: bool = False) -> PaymentMethod:
    """Attach the card; `proven`: its holder has authenticated. A card belongs to one customer."""
    if method.customer not in {"", customer}:
        raise ApiError(400, "", "The card belongs to another customer.")
    first = not method.customer
    method = books.put(replace(method, customer=customer, authenticated=method.authenticated or proven))
    if first:
        announce(books, "payment_method.attached", method, at)
    return method


def create_confirmation_token(
    books: Books, account: str, asked: CreateConfirmationToken, at: datetime
) -> ConfirmationToken:
    """Return what Stripe.js would hand to the merchant's server. Raises `ApiError`."""
    method = payment_method(books, account, asked.payment_method, at)
    return books.put(
        ConfirmationToken(
            id=books.new_id(ConfirmationToken),
            account=account,
            created=at,
            payment_method=method.id,
            usage=asked.setup_future_usage,
        )
    )


def use_token(books: Books, account: str, name: str, intent: str, usage: str) -> PaymentMethod:
    """Return the token's card. Raises `ApiError`: a token serves once, and for an intent that saves what it saves."""
    token = books.get(ConfirmationToken, account, name, param="confirmation_token")
    if token.used_by:
        kind = "setup_intent" if "_seti_" in intent else "payment_intent"
        raise ApiError(400, f"{kind}_confirmation_token_invalid", "The token was used already.")
    if token.usage != usage:
        said = f"The provided setup_future_usage ({usage or None}) does not match the expected ({token.usage or None})."
        raise ApiError(400, "", said, param="setup_future_usage")
    books.put(replace(token, used_by=intent))
    return books.known(records.PaymentMethod, token.payment_method)
