"""A payment: what one consultation costs its patient, from the agreement to the last refund. Monitoring's status.

One consultation has one payment. DRAFT until the practitioner has confirmed the amount.
"""

from enum import StrEnum


class PaymentState(StrEnum):
    """Where a payment stands. UNPAID: asked for and not paid by its due date."""

    DRAFT = "draft"
    NO_PAYMENT = "no_payment"
    PENDING = "pending"
    PROCESSING = "processing"
    PAID = "paid"
    FAILED = "failed"
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"


class PaymentEvent(StrEnum):
    """What moves a payment. REST_GIVEN_UP: a part was paid, and the rest is not asked for any more."""

    WAIVED = "waived"
    ASKED = "asked"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    REST_GIVEN_UP = "rest_given_up"
    OVERDUE = "overdue"
    CANCELLED = "cancelled"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"


class InvalidPayment(Exception):
    """Ours: the code asked for a change that the table does not hold."""


_S, _E = PaymentState, PaymentEvent

_OWED = (_S.PENDING, _S.PROCESSING, _S.FAILED, _S.UNPAID)
_RECEIVED = (_S.PAID, _S.PARTLY_REFUNDED)

TRANSITIONS: dict[tuple[PaymentState, PaymentEvent], PaymentState] = {
    (_S.DRAFT, _E.WAIVED): _S.NO_PAYMENT,
    (_S.DRAFT, _E.ASKED): _S.PENDING,
    (_S.DRAFT, _E.SUBMITTED): _S.PROCESSING,
    (_S.DRAFT, _E.CANCELLED): _S.CANCELLED,
    (_S.PENDING, _E.SUBMITTED): _S.PROCESSING,
    (_S.PENDING, _E.OVERDUE): _S.UNPAID,
    (_S.PROCESSING, _E.ASKED): _S.PENDING,
    (_S.FAILED, _E.ASKED): _S.PENDING,
    (_S.FAILED, _E.SUBMITTED): _S.PROCESSING,
    (_S.FAILED, _E.OVERDUE): _S.UNPAID,
    (_S.UNPAID, _E.ASKED): _S.PENDING,
    (_S.UNPAID, _E.SUBMITTED): _S.PROCESSING,
    **{(state, _E.SUCCEEDED): _S.PAID for state in _OWED},
    # What was taken by then is paid, and has its receipt. A refund before that leaves the rest asked for; the state
    # that it leads to comes with this one.
    **{(state, _E.REST_GIVEN_UP): _S.PAID for state in _OWED},
    **{(state, _E.REFUSED): _S.FAILED for state in (_S.PENDING, _S.PROCESSING, _S.UNPAID)},
    **{(state, _E.CANCELLED): _S.CANCELLED for state in (_S.PENDING, _S.FAILED, _S.UNPAID)},
    **{(state, _E.PARTLY_REFUNDED): _S.PARTLY_REFUNDED for state in _RECEIVED},
    **{(state, _E.REFUNDED): _S.REFUNDED for state in _RECEIVED},
    **{(state, _E.DISPUTED): _S.DISPUTED for state in _RECEIVED},
    # A dispute may arrive already decided (https://docs.stripe.com/disputes).
    **{(state, _E.WON): _S.WON for state in (_S.DISPUTED, *_RECEIVED)},
    **{(state, _E.LOST): _S.LOST for state in (_S.DISPUTED, *_RECEIVED)},
    (_S.WON, _E.PARTLY_REFUNDED): _S.PARTLY_REFUNDED,
    (_S.WON, _E.REFUNDED): _S.REFUNDED,
    # What was taken in two parts can be disputed twice.
    (_S.WON, _E.DISPUTED): _S.DISPUTED,
    (_S.WON, _E.LOST): _S.LOST,
}

FINAL = frozenset({_S.NO_PAYMENT, _S.CANCELLED, _S.REFUNDED, _S.LOST})


def moved(state: PaymentState, event: PaymentEvent) -> PaymentState:
    """Return the next state. Raises `InvalidPayment`."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise InvalidPayment(f"{state} has no {event}") from None
