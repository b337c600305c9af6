"""The legs of those who sit: opened, answered, made anew, and what the media engine reports of them.

Reports change the call at once, without waiting for the room: the engine goes on with the next one. Whatever has to
ask the engine for something waits for the room.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from sfu.engine import (
    BadAnswer,
    BridgeFull,
    EngineEvent,
    EngineUnavailable,
    LegClosed,
    OfferReady,
    StaleAnswer,
    UnknownLeg,
    WorkerLost,
)
from signalling.call import Place
from signalling.io import rows
from signalling.io.participant import Participant
from signalling.io.room import Room
from signalling.io.rows import SeatRow
from signalling.io.services import Services
from signalling.protocol import Answer, Offer, Problem, Rejoin, RestartIce
from store.facts import BothAlive, LegConnected, LegLost
from store.ids import AdmissionId, CallId, LegId, PractitionerId, Prefix, Seat
from store.io.entropy import new_id

# A page whose media side breaks at once, again and again, is given a new one this often at most.
RENEW_AFTER = timedelta(seconds=2)

_log = structlog.get_logger("signalling")


def seat_row(room: Room, call: CallId, seat: Seat, place: Place, at: datetime) -> SeatRow:
    """Return the row that says who sits there."""
    return SeatRow(
        consultation=room.consultation.id,
        seat=seat,
        call=call,
        practitioner=PractitionerId(place.holder) if seat is Seat.PRACTITIONER else None,
        admission=AdmissionId(place.holder) if seat is Seat.PATIENT else None,
        session=place.session,
        leg=place.leg,
        taken_at=at,
    )


class Legs:
    """Methods that take a room expect their caller to visit it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._unsaved: set[Room] = set()
        self._reports: dict[type[Any], Callable[[Any], None]] = {
            OfferReady: self._offered,
            LegConnected: self._connected,
            LegLost: self._lost,
            BothAlive: self._both_alive,
            LegClosed: self._closed,
            WorkerLost: self._worker_lost,
        }

    def report(self, event: EngineEvent) -> None:
        """Take note of what the engine says; that a meter was stopped is for billing."""
        if (note := self._reports.get(type(event))) is not None:
            note(event)

    async def open(self, room: Room, seat: Seat, replaces: LegId | None) -> None:
        """Have the seat's leg made; an offer follows. Without a worker the holder is told, and it is tried again."""
        call, place = room.call, room.place(seat)
        if call is None or place is None:
            return
        engine = self._services.engine
        try:
            try:
                worker = await engine.open_leg(call.id, place.leg, seat, replaces=replaces)
            except BridgeFull:
                # Legs that no seat names: left over from a crash between the database and the engine.
                await self.close_strays()
                worker = await engine.open_leg(call.id, place.leg, seat, replaces=replaces)
        except (BridgeFull, EngineUnavailable) as error:
            _log.warning("no leg", call=call.id, seat=seat, error=type(error).__name__)
            if place.legless_since is None and (page := room.holders.get(seat)) is not None:
                page.tell(Problem("busy"))
            room.change(lambda call: call.lose_leg(seat, self._services.clock()))
            return
        room.change(lambda call: call.gain_leg(seat, self._services.clock()))
        async with self._services.database.transaction() as tx:
            await rows.note_worker(tx, call.id, worker)

    async def renew(self, room: Room, seat: Seat) -> None:
        """Give the holder a new leg, if their page is here to use it."""
        call, place, page = room.call, room.place(seat), room.holders.get(seat)
        if call is None or place is None or page is None or not page.attached:
            return
        at = self._services.clock()
        leg, base = LegId(new_id(Prefix.LEG)), page.offers_told
        async with self._services.database.transaction() as tx:
            await rows.take_seat(tx, seat_row(room, call.id, seat, place.on_leg(leg, base, at), at), place)
        room.change(lambda call: call.renew(seat, leg, base, at))
        if not place.fresh:
            page.tell(Rejoin())
        room.announce()
        await self.open(room, seat, replaces=place.leg)

    async def resumed(self, room: Room, seat: Seat, *, continued: bool) -> None:
        """See what the holder's page needs that is back: unless it `continued`, it may lack an offer or its leg."""
        if (place := room.place(seat)) is None:
            return
        gone = place.legless_since is not None
        if not continued:
            gone = gone or place.leg not in self._services.engine.open_legs()
            # It may have begun with an offer that it has now forgotten: only a new leg is sure to fit.
            gone = gone or (place.pending is not None and not place.answered)
        if not gone and not continued and place.pending is not None:
            try:
                await self._services.engine.reoffer(place.leg)
            except (UnknownLeg, EngineUnavailable):
                gone = True
        if gone:
            await self.renew(room, seat)

    async def answer(self, participant: Participant, message: Answer) -> None:
        """Hand the browser's answer to the engine."""
        if (found := self._seated(participant)) is None:
            return
        room, seat, place = found
        negotiation = message.negotiation - place.base
        if negotiation < 1:
            # It answers an offer of an earlier leg.
            return
        try:
            await self._services.engine.answer(place.leg, negotiation, message.sdp)
        except BadAnswer:
            participant.tell(Problem("bad_answer"))
        except EngineUnavailable:
            participant.tell(Problem("busy"))
        except (StaleAnswer, UnknownLeg):
            # A newer offer, or a new leg, is on its way.
            return
        else:
            if room.call is not None and room.call.seat_of(place.leg) is seat:
                room.call = room.call.answer(seat, negotiation, self._services.clock())

    async def restart_ice(self, participant: Participant, _: RestartIce) -> None:
        """Have an offer made with new ICE credentials, or a new leg where there is none."""
        if (found := self._seated(participant)) is None:
            return
        room, seat, place = found
        try:
            await self._services.engine.restart_ice(place.leg)
        except UnknownLeg:
            await self._renew_lost(room, seat, place.leg)
        except EngineUnavailable:
            participant.tell(Problem("busy"))

    async def revoke(self, room: Room, seat: Seat) -> None:
        """Close the media of one whose page may not go on; the seat stays theirs."""
        if (place := room.place(seat)) is None:
            return
        at = self._services.clock()
        room.change(lambda call: call.detach(seat, at).lose_leg(seat, at))
        self._changed(room)
        with suppress(EngineUnavailable):
            await self._services.engine.close_leg(place.leg)

    async def close_strays(self) -> None:
        """Close the legs that no seat names."""
        for leg, call in self._services.engine.open_legs().items():
            if self._find(call, leg) is None:
                _log.info("stray leg closed", call=call, leg=leg)
                with suppress(EngineUnavailable):
                    await self._services.engine.close_leg(leg)

    async def retry(self, at: datetime) -> None:
        """Try again for those who have been without a leg for a while."""
        for room in self._services.presence.calls():
            for seat in Seat:
                place = room.place(seat)
                if place is not None and place.legless_since is not None and at - place.leg_since >= RENEW_AFTER:
                    await self._renew_lost(room, seat, place.leg)

    async def save(self) -> None:
        """Write the calls that have changed by what the engine reported."""
        while self._unsaved:
            room = self._unsaved.pop()
            if room.call is not None:
                async with self._services.database.transaction() as tx:
                    await rows.save_call(tx, room.call)

    async def _renew_lost(self, room: Room, seat: Seat, leg: LegId) -> None:
        async with room.visit():
            if room.call is not None and room.call.seat_of(leg) is seat:
                room.call = room.call.lose_leg(seat, self._services.clock())
                await self.renew(room, seat)

    def _seated(self, participant: Participant) -> tuple[Room, Seat, Place] | None:
        """Return where this page sits; one that does not is told."""
        room = self._services.presence.known_room(participant.consultation)
        seat = room.seat_of(participant) if room else None
        place = room.place(seat) if room and seat else None
        if room is None or seat is None or place is None:
            # They were sent back, or the call has ended, while they asked.
            participant.tell(Problem("stale"))
            return None
        return room, seat, place

    def _find(self, call: CallId, leg: LegId) -> tuple[Room, Seat, Place] | None:
        """Return who is on that leg now; a report of one that was replaced finds nobody."""
        room = self._services.presence.room_of_call(call)
        seat = room.call.seat_of(leg) if room is not None and room.call is not None else None
        place = room.place(seat) if room is not None and seat is not None else None
        return (room, seat, place) if room is not None and seat is not None and place is not None else None

    def _offered(self, event: OfferReady) -> None:
        if (found := self._find(event.call, event.leg)) is None:
            return
        room, seat, place = found
        room.change(lambda call: call.offer(seat, event.negotiation, self._services.clock()))
        if (page := room.holders.get(seat)) is not None:
            number = place.base + event.negotiation
            page.offers_told = max(page.offers_told, number)
            page.tell(Offer(negotiation=number, sdp=event.sdp, fresh=place.fresh))

    def _connected(self, event: LegConnected) -> None:
        if (found := self._find(event.call, event.leg)) is not None:
            room, seat, _ = found
            self._heard(room, seat)

    def _both_alive(self, event: BothAlive) -> None:
        if (room := self._services.presence.room_of_call(event.call)) is None:
            return
        for seat in Seat:
            # A leg without an answer cannot be meant: the report is about the one before it.
            if (place := room.place(seat)) is not None and place.answered and not place.connected:
                self._heard(room, seat)

    def _lost(self, event: LegLost) -> None:
        if (found := self._find(event.call, event.leg)) is not None:
            room, seat, _ = found
            room.change(lambda call: call.miss(seat, self._services.clock()))
            self._changed(room)

    def _closed(self, event: LegClosed) -> None:
        if (found := self._find(event.call, event.leg)) is not None:
            room, seat, place = found
            self._leg_gone(room, seat, place, at_once=self._services.clock() - place.leg_since >= RENEW_AFTER)

    def _worker_lost(self, event: WorkerLost) -> None:
        # A leg that was made anew meanwhile, on another worker, lives.
        alive = self._services.engine.open_legs()
        for call in event.calls:
            room = self._services.presence.room_of_call(call)
            for seat in Seat:
                if room is not None and (place := room.place(seat)) is not None and place.leg not in alive:
                    self._leg_gone(room, seat, place, at_once=True)

    def _heard(self, room: Room, seat: Seat) -> None:
        room.change(lambda call: call.hear(seat, self._services.clock()))
        self._changed(room)

    def _leg_gone(self, room: Room, seat: Seat, place: Place, *, at_once: bool) -> None:
        room.change(lambda call: call.lose_leg(seat, self._services.clock()))
        self._changed(room)
        if at_once:
            self._services.background.start(self._renew_lost(room, seat, place.leg), "renew a leg")

    def _changed(self, room: Room) -> None:
        self._unsaved.add(room)
        room.announce()
