"""What ends with a log-in: the desks and seats that were opened under it, and their media."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

from signalling.close_code import CloseCode
from signalling.io.legs import Legs
from signalling.io.lobby_board import LobbyBoard
from signalling.io.participant import Participant
from signalling.io.services import Services
from store.ids import PractitionerId

# Returns which of these sessions of log-ins are over at that moment.
Lapsed = Callable[[Collection[str], datetime], Awaitable[set[str]]]


async def none_lapsed(_sessions: Collection[str], _at: datetime) -> set[str]:
    """Return nobody: a log-in that never ends by itself."""
    return set()


class LogIns:
    """A log-out ends what runs under it at once. A log-in that lapses ends its desk, and lets a call go on."""

    def __init__(self, services: Services, legs: Legs, board: LobbyBoard, lapsed: Lapsed) -> None:
        self._services = services
        self._legs = legs
        self._board = board
        self._lapsed = lapsed
        self._renewed: dict[str, str] = {}

    def renew(self, old: str, new: str) -> None:
        """Let what runs under a log-in go on under the one by which the same practitioner has replaced it."""
        self._renewed[old] = new

    async def revoke(self, practitioner: PractitionerId, session: str | None) -> None:
        """End the pages of a log-in, or of all the practitioner's, and their media. Their seat stays theirs."""
        self._services.revocations.note(practitioner, session)
        for page in self._services.presence.pages_of(practitioner):
            # A page that was not seen since a restart may be of any browser.
            if session is None or self._named(page) in {session, ""}:
                await self._end(page)
        self._board.changed(practitioner)
        await self._services.sessions.flush(self._services.clock())

    async def look(self, at: datetime) -> None:
        """End the pages whose log-in has lapsed, but for those in a call."""
        here = [page for page in self._services.presence.participants() if self._named(page) and self._idle(page)]
        over = await self._lapsed({page.log_in for page in here}, at) if here else set()
        for page in here:
            if page.log_in in over and self._idle(page) and page.practitioner is not None:
                await self._end(page)
                self._board.changed(page.practitioner)

    def _named(self, page: Participant) -> str:
        while page.log_in in self._renewed:
            page.log_in = self._renewed[page.log_in]
        return page.log_in

    def _idle(self, page: Participant) -> bool:
        room = self._services.presence.known_room(page.consultation)
        return page.over is None and (room is None or room.call is None or room.seat_of(page) is None)

    async def _end(self, page: Participant) -> None:
        room = self._services.presence.known_room(page.consultation)
        if room is not None:
            async with room.visit():
                if (seat := room.seat_of(page)) is not None:
                    await self._legs.revoke(room, seat)
        self._services.sessions.end(page, CloseCode.LOGGED_OUT, self._services.clock())
        self._services.presence.remove(page)
