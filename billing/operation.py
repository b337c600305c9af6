"""A call to the payment provider: committed before it is sent, sent again word for word, looked up when unclear.

"Refused" is not "unknown": a refusal is an answer. An unclear one is followed by a look at what the provider has, and
only when that shows that nothing was done is the same thing sent again, under the same key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from billing.gateway import (
    Account,
    AuthoriseCard,
    CaptureHold,
    CreateAccount,
    Found,
    IncreaseHold,
    Intent,
    IntentState,
    Operation,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from store.ids import OperationId

# The provider may forget a key after 24 h (https://docs.stripe.com/api/idempotent_requests); we stop a little earlier.
KEY_LIVES = timedelta(hours=23)
# Who has claimed an operation and does not come back within this has died: a request takes 20 s at most.
LEASE = timedelta(seconds=60)
# A key replays its first answer, a 500 included. What can be done only once anyhow is then asked for with a new one.
SAME_KEY_TRIES = 4

_LONGEST_PAUSE = timedelta(minutes=10)


class OperationState(StrEnum):
    """Where an operation stands."""

    READY = "ready"
    SENT = "sent"
    UNCLEAR = "unclear"
    DONE = "done"
    REFUSED = "refused"
    LOST = "lost"


class OperationEvent(StrEnum):
    """What moves it. FOUND, IMPOSSIBLE and LOST are what a look at the provider's objects shows."""

    SEND = "send"
    ANSWERED = "answered"
    REFUSED = "refused"
    BUSY = "busy"
    UNCLEAR = "unclear"
    FOUND = "found"
    IMPOSSIBLE = "impossible"
    LOST = "lost"


class InvalidOperation(Exception):
    """Ours: the code asked for a change that the table does not hold."""


_S, _E = OperationState, OperationEvent

TRANSITIONS: dict[tuple[OperationState, OperationEvent], OperationState] = {
    (_S.READY, _E.SEND): _S.SENT,
    (_S.SENT, _E.ANSWERED): _S.DONE,
    (_S.SENT, _E.REFUSED): _S.REFUSED,
    (_S.SENT, _E.BUSY): _S.READY,
    (_S.SENT, _E.UNCLEAR): _S.UNCLEAR,
    (_S.UNCLEAR, _E.UNCLEAR): _S.UNCLEAR,
    (_S.UNCLEAR, _E.FOUND): _S.DONE,
    (_S.UNCLEAR, _E.IMPOSSIBLE): _S.REFUSED,
    (_S.UNCLEAR, _E.SEND): _S.SENT,
    (_S.UNCLEAR, _E.LOST): _S.LOST,
}

OPEN = frozenset({_S.READY, _S.SENT, _S.UNCLEAR})

_KINDS: dict[str, type[Operation]] = {
    kind.__name__: kind
    for kind in (AuthoriseCard, SaveCard, CaptureHold, IncreaseHold, ReleaseHold, RefundCharge, CreateAccount)
}
# Doing these twice is doing them once: the provider takes a hold once, frees it once, raises it to a total.
_ONCE_ANYHOW = (CaptureHold, IncreaseHold, ReleaseHold)


class Verdict(StrEnum):
    """What a look at the provider's objects says of an operation."""

    DONE = "done"
    NOT_DONE = "not_done"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class StoredOperation:
    """An operation's row. `tries` counts the claims; `sent_at` is when it was sent for the first time."""

    id: OperationId
    kind: str
    subject: str
    attempt: int
    key: str
    operation: Operation
    state: OperationState
    refusal: str
    created_at: datetime
    sent_at: datetime | None
    due_at: datetime
    tries: int


def moved(state: OperationState, event: OperationEvent) -> OperationState:
    """Return the next state. Raises `InvalidOperation`."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise InvalidOperation(f"{state} has no {event}") from None


def kind_of(operation: Operation) -> str:
    """Return the operation's kind, as it is stored."""
    return type(operation).__name__


def key_of(install: str, kind: str, subject: str, attempt: int) -> str:
    """Return the idempotency key; made of our row's id, so that the same thing never gets two."""
    return f"visavis:{install}:{kind}:{subject}:{attempt}"


def encoded(operation: Operation) -> str:
    """Return the operation as it is stored."""
    return msgspec.json.encode(operation).decode()


def decoded(kind: str, body: str) -> Operation:
    """Return a stored operation."""
    return msgspec.json.decode(body, type=_KINDS[kind])


def verdict(operation: Operation, found: Found | None) -> Verdict:
    """Return whether `found` (None: nothing was found) shows the operation as carried out."""
    if isinstance(operation, AuthoriseCard | SaveCard):
        return Verdict.DONE if isinstance(found, Intent) else Verdict.NOT_DONE
    if isinstance(operation, RefundCharge):
        return Verdict.DONE if isinstance(found, Refund) else Verdict.NOT_DONE
    if isinstance(operation, CreateAccount):
        return Verdict.DONE if isinstance(found, Account) else Verdict.NOT_DONE
    if not isinstance(found, Intent):
        return Verdict.IMPOSSIBLE
    return _of_intent(operation, found)


def _of_intent(operation: CaptureHold | IncreaseHold | ReleaseHold, found: Intent) -> Verdict:
    over = found.state in {IntentState.SUCCEEDED, IntentState.CANCELLED}
    if isinstance(operation, IncreaseHold):
        if found.state is IntentState.HELD:
            return Verdict.DONE if found.amount >= operation.amount else Verdict.NOT_DONE
        return Verdict.IMPOSSIBLE
    wanted = IntentState.SUCCEEDED if isinstance(operation, CaptureHold) else IntentState.CANCELLED
    if found.state is wanted:
        return Verdict.DONE
    return Verdict.IMPOSSIBLE if over else Verdict.NOT_DONE


def needs_new_key(stored: StoredOperation, at: datetime) -> bool:
    """Whether the key is of no use any more; asked only after a look has shown that nothing was done."""
    if stored.sent_at is not None and at - stored.sent_at >= KEY_LIVES:
        return True
    return isinstance(stored.operation, _ONCE_ANYHOW) and stored.tries > SAME_KEY_TRIES


def pause_after(tries: int) -> timedelta:
    """Return how long to wait before the next try: 1 s, then twice as long each time, 10 minutes at most."""
    return min(timedelta(seconds=2 ** min(tries - 1, 20)), _LONGEST_PAUSE)
