"""A room: one consultation's call and waiting patients while anybody is there; one change at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from agenda.consultation import Consultation
from signalling.call import Call, Place
from signalling.io.participant import Participant
from signalling.protocol import CallState
from store.ids import AdmissionId, Seat


class Room:
    """`holders` are the pages of those who sit; a seat may be held by one who has no page at the moment.

    `waiting` are the pages of those who wait, or were admitted while they were away.
    """

    __slots__ = ("_lock", "_visitors", "call", "consultation", "holders", "host_name", "waiting")

    def __init__(self, consultation: Consultation, host_name: str) -> None:
        self.consultation = consultation
        self.host_name = host_name
        self.call: Call | None = None
        self.holders: dict[Seat, Participant] = {}
        self.waiting: dict[AdmissionId, Participant] = {}
        # There while somebody visits.
        self._lock: asyncio.Lock | None = None
        self._visitors = 0

    @property
    def deserted(self) -> bool:
        """Whether nothing would be lost with it."""
        return self.call is None and not self.waiting and self._visitors == 0

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Self]:
        """Be the only one who changes the room. It stays while somebody is in line."""
        self._visitors += 1
        if self._lock is None:
            self._lock = asyncio.Lock()
        try:
            async with self._lock:
                yield self
        finally:
            self._visitors -= 1
            if self._visitors == 0:
                self._lock = None

    def place(self, seat: Seat) -> Place | None:
        """Return who sits there, with or without a page."""
        return self.call.place(seat) if self.call is not None else None

    def change(self, step: Callable[[Call], Call]) -> None:
        """Let the call become what `step` makes of it, if there is one."""
        if self.call is not None:
            self.call = step(self.call)

    def seat_of(self, participant: Participant) -> Seat | None:
        """Return the seat that this page holds."""
        return participant.role if self.holders.get(participant.role) is participant else None

    def announce(self) -> None:
        """Tell those who sit what has changed in the call and with the other one."""
        if self.call is None:
            return
        live_since = self.call.live_since.isoformat() if self.call.live_since else None
        state = CallState(state=self.call.state, live_since=live_since)
        for seat, participant in self.holders.items():
            participant.tell_news(state)
            participant.tell_news(self.call.peer_of(seat))
