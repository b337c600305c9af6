"""Who is here: every page's session, the practitioners' pages, and the rooms in use."""

import sys

from agenda.consultation import Consultation
from signalling.io.participant import Participant
from signalling.io.room import Room
from store.ids import CallId, ConsultationId, PractitionerId


class Presence:
    """Kept in memory; what must outlive the process stands in the database (`signalling.io.rows`)."""

    def __init__(self) -> None:
        self._sessions: dict[str, Participant] = {}
        self._pages: dict[PractitionerId, set[Participant]] = {}
        self._rooms: dict[ConsultationId, Room] = {}
        self._rooms_of: dict[PractitionerId, dict[ConsultationId, Room]] = {}
        self._calls: dict[CallId, Room] = {}

    def add(self, participant: Participant) -> None:
        """Note a new session."""
        self._sessions[participant.token_hash] = participant
        if participant.practitioner is not None:
            self._pages.setdefault(participant.practitioner, set()).add(participant)

    def remove(self, participant: Participant) -> None:
        """Forget a session."""
        self._sessions.pop(participant.token_hash, None)
        if participant.practitioner is not None and (pages := self._pages.get(participant.practitioner)):
            pages.discard(participant)
            if not pages:
                del self._pages[participant.practitioner]

    def session(self, token_hash: str) -> Participant | None:
        """Return the session with that token."""
        return self._sessions.get(token_hash)

    def participants(self) -> list[Participant]:
        return list(self._sessions.values())

    def pages_of(self, practitioner: PractitionerId) -> list[Participant]:
        """Return the practitioner's sessions that are not over: desks and rooms."""
        return [page for page in self._pages.get(practitioner, ()) if page.over is None]

    def room(self, consultation: Consultation, host_name: str) -> Room:
        """Return the consultation's room, as planned now."""
        room = self._rooms.get(consultation.id)
        if room is None:
            room = self._rooms[consultation.id] = Room(consultation, host_name)
            self._rooms_of.setdefault(consultation.practitioner, {})[consultation.id] = room
        room.consultation = consultation
        # One name for all rooms of a practitioner: each read from the database is another copy.
        room.host_name = sys.intern(host_name)
        return room

    def rooms(self) -> list[Room]:
        return list(self._rooms.values())

    def rooms_of(self, practitioner: PractitionerId) -> list[Room]:
        """Return the rooms in use of a practitioner's consultations."""
        return list(self._rooms_of.get(practitioner, {}).values())

    def hosts(self) -> list[PractitionerId]:
        """Return whose consultations have rooms in use."""
        return list(self._rooms_of)

    def known_room(self, consultation: ConsultationId | None) -> Room | None:
        """Return the room if it is in use."""
        return self._rooms.get(consultation) if consultation is not None else None

    def room_of_call(self, call: CallId) -> Room | None:
        """Return the room in which that call is going on."""
        return self._calls.get(call)

    def note_call(self, room: Room) -> None:
        """Note the call that has opened in the room."""
        if room.call is not None:
            self._calls[room.call.id] = room

    def drop_call(self, call: CallId) -> None:
        """Forget the call, which has ended."""
        self._calls.pop(call, None)

    def calls(self) -> list[Room]:
        """Return the rooms in which a call is going on."""
        return list(self._calls.values())

    def tidy(self) -> None:
        """Forget the rooms in which nothing is left."""
        for consultation, room in list(self._rooms.items()):
            if room.deserted:
                del self._rooms[consultation]
                rooms = self._rooms_of[room.consultation.practitioner]
                del rooms[consultation]
                if not rooms:
                    del self._rooms_of[room.consultation.practitioner]

    def host_in_call(self, practitioner: PractitionerId) -> bool:
        """Whether the practitioner sits in a call with somebody."""
        rooms = self._rooms_of.get(practitioner, {}).values()
        return any(room.call is not None and room.call.practitioner and room.call.patient for room in rooms)
