"""Refunds of direct charges (https://docs.stripe.com/connect/direct-charges#issue-refunds)."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from billing.sandbox import charges
from billing.sandbox.balance import entry
from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.events import announce
from billing.sandbox.records import ApplicationFee, Charge, PaymentIntent, Refund


class CreateRefund(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/refunds."""

    payment_intent: str
    amount: int | None = None
    metadata: dict[str, str] = {}
    reason: str = ""
    refund_application_fee: bool = False
    expand: list[str] = []


def create(books: Books, account: str, asked: CreateRefund, at: datetime) -> Refund:
    """Give money of a captured charge back. Raises `ApiError`; never more than was captured."""
    intent = books.get(PaymentIntent, account, asked.payment_intent, param="payment_intent")
    if intent.status != "succeeded":
        raise ApiError(400, "payment_intent_unexpected_state", "This PaymentIntent has no successful charge to refund.")
    charge = charges.latest(books, intent)
    left = charge.captured - charge.refunded
    amount = left if asked.amount is None else asked.amount
    if charge.dispute:
        raise ApiError(400, "charge_disputed", "This charge has been charged back.")
    if left == 0:
        raise ApiError(400, "charge_already_refunded", "The charge has already been refunded.")
    if amount <= 0:
        raise ApiError(400, "parameter_invalid_integer", "The amount must be positive.", param="amount")
    if amount > left:
        raise ApiError(400, "", "The amount is greater than what is left to refund.", param="amount")
    if asked.refund_application_fee and not charge.fee:
        said = f"Attempting to refund_application_fee on {charge.id}, but it has no application fee"
        raise ApiError(400, "", said, param="refund_application_fee")
    fee = _fee_back(charge, amount) if asked.refund_application_fee else 0
    return _write(books, charge, amount, fee, asked.metadata, at)


def _fee_back(charge: Charge, amount: int) -> int:
    """Return the application fee's part, in proportion; the last refund returns what is left of it."""
    refunded = charge.refunded + amount
    whole = charge.fee if refunded == charge.captured else charge.fee * refunded // charge.captured
    return max(0, whole - charge.fee_refunded)


def _write(books: Books, charge: Charge, amount: int, fee: int, metadata: dict[str, str], at: datetime) -> Refund:
    name = books.new_id(Refund)
    written = entry(books, charge.account, "refund", -amount, charge.currency, name, at, application_fee=-fee)
    refund = books.put(
        Refund(
            id=name,
            account=charge.account,
            created=at,
            amount=amount,
            currency=charge.currency,
            charge=charge.id,
            intent=charge.intent,
            status="succeeded",
            metadata=metadata,
            balance_transaction=written.id,
        )
    )
    charge = books.put(replace(charge, refunded=charge.refunded + amount, fee_refunded=charge.fee_refunded + fee))
    if fee:
        held = books.known(ApplicationFee, charge.application_fee)
        entry(books, "", "application_fee_refund", -fee, charge.currency, held.id, at)
        held = books.put(replace(held, refunded=held.refunded + fee))
        announce(books, "application_fee.refunded", held, at)
    announce(books, "refund.created", refund, at)
    announce(books, "charge.refunded", charge, at)
    return refund
