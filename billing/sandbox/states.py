"""Everything that affects the sandbox's state machines: one table for each, frozen.

Sources: https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/payments/setup-intents,
https://docs.stripe.com/disputes/how-disputes-work, https://docs.stripe.com/payouts.
"""

from collections.abc import Mapping
from types import MappingProxyType

from billing.sandbox.errors import unexpected

Table = Mapping[tuple[str, str], str]

_WITHOUT_CARD, _UNCONFIRMED, _ACTION, _HELD = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
)

PAYMENT_INTENT: Table = MappingProxyType(
    {
        **{(state, "challenged"): _ACTION for state in (_WITHOUT_CARD, _UNCONFIRMED)},
        **{(state, "held"): _HELD for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION)},
        **{(state, "paid"): "succeeded" for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION)},
        **{(state, "declined"): _WITHOUT_CARD for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION)},
        **{(state, "cancelled"): "canceled" for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION, _HELD)},
        (_HELD, "increased"): _HELD,
        (_HELD, "captured"): "succeeded",
        (_HELD, "expired"): "canceled",
    }
)

SETUP_INTENT: Table = MappingProxyType(
    {
        **{(state, "challenged"): _ACTION for state in (_WITHOUT_CARD, _UNCONFIRMED)},
        **{(state, "saved"): "succeeded" for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION)},
        **{(state, "declined"): _WITHOUT_CARD for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION)},
        **{(state, "cancelled"): "canceled" for state in (_WITHOUT_CARD, _UNCONFIRMED, _ACTION)},
    }
)

DISPUTE: Table = MappingProxyType(
    {
        ("needs_response", "answered"): "under_review",
        ("needs_response", "closed"): "lost",
        ("under_review", "won"): "won",
        ("under_review", "lost"): "lost",
    }
)

PAYOUT: Table = MappingProxyType(
    {
        ("pending", "sent"): "in_transit",
        ("in_transit", "arrived"): "paid",
        ("in_transit", "refused"): "failed",
        ("paid", "refused"): "failed",
    }
)


def moved(table: Table, kind: str, state: str, event: str) -> str:
    """Return the next state. Raises `ApiError` (…_unexpected_state)."""
    try:
        return table[state, event]
    except KeyError:
        raise unexpected(kind, state) from None
