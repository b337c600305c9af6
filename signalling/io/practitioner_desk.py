"""The practitioner's side: the desk and the seat, who is let in, refused, or sent back."""

from datetime import datetime

from agenda.consultation import Consultation
from lobby.admission import Admission, StaleAdmission
from signalling.call import EndReason, SeatTaken
from signalling.close_code import CloseCode
from signalling.io.calls import Calls
from signalling.io.lobby_board import LobbyBoard
from signalling.io.participant import Participant, Socket
from signalling.io.patient_place import PatientPlace
from signalling.io.refusal import Refused
from signalling.io.room import Room
from signalling.io.services import Services
from signalling.join_window import not_yet
from signalling.protocol import Admit, Attend, Decline, Declined, Displaced, Enter, Leave, NotYet, Problem, SendBack
from signalling.revocations import LoggedIn
from store.ids import AdmissionId, ConsultationId, PractitionerId, Seat


class PractitionerDesk:
    """Whatever names a consultation or admission of somebody else is answered as if it did not exist."""

    def __init__(self, services: Services, calls: Calls, board: LobbyBoard, places: PatientPlace) -> None:
        self._services = services
        self._calls = calls
        self._board = board
        self._places = places

    async def attend(self, _: Attend, who: LoggedIn | None, socket: Socket) -> Participant:
        """Return the session of a desk, which sees the waiting lists. Raises `Refused`."""
        if who is None:
            raise Refused(Problem("log_in"))
        at = self._services.clock()
        participant = await self._services.sessions.begin(socket, Seat.PRACTITIONER, at, practitioner=who.practitioner)
        participant.log_in = who.session
        if not self._logged_out(who, participant):
            await self.show(participant)
        return participant

    async def enter(self, opening: Enter, who: LoggedIn | None, socket: Socket) -> Participant:
        """Return the session of the practitioner's seat. Raises `Refused`."""
        if who is None:
            raise Refused(Problem("log_in"))
        practitioner = who.practitioner
        consultation = await self._own(ConsultationId(opening.consultation), practitioner)
        host = await self._services.agenda.practitioner(practitioner)
        if consultation is None or host is None:
            raise Refused(Problem("not_found"))
        async with self._services.presence.room(consultation, host.name).visit() as room:
            at = self._services.clock()
            if (closed := await self._closed(room, at)) is not None:
                raise Refused(closed)
            participant = await self._services.sessions.begin(
                socket, Seat.PRACTITIONER, at, practitioner=practitioner, consultation=consultation.id
            )
            participant.log_in = who.session
            if self._logged_out(who, participant):
                return participant
            before = room.holders.get(Seat.PRACTITIONER)
            try:
                replaces = await self._calls.claim(room, participant, practitioner, host.name, opening.sending)
            except SeatTaken:
                self._services.sessions.end(participant, CloseCode.REFUSED, at, Problem("seat_taken"))
                return participant
            if self._logged_out(who, participant):
                await self._calls.take_back(room, Seat.PRACTITIONER, replaces)
                return participant
            if before is not None:
                self._services.sessions.end(before, CloseCode.DISPLACED, at, Displaced("same_person"))
            await self.show(participant)
            if self._logged_out(who, participant):
                await self._calls.take_back(room, Seat.PRACTITIONER, replaces)
                return participant
            await self._calls.open_leg(room, Seat.PRACTITIONER, replaces)
        return participant

    async def show(self, participant: Participant) -> None:
        """Send a page the waiting list, and the patients who wait the practitioner's state."""
        if participant.practitioner is not None:
            participant.tell(await self._board.list_for(participant.practitioner))
            self._board.show_host(participant.practitioner)

    async def admit(self, participant: Participant, message: Admit) -> None:
        """Let one in. The seat moves when another browser with the same link has it."""
        if (found := await self._decidable(participant, message.admission)) is None:
            return
        room, practitioner = found
        async with room.visit():
            if await self._cancelled(room):
                participant.tell(Problem("stale"))
                return
            if await self._places.unpaid(room, room.waiting.get(AdmissionId(message.admission))):
                participant.tell(Problem("unpaid"))
                return
            try:
                admission = await self._services.lobby.admit(
                    AdmissionId(message.admission), message.version, practitioner, self._services.clock()
                )
            except StaleAdmission:
                participant.tell(Problem("stale"))
                return
            page = room.waiting.get(admission.id)
            if page is not None and page.attached:
                await self._places.seat(room, page, admission)
        self._board.changed(practitioner)

    async def decline(self, participant: Participant, message: Decline) -> None:
        """Refuse one."""
        if (found := await self._decidable(participant, message.admission)) is None:
            return
        room, practitioner = found
        async with room.visit():
            at = self._services.clock()
            try:
                admission = await self._services.lobby.decline(
                    AdmissionId(message.admission), message.version, practitioner, at
                )
            except StaleAdmission:
                participant.tell(Problem("stale"))
                return
            if (page := room.waiting.pop(admission.id, None)) is not None:
                self._services.sessions.end(page, CloseCode.OVER, at, Declined())
        self._board.changed(practitioner)

    async def send_back(self, participant: Participant, _: SendBack) -> None:
        """Let the patient wait again."""
        room = self._services.presence.known_room(participant.consultation)
        if room is None or participant.practitioner is None:
            participant.tell(Problem("stale"))
            return
        async with room.visit():
            place = room.place(Seat.PATIENT)
            if place is None or room.seat_of(participant) is not Seat.PRACTITIONER:
                participant.tell(Problem("stale"))
                return
            try:
                admission = await self._services.lobby.send_back(
                    AdmissionId(place.holder), participant.practitioner, self._services.clock()
                )
            except StaleAdmission:
                participant.tell(Problem("stale"))
                return
            page = await self._calls.free(room, Seat.PATIENT)
            if page is not None:
                self._places.wait_again(room, page, admission)
        self._board.changed(participant.practitioner)

    async def leave(self, participant: Participant, _: Leave) -> None:
        """End the call for both, or close the desk."""
        room = self._services.presence.known_room(participant.consultation)
        if room is None:
            self._services.sessions.end(participant, CloseCode.OVER, self._services.clock())
            return
        async with room.visit():
            if room.seat_of(participant) is Seat.PRACTITIONER:
                await self._calls.end(room, EndReason.HUNG_UP, Seat.PRACTITIONER)
            else:
                self._services.sessions.end(participant, CloseCode.OVER, self._services.clock())

    async def _closed(self, room: Room, at: datetime) -> NotYet | None:
        """Return what keeps the practitioner out: a call that runs over goes on, unless it was cancelled."""
        cancelled = await self._cancelled(room)
        return not_yet(room.consultation, self._services.window, at) if cancelled or room.call is None else None

    async def _cancelled(self, room: Room) -> bool:
        """Whether the consultation is cancelled now: it may have been while the room was waited for."""
        planned = await self._services.agenda.consultation(room.consultation.id)
        if planned is not None:
            room.consultation = planned
        return room.consultation.cancelled_at is not None

    def _logged_out(self, who: LoggedIn, participant: Participant) -> bool:
        """Whether they have logged out since they were asked who they are; their page's session is over then."""
        if not self._services.revocations.revoked(who):
            return False
        self._services.sessions.end(participant, CloseCode.LOGGED_OUT, self._services.clock())
        self._services.presence.remove(participant)
        return True

    async def _own(self, consultation: ConsultationId, practitioner: PractitionerId | None) -> Consultation | None:
        found = await self._services.agenda.consultation(consultation)
        return found if found is not None and found.practitioner == practitioner else None

    async def _decidable(self, participant: Participant, admission_id: str) -> tuple[Room, PractitionerId] | None:
        """Return the room of an admission that this practitioner decides on; else tell them."""
        admission: Admission | None = await self._services.lobby.admission(AdmissionId(admission_id))
        practitioner = participant.practitioner
        consultation = await self._own(admission.consultation, practitioner) if admission else None
        host = await self._services.agenda.practitioner(practitioner) if practitioner else None
        if consultation is None or practitioner is None or host is None:
            participant.tell(Problem("not_found"))
            return None
        return self._services.presence.room(consultation, host.name), practitioner
