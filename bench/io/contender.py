"""What the comparison needs of a server: start it, join two participants through it, look at its processes, stop it."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aioice.ice import get_host_addresses

from bench.io.peer import MediaPeer
from bench.io.processes import Pinning
from bench.sdp import Streams

# The same crypto for everybody, and the cheapest: every contender can do it.
PROFILE = "gcm-128"
_FIRST_SSRC = 0x01000000


class ContenderMissing(Exception):
    """This server cannot run here; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a contender runs: a folder of its own for its files, the address it listens at, and the cores."""

    folder: Path
    host: str
    pinning: Pinning


class Crowd:
    """The participants that a contender has made, so that its `stop` leaves none behind."""

    def __init__(self) -> None:
        self._peers: list[MediaPeer] = []
        self._ssrcs = itertools.count(_FIRST_SSRC)

    def streams(self) -> Streams:
        """Return SSRCs that nobody else has."""
        return Streams(next(self._ssrcs), next(self._ssrcs))

    def pair(self, first: MediaPeer, second: MediaPeer) -> tuple[MediaPeer, MediaPeer]:
        """Remember both and return them."""
        self._peers += (first, second)
        return first, second

    async def close(self) -> None:
        """Close every one, also those that never connected."""
        peers, self._peers = self._peers, []
        for peer in peers:
            await peer.close()


class Contender(Protocol):
    """A server under comparison. `start` may be called again after `stop`."""

    name: str

    async def start(self, ground: Ground) -> None:
        """Bring the server up. Raises `ContenderMissing`."""
        ...

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        """Connect two new participants to each other and return them when media may flow.

        Raises `PeerFailed` or `TimeoutError`.
        """
        ...

    def pids(self) -> list[int]:
        """Return the processes that carry the media."""
        ...

    async def stop(self) -> None:
        """End the server and close the participants; nothing happens when it does not run."""
        ...


def own_address() -> str | None:
    """Return an IPv4 address of this machine that is not a loopback one; packets to it stay inside all the same.

    libnice, and so Janus, gathers no candidate on a loopback interface.
    """
    return next(iter(get_host_addresses(use_ipv4=True, use_ipv6=False)), None)
