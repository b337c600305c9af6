"""The call: two seats, who sits in them, and whether they hear each other.

Contract: every method returns the call as it is afterwards; nothing happens by itself. `verdict` says whether it
is time to end it. Two seats are two fields, so there is no way to hold a third.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from signalling.protocol import Peer, Sending
from store.ids import CallId, ConsultationId, LegId, Seat, SessionId

# Neither socket nor media of somebody for this long: they are gone.
PEER_LOST_AFTER = timedelta(minutes=10)
# A worker process is started again within seconds; a minute without any is an outage to be told honestly.
WORKER_LOST_AFTER = timedelta(seconds=60)


class CallState(StrEnum):
    """Where a call stands."""

    OPEN = "open"
    CONNECTING = "connecting"
    LIVE = "live"
    INTERRUPTED = "interrupted"
    ENDED = "ended"


class Change(StrEnum):
    """What moves a call."""

    BOTH_SEATED = "both_seated"
    SEAT_FREED = "seat_freed"
    BOTH_HEARD = "both_heard"
    ONE_UNHEARD = "one_unheard"
    END = "end"


class EndReason(StrEnum):
    """Why a call ended."""

    HUNG_UP = "hung_up"
    PEER_LOST = "peer_lost"
    NEVER_JOINED = "never_joined"
    WORKER_LOST = "worker_lost"


TRANSITIONS: dict[tuple[CallState, Change], CallState] = {
    (CallState.OPEN, Change.BOTH_SEATED): CallState.CONNECTING,
    (CallState.OPEN, Change.END): CallState.ENDED,
    (CallState.CONNECTING, Change.SEAT_FREED): CallState.OPEN,
    (CallState.CONNECTING, Change.BOTH_HEARD): CallState.LIVE,
    (CallState.CONNECTING, Change.END): CallState.ENDED,
    (CallState.LIVE, Change.ONE_UNHEARD): CallState.INTERRUPTED,
    (CallState.LIVE, Change.END): CallState.ENDED,
    (CallState.INTERRUPTED, Change.BOTH_HEARD): CallState.LIVE,
    (CallState.INTERRUPTED, Change.END): CallState.ENDED,
}


class SeatTaken(Exception):
    """Somebody else sits there."""


class CallOver(Exception):
    """Ours: the code asked an ended call for a change."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who sits in a seat and how they are reached.

    `holder` is a practitioner's or an admission's id. `fresh` says that no offer of this leg was handed on yet,
    `pending` is the newest offer without an answer. `base` is added to the leg's own numbers of its offers, so that
    a late answer to an earlier leg is not taken for one to this. `silent_since`: neither socket nor media since then;
    `legless_since`: their media side is gone and must be made anew.
    """

    holder: str
    session: SessionId
    name: str
    leg: LegId
    leg_since: datetime
    base: int = 0
    sending: Sending = field(default_factory=Sending)
    attached: bool = True
    connected: bool = False
    fresh: bool = True
    answered: bool = False
    pending: int | None = None
    silent_since: datetime | None = None
    legless_since: datetime | None = None

    def on_leg(self, leg: LegId, base: int, at: datetime) -> Self:
        """Return the place with a new media side; how long it had none still counts until that one is open."""
        return replace(
            self, leg=leg, leg_since=at, base=base, connected=False, fresh=True, answered=False, pending=None
        )

    def noting_silence(self, at: datetime) -> Self:
        """Return the place with `silent_since` true to what it says of socket and media."""
        if self.attached or self.connected:
            return replace(self, silent_since=None)
        return replace(self, silent_since=self.silent_since or at)


@dataclass(frozen=True, slots=True)
class Call:
    """See the module's text. `live_since` is when both were heard for the first time."""

    id: CallId
    consultation: ConsultationId
    opened_at: datetime
    state: CallState = CallState.OPEN
    live_since: datetime | None = None
    ended_at: datetime | None = None
    reason: EndReason | None = None
    practitioner: Place | None = None
    patient: Place | None = None

    def place(self, seat: Seat) -> Place | None:
        """Return who sits there."""
        return self.practitioner if seat is Seat.PRACTITIONER else self.patient

    def seat_of(self, leg: LegId) -> Seat | None:
        """Return the seat whose present media side is `leg`."""
        return next((seat for seat in Seat if (place := self.place(seat)) is not None and place.leg == leg), None)

    @property
    def empty(self) -> bool:
        return self.practitioner is None and self.patient is None

    def take(self, seat: Seat, place: Place, at: datetime, *, moving: bool = False) -> Self:
        """Seat them. The same holder takes over from their other page; another one only when `moving`.

        Raises `SeatTaken`.
        """
        held = self.place(seat)
        if held is not None and held.holder != place.holder and not moving:
            raise SeatTaken(seat)
        return self._with(seat, place, at)

    def free(self, seat: Seat, at: datetime) -> Self:
        """Return the call without anybody in that seat."""
        return self._with(seat, None, at)

    def renew(self, seat: Seat, leg: LegId, base: int, at: datetime) -> Self:
        """Give the seat's holder a new media side."""
        place = self._taken(seat)
        return self._with(seat, place.on_leg(leg, base, at).noting_silence(at), at)

    def attach(self, seat: Seat, at: datetime) -> Self:
        """Note that their page has a socket."""
        return self._with(seat, replace(self._taken(seat), attached=True).noting_silence(at), at)

    def detach(self, seat: Seat, at: datetime) -> Self:
        """Note that their page has no socket."""
        return self._with(seat, replace(self._taken(seat), attached=False).noting_silence(at), at)

    def hear(self, seat: Seat, at: datetime) -> Self:
        """Note that their media arrives."""
        place = replace(self._taken(seat), connected=True, legless_since=None)
        return self._with(seat, place.noting_silence(at), at)

    def miss(self, seat: Seat, at: datetime) -> Self:
        """Note that their media fell silent."""
        return self._with(seat, replace(self._taken(seat), connected=False).noting_silence(at), at)

    def lose_leg(self, seat: Seat, at: datetime) -> Self:
        """Note that their media side is gone."""
        place = self._taken(seat)
        place = replace(place, connected=False, legless_since=place.legless_since or at)
        return self._with(seat, place.noting_silence(at), at)

    def gain_leg(self, seat: Seat, at: datetime) -> Self:
        """Note that a worker holds their media side."""
        return self._with(seat, replace(self._taken(seat), legless_since=None), at)

    def offer(self, seat: Seat, negotiation: int, at: datetime) -> Self:
        """Note an offer that is handed to them."""
        return self._with(seat, replace(self._taken(seat), fresh=False, pending=negotiation), at)

    def answer(self, seat: Seat, negotiation: int, at: datetime) -> Self:
        """Note that the media side took their answer."""
        place = self._taken(seat)
        pending = None if place.pending == negotiation else place.pending
        return self._with(seat, replace(place, answered=True, pending=pending), at)

    def say(self, seat: Seat, sending: Sending, at: datetime) -> Self:
        """Note which of microphone, camera and screen they send."""
        return self._with(seat, replace(self._taken(seat), sending=sending), at)

    def end(self, reason: EndReason, at: datetime) -> Self:
        """End it; both seats are free."""
        self._open()
        state = TRANSITIONS[self.state, Change.END]
        return replace(self, state=state, reason=reason, ended_at=at, practitioner=None, patient=None)

    def verdict(self, at: datetime, closes_at: datetime) -> tuple[EndReason, Seat | None] | None:
        """Return why it must end now and on whose side, or None. `closes_at`: the end of the join window."""
        for seat in Seat:
            place = self.place(seat)
            if place is None:
                continue
            if place.silent_since is not None and at - place.silent_since >= PEER_LOST_AFTER:
                return EndReason.PEER_LOST, seat
            if place.attached and place.legless_since and at - place.legless_since >= WORKER_LOST_AFTER:
                return EndReason.WORKER_LOST, None
        if (self.practitioner is None or self.patient is None) and at >= closes_at:
            return EndReason.NEVER_JOINED, None
        return None

    def peer_of(self, seat: Seat) -> Peer:
        """Return what the one in `seat` is told of the other."""
        other = self.place(seat.other)
        if other is None:
            return Peer(present=False, connected=False, name="", sending=Sending())
        both = self.place(seat) is not None
        return Peer(present=True, connected=both and other.connected, name=other.name, sending=other.sending)

    def _open(self) -> None:
        if self.state is CallState.ENDED:
            raise CallOver("the call has ended")

    def _taken(self, seat: Seat) -> Place:
        self._open()
        place = self.place(seat)
        if place is None:
            raise CallOver("nobody sits there")
        return place

    def _with(self, seat: Seat, place: Place | None, at: datetime) -> Self:
        self._open()
        """Return the call with that seat changed, in the state that its seats call for, moved by the table."""
        practitioner, patient = (place, self.patient) if seat is Seat.PRACTITIONER else (self.practitioner, place)
        places = [place for place in (practitioner, patient) if place is not None]
        seated = len(places) == len(Seat)
        heard = seated and all(place.connected for place in places)
        state = self.state
        for change in (
            Change.BOTH_SEATED if seated else Change.SEAT_FREED,
            Change.BOTH_HEARD if heard else Change.ONE_UNHEARD,
        ):
            state = TRANSITIONS.get((state, change), state)
        live_since = self.live_since or (at if state is CallState.LIVE else None)
        return replace(self, practitioner=practitioner, patient=patient, state=state, live_since=live_since)
