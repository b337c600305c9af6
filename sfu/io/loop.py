"""The packet loop: what every media packet passes through. No await, no log and no parsing beyond headers here.

receive → length and first byte → address → leg → unprotect in place → `Bridge.forward` → protect → send. What is not
SRTP from an authenticated address goes up to a `ControlPlane`. `OneByOne` does this for a datagram of any kind;
`PythonLoop` and `NativeLoop`, which run behind the methods of `PacketLoop`, do it for batches of established flows.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sfu.bridge import Bridge
from sfu.demux import KIND_OF_FIRST_BYTE, MAX_DATAGRAM, Kind, is_rtcp
from sfu.drops import DropReason
from sfu.io.dtls import (
    new_length_cell,
    srtp_protect,
    srtp_protect_rtcp,
    srtp_unprotect,
    srtp_unprotect_rtcp,
)
from sfu.io.paths import Path, UdpPath
from sfu.io.socket import BATCH, HEADROOM, SLOT, BatchSocket, Outgoing
from sfu.leg import Leg
from sfu.rtcp import BadRtcp
from sfu.rtp import FIXED_HEADER, BadRtp

# The shortest authentication tag we negotiate has 10 bytes, and SRTCP adds a 4-byte index: anything shorter cannot
# be authentic, and libsrtp's AEAD path must not see it (libsrtp #817).
MIN_SRTP = FIXED_HEADER + 10
_MIN_SRTCP = 8 + 4 + 16
# Let the event loop breathe after so many batches; the socket stays readable and calls again.
ROUNDS = 8


@dataclass(slots=True)
class Route:
    """What an authenticated address leads to."""

    leg: Leg
    bridge: Bridge
    path: Path


class ControlPlane(Protocol):
    """Takes what is not media."""

    def stun(self, datagram: bytes, path: Path, now: float) -> DropReason | None:
        """Handle a STUN message that came by `path`."""
        ...

    def dtls(self, datagram: bytes, route: Route, now: float) -> DropReason | None:
        """Handle a DTLS datagram from an authenticated address."""
        ...


class PacketLoop(Protocol):
    """What the control plane needs of a loop. `dropped` counts packets that belong to no leg."""

    name: str
    routes: dict[bytes, Route]
    dropped: Counter[DropReason]

    def add_route(self, address: bytes, route: Route) -> None:
        """Let an authenticated address lead to a leg."""
        ...

    def remove_route(self, address: bytes) -> None:
        """Forget an address."""
        ...

    def update(self, leg: Leg) -> None:
        """Take note of a leg's keys, path, peer, codecs and streams, any of which may have changed."""
        ...

    def forget(self, leg: Leg) -> None:
        """Let go of a closed leg, whose addresses have been removed."""
        ...

    def collect(self) -> None:
        """Bring every leg's counters and its moment of last sound up to date."""
        ...

    def settle(self, leg: Leg) -> None:
        """Do so for one leg."""
        ...

    def on_readable(self) -> None:
        """Handle what the socket holds."""
        ...

    def receive(self, path: Path, datagram: bytes) -> None:
        """Handle one datagram that came by another way than the socket."""
        ...

    def send_rtcp(self, leg: Leg, packet: bytes) -> None:
        """Protect and send an RTCP packet that the SFU wrote itself."""
        ...


class OneByOne:
    """Handles one datagram at a time. It works on the legs themselves, so there is nothing to update."""

    def __init__(self, socket: BatchSocket, clock: Callable[[], float], control: ControlPlane) -> None:
        self._socket = socket
        self._clock = clock
        self._control = control
        self._view = socket.view
        self._buffer = socket.buffer
        self._cell = new_length_cell()
        self._out: list[Outgoing] = []
        self.routes: dict[bytes, Route] = {}
        self.dropped: Counter[DropReason] = Counter()

    def add_route(self, address: bytes, route: Route) -> None:
        self.routes[address] = route

    def remove_route(self, address: bytes) -> None:
        self.routes.pop(address, None)

    def update(self, leg: Leg) -> None:
        """Nothing to do: see the class."""

    def forget(self, leg: Leg) -> None:
        """Nothing to do: see the class."""

    def collect(self) -> None:
        """Nothing to do: see the class."""

    def settle(self, leg: Leg) -> None:
        """Nothing to do: see the class."""

    def receive(self, path: Path, datagram: bytes) -> None:
        offset = BATCH * SLOT + HEADROOM
        if len(datagram) <= MAX_DATAGRAM:
            self._view[offset : offset + len(datagram)] = datagram
        self._handle(offset, len(datagram), path.address, path, self._clock())
        self._flush()

    def _flush(self) -> None:
        failed = self._socket.send_batch(self._out)
        self._out.clear()
        if failed:
            self.dropped[DropReason.SEND] += failed

    def _handle(self, offset: int, length: int, address: bytes, path: Path | None, now: float) -> bool:
        """Handle one datagram; nothing that it holds can end the loop. Whether it went where it should."""
        try:
            reason = self._one(offset, length, address, path, now)
        except (BadRtp, BadRtcp):
            reason = DropReason.MALFORMED
        except Exception:  # noqa: BLE001 — one packet must never end a call; counted, and shown as a metric
            reason = DropReason.INTERNAL
        if reason is not None:
            route = self.routes.get(address)
            (self.dropped if route is None else route.leg.dropped)[reason] += 1
        return reason is None

    def _one(self, offset: int, length: int, address: bytes, path: Path | None, now: float) -> DropReason | None:
        if not 0 < length <= MAX_DATAGRAM:
            return DropReason.LENGTH
        view = self._view
        kind = KIND_OF_FIRST_BYTE[view[offset]]
        route = self.routes.get(address)
        if kind == Kind.MEDIA:
            if route is None:
                return DropReason.UNKNOWN_SOURCE
            if length > 1 and is_rtcp(view[offset + 1]):
                return self._rtcp(route, offset, length, now)
            return self._rtp(route, offset, length, now)
        if kind == Kind.REFUSED:
            return DropReason.FIRST_BYTE
        if kind == Kind.DTLS:
            if route is None:
                return DropReason.UNKNOWN_SOURCE
            return self._control.dtls(bytes(view[offset : offset + length]), route, now)
        if path is None:
            path = route.path if route is not None else UdpPath(self._socket, address)
        return self._control.stun(bytes(view[offset : offset + length]), path, now)

    def _rtp(self, route: Route, offset: int, length: int, now: float) -> DropReason | None:
        leg = route.leg
        keys = leg.keys
        if keys is None:
            return DropReason.NO_KEYS
        if length < MIN_SRTP:
            return DropReason.TOO_SHORT
        ssrc = bytes(self._view[offset + 8 : offset + 12])
        if not leg.admits(ssrc):
            return DropReason.UNKNOWN_STREAM
        cell = self._cell
        cell[0] = length
        if srtp_unprotect(keys.receive, self._buffer + offset, cell):
            return DropReason.UNPROTECT
        leg.ssrcs.add(ssrc)
        size = cell[0]
        decision = route.bridge.forward(leg, self._view[offset : offset + size], now)
        if decision is not None:
            if isinstance(decision, DropReason):
                return decision
            growth, header = decision
            offset -= growth
            size += growth
            self._view[offset : offset + len(header)] = header
        peer = leg.peer
        if peer is None:
            return DropReason.PEER_ABSENT
        cell[0] = size
        if srtp_protect(peer.keys.send, self._buffer + offset, cell):
            return DropReason.PROTECT
        return self._send(peer, offset, cell[0])

    def _rtcp(self, route: Route, offset: int, length: int, now: float) -> DropReason | None:
        leg = route.leg
        keys = leg.keys
        if keys is None:
            return DropReason.NO_KEYS
        if length < _MIN_SRTCP:
            return DropReason.TOO_SHORT
        ssrc = bytes(self._view[offset + 4 : offset + 8])
        if not leg.admits(ssrc):
            return DropReason.UNKNOWN_STREAM
        cell = self._cell
        cell[0] = length
        if srtp_unprotect_rtcp(keys.receive, self._buffer + offset, cell):
            return DropReason.UNPROTECT
        leg.ssrcs.add(ssrc)
        packet = bytes(self._view[offset : offset + cell[0]])
        relayed = route.bridge.relay(leg, packet, now)
        if isinstance(relayed, DropReason):
            return relayed
        peer = leg.peer
        if peer is None:
            return DropReason.PEER_ABSENT
        if relayed is not packet:
            self._view[offset : offset + len(relayed)] = relayed
        cell[0] = len(relayed)
        if srtp_protect_rtcp(peer.keys.send, self._buffer + offset, cell):
            return DropReason.PROTECT
        return self._send(peer, offset, cell[0])

    def _send(self, leg: Leg, offset: int, length: int) -> DropReason | None:
        path = leg.path
        leg.packets_out += 1
        leg.bytes_out += length
        if path.destination is not None:
            self._out.append((offset, length, path.destination))
            return None
        if path.send(bytes(self._view[offset : offset + length])):
            return None
        return DropReason.SEND

    def send_rtcp(self, leg: Leg, packet: bytes) -> None:
        if leg.keys is None or leg.path is None:
            return
        offset = BATCH * SLOT + HEADROOM
        self._view[offset : offset + len(packet)] = packet
        self._cell[0] = len(packet)
        if srtp_protect_rtcp(leg.keys.send, self._buffer + offset, self._cell):
            return
        leg.path.send(bytes(self._view[offset : offset + self._cell[0]]))
        leg.packets_out += 1
        leg.bytes_out += self._cell[0]
