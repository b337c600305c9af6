"""The patient's side: from the knock to the waiting room, and from there to the seat, once admitted."""

import time

from agenda.consultation import Consultation
from lobby.admission import Admission, PlaceGone, StaleAdmission, State, WaitingRoomFull
from lobby.gate import Obstacle
from lobby.ticket import BadTicket, LapsedTicket
from signalling.call import SeatTaken
from signalling.close_code import CloseCode
from signalling.io.calls import Calls
from signalling.io.lobby_board import LobbyBoard, ticket
from signalling.io.participant import Participant, Socket
from signalling.io.refusal import Refused
from signalling.io.room import Room
from signalling.io.services import Services
from signalling.join_window import not_yet
from signalling.knock_limit import KnockLimit
from signalling.protocol import (
    Admitted,
    Declined,
    Devices,
    DevicesChanged,
    Displaced,
    Knock,
    Lapsed,
    Leave,
    NotYet,
    Problem,
    Sending,
    SentBack,
)
from store.ids import AdmissionId, Seat
from store.names import BadName, person_name


class PatientPlace:
    """Methods that take a room expect their caller to visit it."""

    def __init__(self, services: Services, calls: Calls, board: LobbyBoard, knocks: KnockLimit) -> None:
        self._services = services
        self._calls = calls
        self._board = board
        self._knocks = knocks

    async def knock(self, opening: Knock, socket: Socket) -> Participant:
        """Return the session of one who waits, or who is back in their seat. Raises `Refused`."""
        invited = await self._services.lobby.consultation_of(opening.invitation)
        consultation = await self._services.agenda.consultation(invited) if invited else None
        host = await self._services.agenda.practitioner(consultation.practitioner) if consultation else None
        if consultation is None or host is None:
            raise Refused(Problem("not_found"))
        try:
            name = person_name(opening.name)
        except BadName:
            raise Refused(Problem("bad_message")) from None
        async with self._services.presence.room(consultation, host.name).visit() as room:
            returning = await self._ticketed(opening.ticket, consultation) if opening.ticket else None
            # One who has a place is not kept from it by those who knock with the same link.
            if not self._knocks.take(returning.id if returning else consultation.id, time.monotonic()):
                raise Refused(Problem("busy"))
            if returning is not None and self._may_sit(room, returning):
                return await self._sit_down(room, returning, opening.devices, socket)
            if (closed := await self.closed(consultation)) is not None:
                raise Refused(closed)
            try:
                if returning is None:
                    camera, microphone = opening.devices.camera, opening.devices.microphone
                    admission = await self._services.lobby.arrive(
                        consultation.id, name, camera, microphone, self._services.clock()
                    )
                else:
                    admission = await self._returned(returning, opening.devices)
            except WaitingRoomFull:
                raise Refused(Problem("busy")) from None
            participant = await self._session(room, admission, socket)
            participant.devices = opening.devices
            self._wait(room, participant, admission)
        return participant

    async def closed(self, consultation: Consultation) -> NotYet | None:
        """Return what keeps the patient out of the waiting room, the price included; None while they may come in."""
        at = self._services.clock()
        price = await self._services.meters.obstacles(consultation, at)
        return not_yet(consultation, self._services.window, at, price)

    async def unpaid(self, room: Room, page: Participant | None) -> bool:
        """Return whether the price stands in the patient's way; the one who waits on `page` is sent back to it then.

        Their place keeps its turn.
        """
        closed = await self.closed(room.consultation)
        if closed is None or not {Obstacle.AGREEMENT, Obstacle.HOLD}.intersection(closed.obstacles):
            return False
        if page is not None:
            page.tell(closed)
            await self.give_up(room, page)
        return True

    async def seat(self, room: Room, participant: Participant, admission: Admission) -> None:
        """Give one who was admitted the seat; whoever had it by the same link is told that it moved."""
        at = self._services.clock()
        held, loser = room.place(Seat.PATIENT), room.holders.get(Seat.PATIENT)
        try:
            admission = await self._services.lobby.enter(admission.id, at)
            replaces = await self._calls.claim(room, participant, admission.id, admission.name, Sending(), moving=True)
        except StaleAdmission:
            room.waiting.pop(admission.id, None)
            self._services.sessions.end(participant, CloseCode.OVER, at, Lapsed())
            return
        except SeatTaken:
            room.waiting.pop(admission.id, None)
            await self._services.lobby.leave(admission.id, at)
            self._services.sessions.end(participant, CloseCode.REFUSED, at, Problem("seat_taken"))
            return
        room.waiting.pop(admission.id, None)
        moved = held is not None and held.holder != admission.id
        if loser is not None and loser is not participant:
            how = Displaced("moved" if moved else "same_person")
            self._services.sessions.end(loser, CloseCode.DISPLACED, at, how)
        if held is not None and moved:
            await self._services.lobby.leave(AdmissionId(held.holder), at)
        participant.waiting_since = None
        participant.tell(Admitted(ticket=ticket(self._services, room, admission.id)))
        await self._calls.open_leg(room, Seat.PATIENT, replaces)

    def wait_again(self, room: Room, participant: Participant, admission: Admission) -> None:
        """Put one who was sent back into the waiting room."""
        participant.tell(SentBack())
        self._wait(room, participant, admission)

    async def page_back(self, room: Room, participant: Participant, *, continued: bool) -> None:
        """Give a waiting patient's page what it needs that is here again: it may have been admitted meanwhile."""
        lobby = self._services.lobby
        admission = await lobby.admission(participant.admission) if participant.admission else None
        if admission is None:
            return
        if admission.state is State.ADMITTED and self._may_sit(room, admission):
            await self.seat(room, participant, admission)
        elif admission.state is State.ADMITTED:
            at = self._services.clock()
            await lobby.leave(admission.id, at)
            try:
                self._wait(room, participant, await lobby.come_back(admission.id, at))
            except WaitingRoomFull:
                room.waiting.pop(admission.id, None)
                self._services.sessions.end(participant, CloseCode.OVER, at, Problem("busy"))
        elif admission.state is State.WAITING:
            if not continued:
                self._wait(room, participant, admission)
            self._board.changed(room.consultation.practitioner)
        else:
            room.waiting.pop(admission.id, None)
            self._services.sessions.end(participant, CloseCode.OVER, self._services.clock(), Lapsed())

    async def devices_changed(self, participant: Participant, message: DevicesChanged) -> None:
        """Note what the device check found now, if it is something else than before."""
        if message.devices == participant.devices:
            return
        room = self._services.presence.known_room(participant.consultation)
        if participant.admission is None or room is None:
            participant.tell(Problem("stale"))
            return
        await self._services.lobby.set_devices(
            participant.admission, message.devices.camera, message.devices.microphone
        )
        participant.devices = message.devices
        self._board.changed(room.consultation.practitioner)

    async def leave(self, participant: Participant, _: Leave) -> None:
        """Give up the place or the seat."""
        room = self._services.presence.known_room(participant.consultation)
        if room is not None:
            async with room.visit():
                await self.give_up(room, participant)

    async def give_up(self, room: Room, participant: Participant) -> None:
        """Let the patient go, who wants to, or has been away for too long."""
        if participant.over is not None or participant.admission is None:
            return
        at = self._services.clock()
        self._services.sessions.end(participant, CloseCode.OVER, at)
        room.waiting.pop(participant.admission, None)
        await self._services.lobby.leave(participant.admission, at)
        if room.seat_of(participant) is not None:
            await self._calls.free(room, Seat.PATIENT)
        self._board.changed(room.consultation.practitioner)

    async def _ticketed(self, ticket: str, consultation: Consultation) -> Admission:
        """Return whose place the ticket is. Raises `Refused`."""
        try:
            admission = await self._services.lobby.admission_of_ticket(ticket, self._services.clock())
        except (BadTicket, LapsedTicket):
            raise Refused(Lapsed()) from None
        if admission.consultation != consultation.id:
            raise Refused(Lapsed())
        return admission

    def _may_sit(self, room: Room, admission: Admission) -> bool:
        """Whether the seat is theirs, or they were admitted to it and nobody was since."""
        held = room.place(Seat.PATIENT)
        if held is not None:
            return held.holder == admission.id
        return admission.state is State.ADMITTED

    async def _sit_down(self, room: Room, admission: Admission, devices: Devices, socket: Socket) -> Participant:
        """Return the session of a page that takes over the seat of the same browser."""
        await self._services.lobby.set_devices(admission.id, devices.camera, devices.microphone)
        participant = await self._session(room, admission, socket)
        participant.devices = devices
        await self.seat(room, participant, admission)
        return participant

    async def _returned(self, admission: Admission, devices: Devices) -> Admission:
        """Return the admission of one who waits again. Raises `Refused`."""
        at = self._services.clock()
        if admission.state is State.DECLINED:
            raise Refused(Declined())
        if admission.state in {State.ADMITTED, State.ENTERED}:
            # The seat went to another browser, or the call ended with a crash: only a new decision leads back.
            await self._services.lobby.leave(admission.id, at)
        await self._services.lobby.set_devices(admission.id, devices.camera, devices.microphone)
        try:
            return await self._services.lobby.come_back(admission.id, at)
        except PlaceGone:
            raise Refused(Lapsed()) from None

    async def _session(self, room: Room, admission: Admission, socket: Socket) -> Participant:
        """Return a new session; another tab that waits with the same ticket is told."""
        at = self._services.clock()
        participant = await self._services.sessions.begin(
            socket, Seat.PATIENT, at, consultation=room.consultation.id, admission=admission.id
        )
        if (before := room.waiting.pop(admission.id, None)) is not None:
            self._services.sessions.end(before, CloseCode.DISPLACED, at, Displaced("same_person"))
        return participant

    def _wait(self, room: Room, participant: Participant, admission: Admission) -> None:
        room.waiting[admission.id] = participant
        participant.waiting_since = admission.waiting_since
        self._board.show_waiting(room, participant, admission.id)
        self._board.changed(room.consultation.practitioner)
