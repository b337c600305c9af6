"""The heartbeat: one timer looks after all sockets. One for each would cost memory and time for thousands."""

import asyncio
from dataclasses import dataclass

from signalling.io.wire import Wire

# How exact the patience below is kept: so many looks within the shortest of it.
LOOKS = 4


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """Patience: with a socket that says nothing at first, with one that takes nothing, and before it is pinged.

    A ping has half of `heartbeat_seconds` to be answered, by whatever the page says. `most_per_address`: how many
    sockets one client address may have; a whole clinic may be behind one.
    """

    opening_seconds: float = 10.0
    stuck_seconds: float = 10.0
    heartbeat_seconds: float = 15.0
    most_per_address: int = 200


class Heartbeat:
    """It beats while there are wires."""

    def __init__(self, settings: SocketSettings) -> None:
        self._settings = settings
        self._wires: set[Wire] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, wire: Wire) -> None:
        """Look after a new wire."""
        self._wires.add(wire)
        if self._timer is None:
            self._wait()

    def remove(self, wire: Wire) -> None:
        """Leave a wire alone from now on."""
        self._wires.discard(wire)
        if not self._wires and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        seconds = min(self._settings.stuck_seconds, self._settings.heartbeat_seconds) / LOOKS
        self._timer = asyncio.get_running_loop().call_later(seconds, self._beat)

    def _beat(self) -> None:
        now = asyncio.get_running_loop().time()
        for wire in self._wires:
            wire.check(now, self._settings.stuck_seconds, self._settings.heartbeat_seconds)
        self._wait()
