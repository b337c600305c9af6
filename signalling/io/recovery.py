"""Recovery after a restart: the calls that still go on, and the pages that may be back any moment."""

from datetime import datetime

from lobby.admission import State
from sfu.engine import EngineUnavailable
from signalling.call import Call, EndReason, Place
from signalling.io import rows
from signalling.io.calls import Calls
from signalling.io.legs import Legs
from signalling.io.participant import Participant
from signalling.io.room import Room
from signalling.io.rows import SeatRow
from signalling.io.services import Services
from store.ids import ConsultationId, LegId, Seat

# `sfu.leg.LegState` by its name: importing it would load the media libraries into the web process.
_CONNECTED = "connected"
# Offers are numbered from 1: one that we know nothing of but that it may be unanswered.
_UNKNOWN_OFFER = 0
# More offers than a page can have been told: those of a new leg are numbered from here.
_OFFERS_TOLD = 1_000_000


class Recovery:
    """Used once, before the first page comes."""

    def __init__(self, services: Services, calls: Calls, legs: Legs) -> None:
        self._services = services
        self._calls = calls
        self._legs = legs

    async def restore(self, at: datetime) -> None:
        """Take up what the database and the engine remember, and close the legs that belong to nothing."""
        async with self._services.database.reading() as tx:
            calls = await rows.open_calls(tx)
            seats = await rows.all_seats(tx)
        pages = {page.session: page for page in await self._services.sessions.restore(at)}
        for page in pages.values():
            page.offers_told = _OFFERS_TOLD
        connected = await self._connected_legs()
        for call in calls:
            room = await self._room(call.consultation)
            if room is None:
                continue
            taken = [row for row in seats if row.call == call.id]
            places = {row.seat: await self._place(room, row, row.leg in connected, at) for row in taken}
            holders = {row.seat: pages.pop(row.session) for row in taken if row.session in pages}
            await self._take_up(room, call, places, holders)
        for page in pages.values():
            await self._take_back(page)
        await self._legs.close_strays()

    async def _take_up(
        self, room: Room, call: Call, places: dict[Seat, Place], holders: dict[Seat, Participant]
    ) -> None:
        self._calls.restore(room, call, places, holders)
        if not places:
            # A crash came between the last leave and the end.
            async with room.visit():
                await self._calls.end(room, EndReason.HUNG_UP, None)

    async def _take_back(self, page: Participant) -> None:
        """Keep the session of a desk, and of a patient who waits or was let in; a seat that is gone has none."""
        if page.consultation is None:
            return
        admission = await self._services.lobby.admission(page.admission) if page.admission else None
        room = await self._room(page.consultation)
        if admission is None or room is None or admission.state not in {State.WAITING, State.ADMITTED}:
            self._services.sessions.drop(page)
            return
        if (older := room.waiting.get(admission.id)) is not None:
            self._services.sessions.drop(older)
        room.waiting[admission.id] = page

    async def _room(self, consultation: ConsultationId) -> Room | None:
        planned = await self._services.agenda.consultation(consultation)
        host = await self._services.agenda.practitioner(planned.practitioner) if planned else None
        return self._services.presence.room(planned, host.name) if planned and host else None

    async def _place(self, room: Room, row: SeatRow, connected: bool, at: datetime) -> Place:
        admission = await self._services.lobby.admission(row.admission) if row.admission else None
        return Place(
            holder=row.holder,
            session=row.session,
            name=admission.name if admission else room.host_name,
            leg=row.leg,
            leg_since=at,
            connected=connected,
            fresh=False,
            answered=True,
            pending=None if connected else _UNKNOWN_OFFER,
        )

    async def _connected_legs(self) -> set[LegId]:
        try:
            workers = await self._services.engine.statistics()
        except EngineUnavailable:
            return set()
        return {LegId(leg.leg) for worker in workers for leg in worker.legs if leg.state == _CONNECTED}
