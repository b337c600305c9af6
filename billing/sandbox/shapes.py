"""Records as Stripe's JSON, as far as the fields are used or asked for by its SDK."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from billing.sandbox import records
from billing.sandbox.books import Books
from billing.sandbox.cards import CARDS
from billing.sandbox.errors import code_of, decline_code_of
from billing.sandbox.records import Record

Shape = dict[str, Any]


def epoch(at: datetime | None) -> int | None:
    """Return whole seconds since 1970, Stripe's way to write a moment."""
    return None if at is None else int(at.timestamp())


def moment(seconds: int) -> datetime:
    """Return the moment of Stripe's seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def shown(record: Record, books: Books) -> Shape:
    """Return the object, with ids where others stand."""
    shape = {"id": record.id, "object": record.KIND, "created": epoch(record.created), "livemode": False}
    lacks = _LACKS.get(type(record), ())
    return {name: value for name, value in shape.items() if name not in lacks} | SHAPES[type(record)](record, books)


def listed(url: str, data: list[Shape], *, more: bool) -> Shape:
    """Return a page (https://docs.stripe.com/api/pagination)."""
    return {"object": "list", "url": url, "has_more": more, "data": data}


def card_fields(number: str) -> Shape:
    """Return what is told of a card: never its number."""
    card = CARDS[number]
    return {"brand": card.brand, "last4": number[-4:], "funding": "credit"}


def _account(record: records.Account, _books: Books) -> Shape:
    active = {True: "active", False: "inactive"}
    return {
        "email": record.email,
        "country": record.country,
        "default_currency": record.currency,
        "metadata": record.metadata,
        "controller": {**record.controller, "type": "application"},
        "type": "none",
        "charges_enabled": record.can_charge,
        "payouts_enabled": not record.due,
        "details_submitted": not record.due,
        "capabilities": {
            name: active[record.can_charge if name == "card_payments" else not record.due] for name in record.requested
        },
        "requirements": {
            "currently_due": list(record.due),
            "eventually_due": list(record.due),
            "past_due": [],
            "pending_verification": [],
            "errors": [],
            "alternatives": [],
            "current_deadline": epoch(record.deadline),
            "disabled_reason": "requirements.past_due" if record.due else None,
        },
    }


def _account_link(record: records.AccountLink, books: Books) -> Shape:
    origin = books.install.public_origin
    return {"expires_at": epoch(record.expires), "url": f"{origin}/sandbox/onboarding?link={record.id}"}


def _customer(record: records.Customer, _books: Books) -> Shape:
    return {"metadata": record.metadata, "email": None, "name": None}


def _payment_method(record: records.PaymentMethod, _books: Books) -> Shape:
    expiry = {"exp_month": record.exp_month, "exp_year": record.exp_year}
    card = {**card_fields(record.number), **expiry}
    return {"type": "card", "customer": record.customer or None, "card": card, "billing_details": {}}


def _confirmation_token(record: records.ConfirmationToken, books: Books) -> Shape:
    method = books.known(records.PaymentMethod, record.payment_method)
    used: dict[str, str | None] = {"payment_intent": None, "setup_intent": None}
    if record.used_by:
        used["setup_intent" if "_seti_" in record.used_by else "payment_intent"] = record.used_by
    preview = _payment_method(method, books)
    asked = {"use_stripe_sdk": True, "setup_future_usage": record.usage or None}
    return {**used, **asked, "payment_method_preview": preview, "expires_at": None}


def _attempt(record: records.Attempt) -> Shape:
    waiting = record.status == "requires_action"
    return {
        "status": record.status,
        "client_secret": record.client_secret,
        "metadata": record.metadata,
        "customer": record.customer or None,
        "payment_method": record.payment_method or None,
        "payment_method_types": ["card"],
        "description": record.description or None,
        "cancellation_reason": record.cancellation_reason or None,
        "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}} if waiting else None,
    }


def _error(record: records.Attempt) -> Shape | None:
    if not record.decline:
        return None
    told = {"type": "card_error", "code": code_of(record.decline)}
    declined = decline_code_of(record.decline)
    return {**told, "decline_code": declined} if declined else told


def _payment_intent(record: records.PaymentIntent, _books: Books) -> Shape:
    return {
        **_attempt(record),
        "amount": record.amount,
        "currency": record.currency,
        "confirmation_method": "automatic",
        "capture_method": "manual" if record.manual else "automatic_async",
        "setup_future_usage": "off_session" if record.keep_card else None,
        "application_fee_amount": record.application_fee or None,
        "amount_capturable": record.capturable,
        "amount_received": record.received,
        "latest_charge": record.latest_charge or None,
        "last_payment_error": _error(record),
    }


def _setup_intent(record: records.SetupIntent, _books: Books) -> Shape:
    return {**_attempt(record), "usage": "off_session", "last_setup_error": _error(record)}


def _charge(record: records.Charge, books: Books) -> Shape:
    method = books.known(records.PaymentMethod, record.payment_method)
    # What was held and not taken counts as given back.
    freed = record.amount - record.captured if record.captured or record.lapsed else 0
    return {
        "metadata": {},
        "billing_details": {},
        "amount": record.amount,
        "amount_captured": record.captured,
        "amount_refunded": freed + record.refunded,
        "currency": record.currency,
        "captured": record.captured > 0,
        "refunded": freed + record.refunded == record.amount,
        "paid": not record.failed,
        "status": "failed" if record.failed else "succeeded",
        "failure_code": code_of(record.failed) if record.failed else None,
        "disputed": bool(record.dispute),
        "payment_intent": record.intent,
        "payment_method": record.payment_method,
        "customer": record.customer or None,
        "balance_transaction": record.balance_transaction or None,
        "application_fee": record.application_fee or None,
        "application_fee_amount": record.fee or None,
        "payment_method_details": {
            "type": "card",
            "card": {
                **card_fields(record.number),
                "network": CARDS[record.number].brand,
                "exp_month": method.exp_month,
                "exp_year": method.exp_year,
                "capture_before": epoch(record.capture_before),
                "incremental_authorization": {"status": "available" if record.grows else "unavailable"},
            },
        },
    }


def _refund(record: records.Refund, _books: Books) -> Shape:
    return {
        "amount": record.amount,
        "currency": record.currency,
        "charge": record.charge,
        "payment_intent": record.intent,
        "status": record.status,
        "metadata": record.metadata,
        "balance_transaction": record.balance_transaction or None,
    }


def _dispute(record: records.Dispute, books: Books) -> Shape:
    entries = [shown(books.known(records.BalanceTransaction, name), books) for name in record.transactions]
    answered = record.status != "needs_response"
    return {
        "amount": record.amount,
        "currency": record.currency,
        "charge": record.charge,
        "payment_intent": record.intent,
        "status": record.status,
        "reason": "fraudulent",
        "balance_transactions": entries,
        "metadata": {},
        "is_charge_refundable": False,
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None,
            "enhanced_eligibility": {},
            "has_evidence": answered,
            "past_due": False,
            "submission_count": int(answered),
            "submission_method": "manual" if answered else "not_submitted",
        },
    }


def _application_fee(record: records.ApplicationFee, _books: Books) -> Shape:
    return {
        "amount": record.amount,
        "amount_refunded": record.refunded,
        "refunded": record.refunded == record.amount,
        "refunds": listed(f"/v1/application_fees/{record.id}/refunds", [], more=record.refunded > 0),
        "application": "sbx_ca",
        "currency": record.currency,
        "charge": record.charge,
        "account": record.payer,
        "balance_transaction": record.balance_transaction or None,
    }


def _balance_transaction(record: records.BalanceTransaction, _books: Books) -> Shape:
    parts = (("application_fee", record.application_fee), ("stripe_fee", record.stripe_fee))
    return {
        "type": record.type,
        "reporting_category": _CATEGORIES.get(record.type, record.type),
        "balance_type": "payments",
        "status": "available" if record.available_on <= record.created else "pending",
        "amount": record.amount,
        "fee": record.fee,
        "net": record.net,
        "currency": record.currency,
        "source": record.source,
        "available_on": epoch(record.available_on),
        "fee_details": [{"type": kind, "amount": fee, "currency": record.currency} for kind, fee in parts if fee],
    }


def _payout(record: records.Payout, _books: Books) -> Shape:
    done = record.status in {"paid", "failed"}
    return {
        "amount": record.amount,
        "currency": record.currency,
        "status": record.status,
        "arrival_date": epoch(record.arrival),
        "automatic": True,
        "method": "standard",
        "source_type": "card",
        "type": "bank_account",
        "reconciliation_status": "completed" if done else "in_progress",
        "balance_transaction": record.balance_transaction or None,
        "failure_balance_transaction": record.failure_transaction or None,
    }


def _event(record: records.Event, _books: Books) -> Shape:
    account = {"account": record.account} if record.account else {}
    return {"type": record.type, "data": {"object": record.data}, "pending_webhooks": int(record.waiting), **account}


# https://docs.stripe.com/reports/reporting-categories: most are called as the type is.
_CATEGORIES = {"application_fee": "platform_earning", "application_fee_refund": "platform_earning_refund"} | {
    "adjustment": "dispute",
    "payout_failure": "payout_reversal",
}
# What these kinds have not, unlike all others.
_LACKS: dict[type[Record], tuple[str, ...]] = {
    records.Account: ("livemode",),
    records.AccountLink: ("id", "livemode"),
    records.BalanceTransaction: ("livemode",),
    records.Refund: ("livemode",),
}
SHAPES: dict[type[Record], Callable[[Any, Books], Shape]] = {
    records.Account: _account,
    records.AccountLink: _account_link,
    records.Customer: _customer,
    records.PaymentMethod: _payment_method,
    records.ConfirmationToken: _confirmation_token,
    records.PaymentIntent: _payment_intent,
    records.SetupIntent: _setup_intent,
    records.Charge: _charge,
    records.Refund: _refund,
    records.Dispute: _dispute,
    records.ApplicationFee: _application_fee,
    records.BalanceTransaction: _balance_transaction,
    records.Payout: _payout,
    records.Event: _event,
}
