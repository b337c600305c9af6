"""The calls: who takes a seat, who gives it up, and when a call ends. What the database says is written first."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from sfu.engine import EngineUnavailable
from signalling.call import Call, EndReason, Place
from signalling.close_code import CloseCode
from signalling.io import rows
from signalling.io.legs import Legs, seat_row
from signalling.io.lobby_board import LobbyBoard
from signalling.io.meter_board import MeterBoard
from signalling.io.participant import Participant
from signalling.io.room import Room
from signalling.io.services import Services
from signalling.protocol import Ended, Sending, SendingChanged
from store.facts import CallEnded, CallOpened
from store.ids import AdmissionId, CallId, LegId, Prefix, Seat
from store.io.entropy import new_id

_log = structlog.get_logger("signalling")


class Calls:
    """Methods that take a room expect their caller to visit it."""

    def __init__(self, services: Services, legs: Legs, board: LobbyBoard, meters: MeterBoard) -> None:
        self._services = services
        self._legs = legs
        self._board = board
        self._meters = meters

    async def claim(
        self, room: Room, participant: Participant, holder: str, name: str, sending: Sending, *, moving: bool = False
    ) -> LegId | None:
        """Seat the participant, who gets no leg yet. Returns the leg of the one who sat there, to be replaced.

        Opens the call when there is none. Raises `SeatTaken` when another holder sits there, unless `moving`.
        """
        at, seat = self._services.clock(), participant.role
        call = room.call or Call(CallId(new_id(Prefix.CALL)), room.consultation.id, at)
        before = call.place(seat)
        place = Place(
            holder, participant.session, name, LegId(new_id(Prefix.LEG)), at, participant.offers_told, sending
        )
        call.take(seat, place, at, moving=moving)
        async with self._services.outbox.committing() as tx:
            if room.call is None:
                await rows.add_call(tx, call)
                await self._services.outbox.add(tx, CallOpened(call.id, call.consultation, at))
            await rows.take_seat(tx, seat_row(room, call.id, seat, place, at), before)
        # The engine may have reported something of the other seat meanwhile: change the call as it is now.
        room.call = (room.call or call).take(seat, place, at, moving=moving)
        room.holders[seat] = participant
        participant.forget_news()
        self._services.presence.note_call(room)
        if not participant.attached:
            self.page_lost(room, seat)
        _log.info("seat taken", call=call.id, seat=seat, session=participant.session)
        return before.leg if before else None

    async def open_leg(self, room: Room, seat: Seat, replaces: LegId | None) -> None:
        """Let the one in that seat begin, and the other one know."""
        room.announce()
        self._meters.show_soon(room)
        self._board.changed(room.consultation.practitioner)
        await self._legs.open(room, seat, replaces)

    async def take_back(self, room: Room, seat: Seat, replaces: LegId | None) -> None:
        """Undo a claim whose leg was not opened: the seat stays with its holder only if it was theirs before."""
        if replaces is None:
            await self.free(room, seat)
            return
        await self._legs.revoke(room, seat)
        with suppress(EngineUnavailable):
            await self._services.engine.close_leg(replaces)

    async def free(self, room: Room, seat: Seat) -> Participant | None:
        """Free the seat and close its leg. Returns the page that held it. The call ends with its last holder."""
        call, place = room.call, room.place(seat)
        if call is None or place is None:
            return None
        at = self._services.clock()
        async with self._services.outbox.committing() as tx:
            await rows.free_seats(tx, call.id, seat)
        participant = room.holders.pop(seat, None)
        room.change(lambda call: call.free(seat, at))
        _log.info("seat freed", call=call.id, seat=seat)
        if room.call is not None and room.call.empty:
            await self.end(room, EndReason.HUNG_UP, seat)
            return participant
        room.announce()
        self._board.changed(room.consultation.practitioner)
        try:
            await self._services.engine.close_leg(place.leg)
        except EngineUnavailable:
            _log.info("leg is left to its worker", call=call.id, leg=place.leg)
        return participant

    async def end(self, room: Room, reason: EndReason, by: Seat | None) -> None:
        """End the call for everybody in it."""
        call = room.call
        if call is None:
            return
        at = self._services.clock()
        async with self._services.outbox.committing() as tx:
            await rows.save_call(tx, call.end(reason, at))
            await rows.free_seats(tx, call.id)
            await self._services.outbox.add(tx, CallEnded(call.id, call.consultation, str(reason), at))
        _log.info("call ended", call=call.id, reason=reason)
        room.call = None
        self._services.presence.drop_call(call.id)
        holders = list(room.holders.values())
        room.holders.clear()
        for participant in holders:
            self._services.sessions.end(participant, CloseCode.OVER, at, Ended(reason=reason, by=by or ""))
        try:
            await self._services.engine.close_call(call.id)
        except EngineUnavailable:
            _log.info("call is left to its worker", call=call.id)
        if call.patient is not None:
            await self._services.lobby.leave(AdmissionId(call.patient.holder), at)
        self._board.changed(room.consultation.practitioner)

    async def end_those_due(self, at: datetime) -> None:
        """End the calls whose time has come."""
        for room in self._services.presence.calls():
            async with room.visit():
                due = room.call.verdict(at, self._services.window.closes_at(room.consultation)) if room.call else None
                if due is not None:
                    await self.end(room, *due)

    def page_lost(self, room: Room, seat: Seat) -> None:
        """Note that the holder's page has no socket."""
        room.change(lambda call: call.detach(seat, self._services.clock()))

    async def page_back(self, room: Room, participant: Participant, *, continued: bool) -> None:
        """Note that the holder's page has a socket again, and give it what it needs."""
        seat = room.seat_of(participant)
        if seat is None:
            return
        if participant.attached:
            room.change(lambda call: call.attach(seat, self._services.clock()))
        room.announce()
        self._meters.show_soon(room)
        await self._legs.resumed(room, seat, continued=continued)

    async def sending_changed(self, participant: Participant, message: SendingChanged) -> None:
        """Tell the other one what is sent. From one who does not sit it means nothing yet."""
        room = self._services.presence.known_room(participant.consultation)
        seat = room.seat_of(participant) if room else None
        if room is not None and seat is not None:
            room.change(lambda call: call.say(seat, message.sending, self._services.clock()))
            room.announce()

    def restore(self, room: Room, call: Call, places: dict[Seat, Place], pages: dict[Seat, Participant]) -> None:
        """Take up a call that was going on before a restart."""
        at = self._services.clock()
        for seat, place in places.items():
            call = call.take(seat, replace(place, attached=False).noting_silence(at), at)
        room.call = call
        room.holders.update(pages)
        self._services.presence.note_call(room)
