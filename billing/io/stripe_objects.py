"""Stripe's objects as the gateway's. Amounts come in our minor units, currencies in capitals.

What one says that we do not know (a state that is newer than this code, say) is unclear: what was asked has been done,
and only looking again can tell.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import stripe

from billing import gateway
from billing.io.stripe_amounts import from_stripe

# Who is cancelled by Stripe itself, because nobody captured in time.
_BY_TIME = frozenset({"automatic", "expired"})

_Asked = ParamSpec("_Asked")
_Read = TypeVar("_Read")


def _reader(read: Callable[_Asked, _Read]) -> Callable[_Asked, _Read]:
    """Let the function raise `GatewayUnclear` for what it cannot read, without a chain that may hold secrets."""

    @wraps(read)
    def reading(*args: _Asked.args, **more: _Asked.kwargs) -> _Read:
        try:
            return read(*args, **more)
        except (ValueError, KeyError, AttributeError, TypeError):
            raise gateway.GatewayUnclear(f"unreadable_{read.__name__}") from None

    return reading


def moment(seconds: int) -> datetime:
    """Return the moment of Stripe's seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def reference_of(thing: Any) -> str:
    """Return our row's id, which went along as metadata."""
    return str(thing.metadata["reference"]) if thing.metadata and "reference" in thing.metadata else ""


def id_of(thing: Any) -> str:
    """Return the id of what is an id, an expanded object, or None."""
    if thing is None:
        return ""
    return thing if isinstance(thing, str) else str(thing.id)


def _decline_of(error: Any) -> str:
    if error is None:
        return ""
    # An SDK object is no dict; it has what was sent, and nothing else.
    told = error.to_dict()
    return str(told.get("decline_code") or told.get("code") or "")


@_reader
def payment_intent(account: str, found: stripe.PaymentIntent) -> gateway.Intent:
    """Return an intent whose `latest_charge` was expanded."""
    currency = found.currency.upper()
    charge = found.latest_charge if isinstance(found.latest_charge, stripe.Charge) else None
    card: Any = charge.payment_method_details.card if charge is not None and charge.payment_method_details else None
    good = charge if charge is not None and charge.status == "succeeded" else None
    until = card["capture_before"] if good is not None and card is not None and "capture_before" in card else None
    return gateway.Intent(
        id=found.id,
        account=account,
        reference=reference_of(found),
        state=gateway.IntentState(found.status),
        amount=from_stripe(found.amount, currency),
        currency=currency,
        capturable=from_stripe(found.amount_capturable, currency),
        received=from_stripe(found.amount_received, currency),
        fee=from_stripe(found.application_fee_amount or 0, currency),
        client_secret=found.client_secret or "",
        capture_before=moment(until) if until is not None else None,
        expired=found.status == "canceled" and found.cancellation_reason in _BY_TIME,
        declined=_decline_of(found.last_payment_error),
        charge=id_of(good),
        charge_transaction=id_of(good.balance_transaction) if good is not None else "",
        customer=id_of(found.customer),
        payment_method=id_of(found.payment_method),
        card=f"{card.brand} {card.last4}" if card is not None else "",
    )


@_reader
def setup_intent(account: str, found: stripe.SetupIntent) -> gateway.Intent:
    """Return an intent whose `payment_method` was expanded."""
    method = found.payment_method if isinstance(found.payment_method, stripe.PaymentMethod) else None
    card = method.card if method is not None else None
    return gateway.Intent(
        id=found.id,
        account=account,
        reference=reference_of(found),
        state=gateway.IntentState(found.status),
        client_secret=found.client_secret or "",
        declined=_decline_of(found.last_setup_error),
        customer=id_of(found.customer),
        payment_method=id_of(found.payment_method),
        card=f"{card.brand} {card.last4}" if card is not None else "",
    )


@_reader
def refund(account: str, found: stripe.Refund) -> gateway.Refund:
    """Return a refund."""
    currency = found.currency.upper()
    return gateway.Refund(
        id=found.id,
        account=account,
        reference=reference_of(found),
        intent=id_of(found.payment_intent),
        amount=from_stripe(found.amount, currency),
        currency=currency,
        state=found.status or "pending",
        transaction=id_of(found.balance_transaction),
    )


@_reader
def dispute(account: str, found: stripe.Dispute) -> gateway.Dispute:
    """Return a dispute."""
    currency = found.currency.upper()
    return gateway.Dispute(
        id=found.id,
        account=account,
        intent=id_of(found.payment_intent),
        amount=from_stripe(found.amount, currency),
        currency=currency,
        state=str(found.status),
        transactions=tuple(transaction.id for transaction in found.balance_transactions),
    )


@_reader
def account(found: stripe.Account) -> gateway.Account:
    """Return a connected account, with what is due now, overdue first and nothing twice."""
    needs = found.requirements
    due = [*(needs.past_due or []), *(needs.currently_due or [])] if needs is not None else []
    deadline = needs.current_deadline if needs is not None else None
    return gateway.Account(
        id=found.id,
        reference=reference_of(found),
        can_charge=bool(found.charges_enabled),
        can_payout=bool(found.payouts_enabled),
        missing=tuple(dict.fromkeys(due)),
        deadline=moment(deadline) if deadline is not None else None,
        currency=(found.default_currency or "").upper(),
    )


@_reader
def balance_transaction(account: str, found: stripe.BalanceTransaction, payout: str = "") -> gateway.BalanceTransaction:
    """Return a movement; `payout` where it was listed by its payout."""
    currency = found.currency.upper()
    ours = sum(part.amount for part in found.fee_details if part.type == "application_fee")
    return gateway.BalanceTransaction(
        id=found.id,
        account=account,
        kind=str(found.type),
        amount=from_stripe(found.amount, currency),
        fee=from_stripe(found.fee, currency),
        net=from_stripe(found.net, currency),
        application_fee=from_stripe(ours, currency),
        currency=currency,
        source=id_of(found.source),
        available_on=moment(found.available_on),
        created_at=moment(found.created),
        payout=payout,
    )


@_reader
def payout(account: str, found: stripe.Payout) -> gateway.Payout:
    """Return a payout."""
    currency = found.currency.upper()
    return gateway.Payout(
        id=found.id,
        account=account,
        amount=from_stripe(found.amount, currency),
        currency=currency,
        state=found.status,
        arrival_date=moment(found.arrival_date),
        reconciled=found.reconciliation_status == "completed",
    )


def notice(event: Mapping[str, Any]) -> gateway.Notice:
    """Return what an event points at. Raises `KeyError`, `TypeError` for what is no event."""
    return gateway.Notice(
        id=str(event["id"]),
        kind=str(event["type"]),
        object=str(event["data"]["object"].get("id", "")),
        account=str(event.get("account") or ""),
        created_at=moment(int(event["created"])),
    )
