"""What the provider has, and what that means for our hold and its payment."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.agreement import (
    CARD_NOT_SUPPORTED,
    Hold,
    Payment,
    Purpose,
    live,
    needed_until,
    secured,
    supported,
    to_hold,
)
from billing.gateway import Intent, IntentState
from billing.hold import FINAL, TRANSITIONS, HoldEvent, HoldState
from billing.money import smallest_charge
from billing.payment import PaymentEvent, PaymentState

_UNDER_WAY = frozenset({HoldState.CREATING, HoldState.CAPTURING, HoldState.UNKNOWN})
_ASKED_FOR = frozenset({PaymentState.PENDING, PaymentState.FAILED, PaymentState.UNPAID})
_OWED = _ASKED_FOR | {PaymentState.PROCESSING}
# A payment in one of these still needs what is held.
NEEDS_HOLDS = frozenset({PaymentState.DRAFT, PaymentState.PROCESSING})

# Where a hold is of which this is the newest.
_SHOWS = {
    HoldEvent.ASKED_PATIENT: HoldState.NEEDS_ACTION,
    HoldEvent.DECLINED: HoldState.DECLINED,
    HoldEvent.HELD: HoldState.HELD,
    HoldEvent.CAPTURED: HoldState.CAPTURED,
    HoldEvent.RELEASED: HoldState.RELEASED,
    HoldEvent.EXPIRED: HoldState.EXPIRED,
}

_FIRST_LOOK = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(days=1)
_AFTER_EXPIRY = timedelta(minutes=1)


def event_of(purpose: Purpose, intent: Intent) -> HoldEvent | None:
    """Return what the intent's state is for us; None while the provider works at it."""
    if intent.state is IntentState.SUCCEEDED:
        return HoldEvent.HELD if purpose is Purpose.CARD else HoldEvent.CAPTURED
    if intent.state is IntentState.CANCELLED:
        return HoldEvent.EXPIRED if intent.expired else HoldEvent.RELEASED
    if intent.state is IntentState.HELD:
        return HoldEvent.HELD
    if intent.state is IntentState.PROCESSING:
        return None
    return HoldEvent.DECLINED if intent.declined else HoldEvent.ASKED_PATIENT


def next_state(hold: Hold, event: HoldEvent | None, *, busy: bool) -> HoldState:
    """Return where the news leads; where the hold is when it is old, or says nothing.

    `busy`: a request about the hold is under way. Until it is answered, "still held" only means "not yet captured".
    """
    if event is None or hold.state in FINAL:
        return hold.state
    if event is HoldEvent.HELD and busy and hold.state in {HoldState.CAPTURING, HoldState.UNKNOWN}:
        return hold.state
    return TRANSITIONS.get((hold.state, event), hold.state)


def settled_values(hold: Hold, intent: Intent, state: HoldState) -> dict[str, object]:
    """Return the hold's columns as the intent has them. Of old news nothing is taken but whose it is."""
    values: dict[str, object] = {"state": state}
    if hold.intent is None:
        values["intent"] = intent.id
    if intent.client_secret and not hold.client_secret:
        values["client_secret"] = intent.client_secret
    event = event_of(hold.purpose, intent)
    if event is None or _SHOWS[event] is not state:
        return values
    values["declined"] = declined_of(hold, intent)
    if state is HoldState.HELD and hold.purpose is Purpose.HOLD:
        held = intent.capturable or intent.amount
        # Raised, a hold never shrinks: what says less is older.
        values["amount"] = max(hold.amount, held) if hold.state is HoldState.HELD else held
        values["capture_before"] = intent.capture_before or hold.capture_before
    if state is HoldState.CAPTURED:
        values |= {
            "captured": intent.received,
            "fee": intent.fee,
            "charge_transaction": intent.charge_transaction or hold.charge_transaction,
        }
    return values


def declined_of(hold: Hold, intent: Intent) -> str:
    """Return why the attempt came to nothing, as far as it did."""
    good = intent.state in {IntentState.HELD, IntentState.SUCCEEDED}
    if good and hold.purpose is not Purpose.CHARGE and not supported(intent.card):
        return CARD_NOT_SUPPORTED
    if good:
        return ""
    return intent.declined or hold.declined


def look_at(hold: Hold, state: HoldState, capture_before: datetime | None, at: datetime) -> datetime | None:
    """Return when to ask the provider next, unasked: less and less often while the patient has a form before them."""
    if state in {HoldState.NEEDS_ACTION, HoldState.DECLINED}:
        pause: timedelta = _FIRST_LOOK * 2 ** min(hold.looks, 16)
        return at + min(pause, _LONGEST_PAUSE)
    if state is HoldState.HELD and hold.purpose is Purpose.HOLD:
        lapses = capture_before or at + _LONGEST_PAUSE
        return max(lapses + _AFTER_EXPIRY, at + _FIRST_LOOK)
    return None


def payment_event(payment: Payment, holds: Iterable[Hold], changed: Hold, *, processing: bool) -> PaymentEvent | None:
    """Return what a change of one of its attempts means for the payment, or None.

    `holds` and `payment.paid` are as they are after the change. `processing`: the provider works at `changed`.
    """
    if payment.state not in _OWED:
        return None
    if payment.due is not None and changed.state is HoldState.CAPTURED and payment.owed == 0:
        return PaymentEvent.SUCCEEDED
    working = processing or any(_works(hold) for hold in holds)
    if payment.paid and 0 < payment.owed < smallest_charge(payment.currency) and not working:
        # No card can be charged so little: nobody is asked for it.
        return PaymentEvent.REST_GIVEN_UP
    charge = changed.purpose is Purpose.CHARGE
    if charge and processing and payment.state in _ASKED_FOR:
        return PaymentEvent.SUBMITTED
    if charge and changed.state is HoldState.DECLINED and not changed.off_session:
        return None if payment.state is PaymentState.FAILED else PaymentEvent.REFUSED
    return PaymentEvent.ASKED if payment.state is PaymentState.PROCESSING and not working else None


def _works(hold: Hold) -> bool:
    return hold.purpose is not Purpose.CARD and hold.state in _UNDER_WAY


def outlasted(payment: Payment, holds: Iterable[Hold], at: datetime) -> list[Hold]:
    """Return the live holds that lapse too early, once others cover what has to be held: they were made anew."""
    kept = list(holds)
    if to_hold(payment) == 0 or not secured(payment, kept, at):
        return []
    until = needed_until(payment)
    return [hold for hold in live(kept, at) if hold.capture_before is not None and hold.capture_before <= until]


def superfluous(hold: Hold, state: PaymentState) -> bool:
    """Whether a payment that has come to `state` has no more use for the attempt."""
    if state in _ASKED_FOR:
        # Who is asked to pay must not pay twice; the form before them stays.
        return hold.purpose is not Purpose.CHARGE or hold.off_session
    return state not in NEEDS_HOLDS


def releasable(hold: Hold) -> bool:
    """Whether there is something at the provider to be freed: a kept card is not."""
    if hold.intent is None:
        return False
    if hold.purpose is Purpose.CARD and hold.state is HoldState.HELD:
        return False
    return hold.state in {HoldState.NEEDS_ACTION, HoldState.DECLINED, HoldState.HELD}
