"""A letter's way: each is accepted by the mail server once, as far as anybody can know.

SENDING is recorded after the server has taken sender and recipient and before it gets the text, so everything that
goes wrong earlier is tried again without a doubt. Who dies between the text and the server's answer cannot know
whether it was taken (RFC 1047): a letter found SENDING is sent again, under the same Message-ID, because a link to
pay that never comes costs more than one that comes twice and says the same.
"""

from datetime import timedelta
from enum import StrEnum

# Long enough for a server that is repaired on Monday (RFC 5321 §4.5.4.1 asks for four to five days).
GIVE_UP_AFTER = timedelta(days=4)
_PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
_LONGEST_PAUSE = timedelta(hours=1)


class LetterState(StrEnum):
    """Where a letter is."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class LetterEvent(StrEnum):
    """What moves a letter."""

    BEGIN = "begin"
    ACCEPTED = "accepted"
    POSTPONED = "postponed"
    REFUSED = "refused"


_S, _E = LetterState, LetterEvent

TRANSITIONS: dict[tuple[LetterState, LetterEvent], LetterState] = {
    (_S.WAITING, _E.BEGIN): _S.SENDING,
    (_S.WAITING, _E.POSTPONED): _S.WAITING,
    (_S.WAITING, _E.REFUSED): _S.FAILED,
    (_S.SENDING, _E.BEGIN): _S.SENDING,
    (_S.SENDING, _E.ACCEPTED): _S.SENT,
    (_S.SENDING, _E.POSTPONED): _S.WAITING,
    (_S.SENDING, _E.REFUSED): _S.FAILED,
    # A process that was held up hears its server's answer after another one had taken the letter over.
    (_S.WAITING, _E.ACCEPTED): _S.SENT,
    (_S.FAILED, _E.ACCEPTED): _S.SENT,
}


def before(event: LetterEvent) -> list[LetterState]:
    """Return the states that the event moves on from."""
    return [state for state, move in TRANSITIONS if move is event]


def pause(attempts: int) -> timedelta:
    """Return how long a letter waits after so many tries (from 1)."""
    return _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else _LONGEST_PAUSE
