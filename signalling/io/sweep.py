"""The sweep: what time alone brings about, looked after every second."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from lobby.admission import State
from signalling.close_code import CloseCode
from signalling.io.background import report
from signalling.io.calls import Calls
from signalling.io.doors import Doors
from signalling.io.legs import Legs
from signalling.io.lobby_board import LobbyBoard
from signalling.io.log_ins import LogIns
from signalling.io.participant import Participant
from signalling.io.patient_place import PatientPlace
from signalling.io.services import Services
from signalling.protocol import Lapsed
from store.ids import Seat

# Doors close, places and log-ins lapse and stray legs are found within this time; each look costs a few reads.
SELDOM = timedelta(seconds=15)


class Sweep:
    """One `go` after the other, each with a new round of the `paces`; what fails is logged and tried again."""

    def __init__(
        self,
        services: Services,
        calls: Calls,
        legs: Legs,
        board: LobbyBoard,
        places: PatientPlace,
        doors: Doors,
        log_ins: LogIns,
        *paces: Callable[[datetime], Awaitable[None]],
    ) -> None:
        self._services = services
        self._legs = legs
        self._board = board
        self._places = places
        self._doors = doors
        self._log_ins = log_ins
        self._seldom_at: datetime | None = None
        self._steps: tuple[Callable[[datetime], Awaitable[None]], ...] = (
            *paces,
            self._look_after_absent,
            calls.end_those_due,
            legs.retry,
            self._seldom,
            self._show_and_save,
        )

    async def go(self, at: datetime) -> None:
        """Do what is due."""
        for step in self._steps:
            try:
                await step(at)
            except Exception as error:  # noqa: BLE001  # one step that fails must not stop the others
                report("sweep failed", error)

    async def _look_after_absent(self, at: datetime) -> None:
        for participant in self._services.presence.participants():
            if not participant.talk.lapsed(at):
                continue
            room = self._services.presence.known_room(participant.consultation)
            if room is None or participant.over is not None or participant.role is Seat.PRACTITIONER:
                self._let_go(participant)
                continue
            async with room.visit():
                if not participant.talk.lapsed(at):
                    continue
                if room.seat_of(participant) is None:
                    if await self._admitted(participant):
                        continue
                    await self._places.give_up(room, participant)
                self._let_go(participant)

    async def _admitted(self, participant: Participant) -> bool:
        """Whether they were let in and have not come yet: their place has a time of its own."""
        admission = await self._services.lobby.admission(participant.admission) if participant.admission else None
        return admission is not None and admission.state is State.ADMITTED

    def _let_go(self, participant: Participant) -> None:
        """Forget what was said to them; the session too, unless they sit: media may be flowing all the time."""
        room = self._services.presence.known_room(participant.consultation)
        if participant.over is None and room is not None and room.seat_of(participant) is not None:
            participant.talk.forget()
            return
        self._services.sessions.drop(participant)
        if participant.practitioner is not None:
            self._board.show_host(participant.practitioner)

    async def _seldom(self, at: datetime) -> None:
        if self._seldom_at is not None and at - self._seldom_at < SELDOM:
            return
        self._seldom_at = at
        await self._expire(at)
        await self._doors.look(at)
        await self._log_ins.look(at)
        await self._legs.close_strays()

    async def _expire(self, at: datetime) -> None:
        """End the places of those who were admitted and did not come."""
        for admission in await self._services.lobby.expire(at):
            room = self._services.presence.known_room(admission.consultation)
            page = room.waiting.pop(admission.id, None) if room is not None else None
            if page is not None:
                self._services.sessions.end(page, CloseCode.OVER, at, Lapsed())

    async def _show_and_save(self, at: datetime) -> None:
        self._board.show_hosts()
        await self._legs.save()
        await self._services.sessions.flush(at)
        self._services.presence.tidy()
