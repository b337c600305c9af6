"""The meter on both screens: read anew whenever the media side says something, and when a page comes."""

from collections.abc import Awaitable, Callable, Iterable

from sfu.engine import EngineUnavailable
from signalling.io.background import report
from signalling.io.participant import Participant
from signalling.io.room import Room
from signalling.io.services import Services
from signalling.metering import told
from signalling.protocol import PauseMeter, Problem, ResumeMeter
from store.ids import CallId, Seat


class MeterBoard:
    """Nothing is counted here: every figure is read from the facts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._due: dict[CallId, None] = {}
        self._busy = False

    def heard(self, calls: Iterable[CallId]) -> None:
        """Show the meters of these calls soon, of which facts have been recorded; whoever records waits for nothing."""
        self._due.update(dict.fromkeys(calls))
        if self._due and not self._busy:
            self._busy = True
            self._services.background.start(self._show_due(), "show the meters")

    async def _show_due(self) -> None:
        try:
            while self._due:
                call, _ = self._due.popitem()
                try:
                    if (room := self._services.presence.room_of_call(call)) is not None:
                        await self.show(room)
                except Exception as error:  # noqa: BLE001  # one meter that cannot be read must not stop the others
                    report("meter not shown", error)
        finally:
            self._busy = False

    async def show(self, room: Room) -> None:
        """Tell those who sit what it costs so far."""
        call = room.call
        if call is None:
            return
        reading = await self._services.meters.reading(room.consultation.id, call.id, self._services.clock())
        if reading is None or room.call is None or room.call.id != call.id:
            return
        news = told(reading)
        for participant in room.holders.values():
            participant.tell_news(news)

    def show_soon(self, room: Room) -> None:
        """Show it beside everything else: nobody waits for their seat because of it."""
        self._services.background.start(self.show(room), "show the meter")

    async def pause(self, participant: Participant, _: PauseMeter) -> None:
        """Let what follows be free, until the practitioner lets the meter go on."""
        await self._order(participant, self._services.engine.pause_meter)

    async def resume(self, participant: Participant, _: ResumeMeter) -> None:
        """Let the meter go on."""
        await self._order(participant, self._services.engine.resume_meter)

    async def _order(self, participant: Participant, order: Callable[[CallId], Awaitable[None]]) -> None:
        room = self._services.presence.known_room(participant.consultation)
        if room is None or room.call is None or room.seat_of(participant) is not Seat.PRACTITIONER:
            participant.tell(Problem("stale"))
            return
        try:
            await order(room.call.id)
        except EngineUnavailable:
            participant.tell(Problem("busy"))
