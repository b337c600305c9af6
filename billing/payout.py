"""A payout: when what a patient paid reaches the practitioner's bank account (DAT-25)."""

from enum import StrEnum


class PayoutState(StrEnum):
    """Where the money of one payment is."""

    NONE = "none"
    PENDING = "pending"
    AVAILABLE = "available"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"


_S = PayoutState

# A bank may send back what it was paid (https://docs.stripe.com/payouts#payout-failures); it is then paid out again.
LEADS_TO: dict[PayoutState, frozenset[PayoutState]] = {
    _S.NONE: frozenset({_S.PENDING, _S.AVAILABLE, _S.IN_TRANSIT, _S.PAID}),
    _S.PENDING: frozenset({_S.AVAILABLE, _S.IN_TRANSIT, _S.PAID}),
    _S.AVAILABLE: frozenset({_S.IN_TRANSIT, _S.PAID}),
    _S.IN_TRANSIT: frozenset({_S.PAID, _S.FAILED}),
    _S.PAID: frozenset({_S.FAILED}),
    _S.FAILED: frozenset({_S.IN_TRANSIT, _S.PAID}),
}


def seen(state: PayoutState, now: PayoutState) -> PayoutState:
    """Return the state after the provider said `now`; news that is older than what we know changes nothing."""
    return now if now in LEADS_TO[state] else state
