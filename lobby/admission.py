"""An admission: one person's passage from the invitation to the seat. Every transition stands in one table here.

There is none from WAITING to media: only `ADMIT`, done by a practitioner, leads on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from store.facts import (
    Fact,
    PatientAdmitted,
    PatientDeclined,
    PatientEntered,
    PatientLeft,
    PatientSentBack,
    PatientWaiting,
)
from store.ids import AdmissionId, ConsultationId, PractitionerId

# An open page enters within seconds of being admitted; after this the person is not there.
TIME_TO_ENTER = timedelta(minutes=2)
# One link is one patient's: a second browser, a relative, an interpreter. More would only hide the others in the list.
MOST_WAITING = 5


class State(StrEnum):
    """Where the person is."""

    EXPECTED = "expected"
    WAITING = "waiting"
    ADMITTED = "admitted"
    ENTERED = "entered"
    DECLINED = "declined"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    LEFT = "left"


class Move(StrEnum):
    """What changes that."""

    ARRIVE = "arrive"
    ADMIT = "admit"
    DECLINE = "decline"
    ENTER = "enter"
    SEND_BACK = "send_back"
    LEAVE = "leave"
    COME_BACK = "come_back"
    EXPIRE = "expire"


TRANSITIONS: Mapping[tuple[State, Move], State] = MappingProxyType(
    {
        (State.EXPECTED, Move.ARRIVE): State.WAITING,
        (State.WAITING, Move.ADMIT): State.ADMITTED,
        (State.WAITING, Move.DECLINE): State.DECLINED,
        (State.WAITING, Move.LEAVE): State.ABANDONED,
        (State.ABANDONED, Move.COME_BACK): State.WAITING,
        (State.ADMITTED, Move.ENTER): State.ENTERED,
        (State.ADMITTED, Move.EXPIRE): State.EXPIRED,
        (State.ADMITTED, Move.LEAVE): State.LEFT,
        (State.ENTERED, Move.SEND_BACK): State.WAITING,
        (State.ENTERED, Move.LEAVE): State.LEFT,
        (State.LEFT, Move.COME_BACK): State.WAITING,
    }
)

# What only a practitioner does, and what is reported of it.
_DECISIONS: Mapping[Move, type[PatientAdmitted | PatientDeclined | PatientSentBack]] = MappingProxyType(
    {Move.ADMIT: PatientAdmitted, Move.DECLINE: PatientDeclined, Move.SEND_BACK: PatientSentBack}
)
_EVENTS: Mapping[Move, type[PatientWaiting | PatientEntered | PatientLeft]] = MappingProxyType(
    {
        Move.ARRIVE: PatientWaiting,
        Move.COME_BACK: PatientWaiting,
        Move.ENTER: PatientEntered,
        Move.LEAVE: PatientLeft,
        Move.EXPIRE: PatientLeft,
    }
)


class InvalidTransition(Exception):
    """Ours: the table has no such transition."""


class StaleAdmission(Exception):
    """The admission has changed since the one who decides saw it."""


class PlaceGone(Exception):
    """The place was declined or has expired; only a new arrival leads on."""


class WaitingRoomFull(Exception):
    """As many as may wait for one consultation do."""


class UnknownAdmission(LookupError):
    """There is no admission with this id."""


@dataclass(frozen=True, slots=True)
class Admission:
    """One person's passage. `version` grows by one with every transition, and with nothing else.

    `camera` and `microphone` are as in `signalling.protocol.Devices`. `waiting_since` is the last arrival in
    the waiting room, an absence there not counted; it orders the list.
    """

    id: AdmissionId
    consultation: ConsultationId
    name: str
    state: State
    version: int
    camera: str
    microphone: str
    arrived_at: datetime
    waiting_since: datetime
    admitted_at: datetime | None = None
    decided_by: PractitionerId | None = None

    def moved(self, move: Move, at: datetime, by: PractitionerId | None = None) -> "Admission":
        """Return the admission after the move; `by` is who decided. Raises `InvalidTransition`."""
        state = TRANSITIONS.get((self.state, move))
        if state is None or (move in _DECISIONS) != (by is not None):
            raise InvalidTransition(f"{self.state} has no {move}")
        # A page that slept or lost its network comes back to its old turn in the list.
        kept_its_turn = self.state is State.ABANDONED
        return replace(
            self,
            state=state,
            version=self.version + 1,
            waiting_since=at if state is State.WAITING and not kept_its_turn else self.waiting_since,
            admitted_at=at if state is State.ADMITTED else self.admitted_at,
            decided_by=by if by is not None else self.decided_by,
        )

    def decided(self, move: Move, version: int, by: PractitionerId, at: datetime) -> "Admission":
        """Return the admission after a decision on what was seen as `version`. Raises `StaleAdmission`."""
        if version != self.version or (self.state, move) not in TRANSITIONS:
            raise StaleAdmission
        return self.moved(move, at, by)

    def entered(self, at: datetime) -> "Admission":
        """Return the admission of one who takes the seat, unchanged when they have it. Raises `StaleAdmission`."""
        return self if self.state is State.ENTERED else self._if_possible(Move.ENTER, at)

    def sent_back(self, by: PractitionerId, at: datetime) -> "Admission":
        """Return the admission of one who waits again. Raises `StaleAdmission` when they do not sit in the call."""
        return self._if_possible(Move.SEND_BACK, at, by)

    def left(self, at: datetime) -> "Admission":
        """Return the admission of one who gives up place or seat, unchanged when they have neither."""
        return self.moved(Move.LEAVE, at) if (self.state, Move.LEAVE) in TRANSITIONS else self

    def come_back(self, at: datetime) -> "Admission":
        """Return the admission of one who is here again, unchanged when the place was kept. Raises `PlaceGone`."""
        if self.state in {State.DECLINED, State.EXPIRED}:
            raise PlaceGone
        return self.moved(Move.COME_BACK, at) if (self.state, Move.COME_BACK) in TRANSITIONS else self

    def _if_possible(self, move: Move, at: datetime, by: PractitionerId | None = None) -> "Admission":
        if (self.state, move) not in TRANSITIONS:
            raise StaleAdmission
        return self.moved(move, at, by)


def expected(admission: AdmissionId, consultation: ConsultationId, name: str, at: datetime) -> Admission:
    """Return the admission of somebody who stands before the waiting room, version 0; their devices are unknown."""
    return Admission(admission, consultation, name, State.EXPECTED, 0, "unknown", "unknown", at, at)


def fact_of(move: Move, admission: Admission, at: datetime) -> Fact:
    """Return what is to be reported of the move that led to `admission`."""
    decision = _DECISIONS.get(move)
    if decision is None:
        return _EVENTS[move](admission.consultation, admission.id, at)
    if admission.decided_by is None:
        raise InvalidTransition(f"{move} by nobody")
    return decision(admission.consultation, admission.id, admission.decided_by, at)
