"""The reception: every page speaks to it. It begins sessions, hands on requests, and finds its way after a restart.

Closing it ends no call: pages are told to come back, and media goes on in the workers. The order: no new sockets
first (the web server's part), then `close`, then the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agenda.consultation import JoinWindow
from agenda.io.service import Agenda
from lobby.io.service import Lobby as LobbyService
from sfu.engine import EngineEvent, MediaEngine
from signalling.close_code import CloseCode
from signalling.io.background import Background, report
from signalling.io.calls import Calls
from signalling.io.doors import Doors
from signalling.io.legs import Legs
from signalling.io.lobby_board import LobbyBoard
from signalling.io.log_ins import Lapsed, LogIns, none_lapsed
from signalling.io.meter_board import MeterBoard
from signalling.io.pace import Pace
from signalling.io.participant import Participant, Socket
from signalling.io.patient_place import PatientPlace
from signalling.io.practitioner_desk import PractitionerDesk
from signalling.io.presence import Presence
from signalling.io.recovery import Recovery
from signalling.io.refusal import Refused
from signalling.io.services import Services
from signalling.io.sessions import Sessions
from signalling.io.sweep import Sweep
from signalling.knock_limit import KnockLimit
from signalling.metering import FreeOfCharge, Meters
from signalling.protocol import (
    Admit,
    Alive,
    Answer,
    Attend,
    BadMessage,
    ClientFrame,
    Decline,
    DevicesChanged,
    Displaced,
    Enter,
    Knock,
    Leave,
    PauseMeter,
    Problem,
    RestartIce,
    Resume,
    ResumeMeter,
    SendBack,
    SendingChanged,
    ServerFrame,
    encode,
)
from signalling.revocations import LoggedIn, LogIn, Revocations
from store.ids import ConsultationId, PractitionerId, Seat
from store.io.database import Database
from store.io.entropy import digest
from store.io.outbox import Outbox


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ReceptionSettings:
    """`window`: when one may come in. `round_seconds`: how often is looked after what time alone brings about.

    `knocks` makes the limit on knocks. `repeats`: so many `devices` and `restart_ice` of one session are carried out in
    a round, and the last one of the others with the next round. `lapsed` says which log-ins are over by now.
    """

    window: JoinWindow = field(default_factory=JoinWindow)
    round_seconds: float = 1.0
    clock: Callable[[], datetime] = _now
    knocks: Callable[[], KnockLimit] = KnockLimit
    repeats: int = 1
    lapsed: Lapsed = none_lapsed


_Handler = Callable[[Participant, Any], Awaitable[None]]


class Reception:
    """`start` before the first socket, `close` after the last. `meters` is to be told of every recorded media fact."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        agenda: Agenda,
        lobby: LobbyService,
        engine: MediaEngine,
        settings: ReceptionSettings,
        meters: Meters | None = None,
    ) -> None:
        presence = Presence()
        book = Sessions(database, presence)
        background, window, clock = Background(), settings.window, settings.clock
        self._settings = settings
        metered, revoked = meters or FreeOfCharge(), Revocations()
        self._services = services = Services(
            database, outbox, agenda, lobby, engine, metered, presence, book, background, window, clock, revoked
        )
        self._board = board = LobbyBoard(services)
        self._legs = legs = Legs(services)
        self.meters = MeterBoard(services)
        self._calls = calls = Calls(services, legs, board, self.meters)
        self._places = places = PatientPlace(services, calls, board, settings.knocks())
        self._desk = PractitionerDesk(services, calls, board, places)
        self._doors = doors = Doors(services, calls, places)
        devices = Pace(places.devices_changed, settings.repeats)
        restarts = Pace(legs.restart_ice, settings.repeats)
        self._log_ins = log_ins = LogIns(services, legs, board, settings.lapsed)
        self._rounds = Sweep(services, calls, legs, board, places, doors, log_ins, devices.go, restarts.go)
        self._closed = False
        self._handlers: Mapping[type[Any], Mapping[Seat, _Handler]] = {
            Admit: {Seat.PRACTITIONER: self._desk.admit},
            Decline: {Seat.PRACTITIONER: self._desk.decline},
            SendBack: {Seat.PRACTITIONER: self._desk.send_back},
            Leave: {Seat.PRACTITIONER: self._desk.leave, Seat.PATIENT: places.leave},
            DevicesChanged: {Seat.PATIENT: devices.ask},
            Answer: dict.fromkeys(Seat, legs.answer),
            RestartIce: dict.fromkeys(Seat, restarts.ask),
            SendingChanged: dict.fromkeys(Seat, calls.sending_changed),
            PauseMeter: {Seat.PRACTITIONER: self.meters.pause},
            ResumeMeter: {Seat.PRACTITIONER: self.meters.resume},
            Alive: dict.fromkeys(Seat, self._alive),
        }

    async def start(self) -> None:
        """Find the calls and sessions that a restart interrupted, and begin the sweep."""
        self._services.engine.subscribe(self._report)
        await Recovery(self._services, self._calls, self._legs).restore(self._settings.clock())
        self._services.background.start(self._board.keep(), "waiting lists")
        self._services.background.start(self._sweep_on(), "sweep")

    async def close(self) -> None:
        """Send every page away to come back soon; calls go on."""
        self._closed = True
        for participant in self._services.presence.participants():
            if participant.socket is not None:
                participant.socket.close(CloseCode.RESTARTING)
        await self._services.background.close()
        await self._legs.save()
        await self._services.sessions.flush(self._settings.clock())

    async def open(
        self, frame: ClientFrame, log_in: Callable[[], Awaitable[LogIn | None]], socket: Socket
    ) -> Participant | None:
        """Return the session that the first frame of a socket begins or resumes; None when there is none.

        `log_in` asks who is logged in at that browser: they may have logged out since the upgrade. What keeps a
        page out is said to it, and the socket closed. Raises `BadMessage` for a frame with which none begins.
        """
        try:
            mark = self._services.revocations.mark()
            found = None if isinstance(frame.body, Knock) else await log_in()
            who = LoggedIn(found.practitioner, found.session, mark) if found is not None else None
            return await self._open(frame, who, socket)
        except Refused as refused:
            socket.send(encode(ServerFrame(0, 0, refused.reason)))
            socket.close(CloseCode.REFUSED)
            return None
        except BaseException:
            # A session that was begun and got no further has no page.
            for participant in self._services.presence.participants():
                self.lost(participant, socket)
            raise

    async def _open(self, frame: ClientFrame, who: LoggedIn | None, socket: Socket) -> Participant | None:
        opening = frame.body
        if isinstance(opening, Resume):
            return await self._resume(opening, frame.ack, who, socket)
        if isinstance(opening, Knock):
            return await self._places.knock(opening, socket)
        if isinstance(opening, Attend):
            return await self._desk.attend(opening, who, socket)
        if isinstance(opening, Enter):
            return await self._desk.enter(opening, who, socket)
        raise BadMessage("no opening message")

    async def receive(self, participant: Participant, frame: ClientFrame) -> None:
        """Carry out what the page asks for. Raises `BadMessage`."""
        async with participant.turn:
            request = participant.talk.receive(frame)
            if request is not None and participant.over is None:
                handler = self._handlers[type(request)].get(participant.role)
                if handler is None:
                    participant.tell(Problem("not_found"))
                else:
                    await handler(participant, request)
            if frame.body is not None:
                participant.acknowledge()

    def lost(self, participant: Participant, socket: Socket) -> None:
        """Note that the page's socket is gone."""
        if not participant.lose(socket, self._settings.clock()):
            return
        room = self._services.presence.known_room(participant.consultation)
        if room is not None:
            if (seat := room.seat_of(participant)) is not None:
                self._calls.page_lost(room, seat)
            self._board.changed(room.consultation.practitioner)

    def host_state(self, practitioner: PractitionerId) -> str:
        """Return `absent`, `present` or `in_call`."""
        return self._board.host_state(practitioner)

    async def revoke_practitioner(self, practitioner: PractitionerId, log_in: str | None = None) -> None:
        """End the pages of one log-in of a practitioner who logged out, or of all, and their media."""
        await self._log_ins.revoke(practitioner, log_in)

    def renew_log_in(self, old: str, new: str) -> None:
        """Let pages go on under the log-in by which the same practitioner has replaced theirs, in one browser."""
        self._log_ins.renew(old, new)

    async def cancelled(self, consultation: ConsultationId) -> None:
        """End the call of a consultation that was cancelled just now, and send away who waits for it."""
        await self._doors.cancelled(consultation)

    async def price_changed(self, consultation: ConsultationId) -> None:
        """See what a new hold, or one that has lapsed, means for those who wait for it or are in the call."""
        await self._doors.price_changed(consultation)
        if (room := self._services.presence.known_room(consultation)) is not None:
            await self.meters.show(room)

    async def look_around(self) -> None:
        """Look after what time alone brings about, now."""
        await self._rounds.go(self._settings.clock())

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(self._settings.round_seconds)
            await self.look_around()

    async def _report(self, event: EngineEvent) -> None:
        if self._closed:
            return
        try:
            self._legs.report(event)
        except Exception as error:  # noqa: BLE001  # the engine's next events must be heard whatever this one did
            report("engine event failed", error)

    async def _resume(self, opening: Resume, ack: int, who: LoggedIn | None, socket: Socket) -> Participant | None:
        token_hash = digest(opening.session)
        participant = self._services.presence.session(token_hash)
        if participant is None:
            if await self._services.sessions.taken_elsewhere(token_hash):
                socket.send(encode(ServerFrame(0, 0, Displaced("same_person"))))
                socket.close(CloseCode.DISPLACED)
                return None
            raise Refused(Problem("session_unknown"))
        mine = participant.practitioner
        if mine is not None and (who is None or who.practitioner != mine or self._services.revocations.revoked(who)):
            raise Refused(Problem("session_unknown"))
        participant.log_in = who.session if who is not None and mine is not None else ""
        continued = participant.resume(socket, opening.session, ack)
        if participant.over is None:
            await self._back(participant, continued=continued)
        return participant

    async def _back(self, participant: Participant, *, continued: bool) -> None:
        """Show a page that is here again what it needs."""
        if participant.practitioner is not None:
            self._board.changed(participant.practitioner)
            if not continued:
                await self._desk.show(participant)
        room = self._services.presence.known_room(participant.consultation)
        if room is None:
            return
        async with room.visit():
            if room.seat_of(participant) is not None:
                await self._calls.page_back(room, participant, continued=continued)
            elif participant.over is None and participant.role is Seat.PATIENT:
                await self._places.page_back(room, participant, continued=continued)
        self._board.changed(room.consultation.practitioner)

    async def _alive(self, _: Participant, __: Alive) -> None:
        """Nothing to do: being acknowledged is what the page asks for."""
