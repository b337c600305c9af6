"""A hold: an amount that the patient's bank has set aside. Each attempt is a hold of its own.

States in which a request is under way (`…ING`) lead to UNKNOWN when the answer is unclear; only what the payment
provider really has, found by looking it up, leads out of UNKNOWN.
"""

from enum import StrEnum


class HoldState(StrEnum):
    """Where a hold stands."""

    CREATING = "creating"
    NEEDS_ACTION = "needs_action"
    DECLINED = "declined"
    HELD = "held"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    RELEASING = "releasing"
    RELEASED = "released"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class HoldEvent(StrEnum):
    """What moves a hold."""

    ASKED_PATIENT = "asked_patient"
    DECLINED = "declined"
    HELD = "held"
    CAPTURE = "capture"
    CAPTURED = "captured"
    RELEASE = "release"
    RELEASED = "released"
    EXPIRED = "expired"
    UNCLEAR = "unclear"


class InvalidHold(Exception):
    """Ours: the code asked for a change that the table does not hold."""


_S, _E = HoldState, HoldEvent

TRANSITIONS: dict[tuple[HoldState, HoldEvent], HoldState] = {
    (_S.CREATING, _E.ASKED_PATIENT): _S.NEEDS_ACTION,
    (_S.CREATING, _E.HELD): _S.HELD,
    # What takes money at once is never merely held, and a hold may be captured before we have seen it as held.
    (_S.CREATING, _E.CAPTURED): _S.CAPTURED,
    (_S.CREATING, _E.DECLINED): _S.DECLINED,
    (_S.CREATING, _E.RELEASED): _S.RELEASED,
    (_S.CREATING, _E.EXPIRED): _S.EXPIRED,
    (_S.CREATING, _E.UNCLEAR): _S.UNKNOWN,
    (_S.NEEDS_ACTION, _E.HELD): _S.HELD,
    (_S.NEEDS_ACTION, _E.CAPTURED): _S.CAPTURED,
    (_S.NEEDS_ACTION, _E.DECLINED): _S.DECLINED,
    (_S.NEEDS_ACTION, _E.RELEASE): _S.RELEASING,
    (_S.NEEDS_ACTION, _E.RELEASED): _S.RELEASED,
    (_S.NEEDS_ACTION, _E.EXPIRED): _S.EXPIRED,
    (_S.DECLINED, _E.ASKED_PATIENT): _S.NEEDS_ACTION,
    (_S.DECLINED, _E.HELD): _S.HELD,
    (_S.DECLINED, _E.CAPTURED): _S.CAPTURED,
    (_S.DECLINED, _E.RELEASE): _S.RELEASING,
    (_S.DECLINED, _E.RELEASED): _S.RELEASED,
    (_S.DECLINED, _E.EXPIRED): _S.EXPIRED,
    (_S.HELD, _E.CAPTURE): _S.CAPTURING,
    (_S.HELD, _E.CAPTURED): _S.CAPTURED,
    (_S.HELD, _E.RELEASE): _S.RELEASING,
    (_S.HELD, _E.RELEASED): _S.RELEASED,
    (_S.HELD, _E.EXPIRED): _S.EXPIRED,
    (_S.CAPTURING, _E.CAPTURED): _S.CAPTURED,
    (_S.CAPTURING, _E.HELD): _S.HELD,
    (_S.CAPTURING, _E.RELEASED): _S.RELEASED,
    (_S.CAPTURING, _E.EXPIRED): _S.EXPIRED,
    (_S.CAPTURING, _E.UNCLEAR): _S.UNKNOWN,
    (_S.RELEASING, _E.RELEASED): _S.RELEASED,
    (_S.RELEASING, _E.CAPTURED): _S.CAPTURED,
    (_S.RELEASING, _E.EXPIRED): _S.EXPIRED,
    (_S.RELEASING, _E.UNCLEAR): _S.UNKNOWN,
    (_S.UNKNOWN, _E.ASKED_PATIENT): _S.NEEDS_ACTION,
    (_S.UNKNOWN, _E.DECLINED): _S.DECLINED,
    (_S.UNKNOWN, _E.HELD): _S.HELD,
    (_S.UNKNOWN, _E.CAPTURED): _S.CAPTURED,
    (_S.UNKNOWN, _E.RELEASED): _S.RELEASED,
    (_S.UNKNOWN, _E.EXPIRED): _S.EXPIRED,
}

FINAL = frozenset({_S.CAPTURED, _S.RELEASED, _S.EXPIRED})


def moved(state: HoldState, event: HoldEvent) -> HoldState:
    """Return the next state. Raises `InvalidHold`."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise InvalidHold(f"{state} has no {event}") from None
