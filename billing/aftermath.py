"""What becomes of a payment after it was paid: refunds and disputes, whichever comes first.

The payment's state follows from what is known of all its refunds and disputes, not from the order of the news.
Amounts are minor units.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from billing.payment import FINAL, TRANSITIONS, PaymentEvent, PaymentState
from billing.problems import NotRefundable, RefundTooLarge


class RefundState(StrEnum):
    """Where a refund stands. ASKED: committed, and no answer yet. One that succeeded may still fail at the bank."""

    ASKED = "asked"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DisputeState(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


_R, _D, _S, _E = RefundState, DisputeState, PaymentState, PaymentEvent

# As the provider calls them (https://docs.stripe.com/api/refunds/object#refund_object-status).
_REFUNDS = {
    "pending": _R.PENDING,
    "requires_action": _R.PENDING,
    "succeeded": _R.SUCCEEDED,
    "failed": _R.FAILED,
    "canceled": _R.CANCELLED,
}
# https://docs.stripe.com/api/disputes/object#dispute_object-status; a warning that is closed took no money.
_DISPUTES = {"won": _D.WON, "warning_closed": _D.WON, "prevented": _D.WON, "charge_refunded": _D.WON, "lost": _D.LOST}

_REFUND_LEADS_TO: dict[RefundState, frozenset[RefundState]] = {
    _R.ASKED: frozenset({_R.PENDING, _R.SUCCEEDED, _R.FAILED, _R.CANCELLED}),
    _R.PENDING: frozenset({_R.SUCCEEDED, _R.FAILED, _R.CANCELLED}),
    _R.SUCCEEDED: frozenset({_R.FAILED}),
    _R.FAILED: frozenset(),
    _R.CANCELLED: frozenset(),
}
# Refunds in these states take away from what can be given back.
COUNTED = frozenset({_R.ASKED, _R.PENDING, _R.SUCCEEDED})
RECEIVED = frozenset({_S.PAID, _S.PARTLY_REFUNDED, _S.WON, _S.REFUNDED, _S.DISPUTED, _S.LOST})
# By a dispute in these the patient's bank has the money, or may take it: it would be given back twice. Without one what
# was captured can be given back, also of a claim that is not paid in full, or was given up.
AT_THE_BANK = frozenset({_D.OPEN, _D.LOST})

_EVENTS = {
    _S.REFUNDED: _E.REFUNDED,
    _S.LOST: _E.LOST,
    _S.DISPUTED: _E.DISPUTED,
    _S.WON: _E.WON,
    _S.PARTLY_REFUNDED: _E.PARTLY_REFUNDED,
}


@dataclass(frozen=True, slots=True)
class Part:
    """Of a hold (by its id) so much."""

    hold: str
    amount: int


def refund_seen(state: RefundState, status: str) -> RefundState:
    """Return the refund's state after the provider said `status`; older news changes nothing."""
    now = _REFUNDS.get(status, _R.PENDING)
    return now if now in _REFUND_LEADS_TO[state] else state


def dispute_seen(state: DisputeState | None, status: str) -> DisputeState:
    """Return the dispute's state after the provider said `status`; one that is decided stays so. None: it is new."""
    if state in {_D.WON, _D.LOST}:
        return state
    return _DISPUTES.get(status, _D.OPEN)


def settled(state: PaymentState, paid: int, refunded: int, disputes: Iterable[DisputeState]) -> PaymentState:
    """Return the state of a payment that was received, after these refunds and disputes."""
    if state in FINAL:
        return state
    wanted = _wanted(paid, refunded, frozenset(disputes))
    for step in ((wanted,), (_S.WON, wanted)):
        if (reached := _walked(state, step)) is not None:
            return reached
    return state


def parts(left: Iterable[Part], disputes: Iterable[DisputeState], amount: int) -> tuple[Part, ...]:
    """Return from which holds `amount` is given back: the one with the most left first, so that few are touched.

    `left`: what each captured hold still has; `disputes`: all about the payment. Raises `NotRefundable` or
    `RefundTooLarge`.
    """
    able = sorted((part for part in left if part.amount > 0), key=lambda part: (-part.amount, part.hold))
    if not able or not AT_THE_BANK.isdisjoint(disputes):
        raise NotRefundable
    if not 0 < amount <= sum(part.amount for part in able):
        raise RefundTooLarge
    taken = []
    for part in able:
        if amount > 0:
            taken.append(Part(part.hold, min(part.amount, amount)))
            amount -= part.amount
    return tuple(taken)


def _wanted(paid: int, refunded: int, disputes: frozenset[DisputeState]) -> PaymentState:
    if refunded and refunded >= paid:
        return _S.REFUNDED
    if _D.LOST in disputes:
        return _S.LOST
    if _D.OPEN in disputes:
        return _S.DISPUTED
    if _D.WON in disputes:
        return _S.WON
    return _S.PARTLY_REFUNDED if refunded else _S.PAID


def _walked(state: PaymentState, way: Iterable[PaymentState]) -> PaymentState | None:
    for wanted in way:
        if state is wanted:
            continue
        event = _EVENTS.get(wanted)
        if event is None or (state, event) not in TRANSITIONS:
            return None
        state = TRANSITIONS[state, event]
    return state
