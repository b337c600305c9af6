"""The doors: they close when a consultation's time is over or it is cancelled."""

from datetime import datetime

from agenda.consultation import Consultation
from signalling.call import EndReason
from signalling.io.calls import Calls
from signalling.io.patient_place import PatientPlace
from signalling.io.room import Room
from signalling.io.services import Services
from signalling.join_window import not_yet
from store.ids import ConsultationId, Seat


class Doors:
    """A call may run over its time; a cancelled consultation has none."""

    def __init__(self, services: Services, calls: Calls, places: PatientPlace) -> None:
        self._services = services
        self._calls = calls
        self._places = places

    async def look(self, at: datetime) -> None:
        """Close those whose time has come, or whose consultation was cancelled or ended elsewhere."""
        rooms = [room for room in self._services.presence.rooms() if room.waiting or room.call is not None]
        if not rooms:
            return
        called_off = await self._services.agenda.called_off([room.consultation.id for room in rooms])
        for room in rooms:
            over = room.call is None and at >= self._services.window.closes_at(room.consultation)
            if over or room.consultation.id in called_off:
                await self._close(room)

    async def cancelled(self, consultation: ConsultationId) -> None:
        """End the call of a consultation that was cancelled, and send away who waits for it."""
        if (room := self._services.presence.known_room(consultation)) is not None:
            await self._close(room)

    async def price_changed(self, consultation: ConsultationId) -> None:
        """Send those who wait back to the price when it stands in their way again: a hold has lapsed."""
        room = self._services.presence.known_room(consultation)
        if room is None or not room.waiting:
            return
        async with room.visit():
            for page in list(room.waiting.values()):
                await self._places.unpaid(room, page)

    async def _close(self, room: Room) -> None:
        async with room.visit():
            planned: Consultation | None = await self._services.agenda.consultation(room.consultation.id)
            closed = not_yet(planned, self._services.window, self._services.clock()) if planned is not None else None
            if planned is None or closed is None:
                return
            room.consultation = planned
            if planned.cancelled_at is not None:
                await self._calls.end(room, EndReason.HUNG_UP, Seat.PRACTITIONER)
            if room.call is not None:
                return
            for page in list(room.waiting.values()):
                page.tell(closed)
                await self._places.give_up(room, page)
