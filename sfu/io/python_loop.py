"""The packet loop in Python: whole batches of SRTP from established flows in one pass, the rest one by one.

The readable twin of `sfu/native/loop.c`, for where no compiler was at install. A flow is one SSRC of a leg on its way
to the other. `OneByOne` handles its first packet; after that, all that stays the same from packet to packet stands ready
in a `Flow`. What may change it is announced by `update`, and the next packet makes the flow anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import is_
from typing import Any

from sfu import rtp
from sfu.demux import MAX_DATAGRAM
from sfu.drops import DropReason
from sfu.io.dtls import srtp_protect, srtp_unprotect
from sfu.io.loop import MIN_SRTP, ROUNDS, ControlPlane, OneByOne, Route
from sfu.io.socket import BATCH, HEADROOM, SLOT, BatchSocket, records
from sfu.leg import Leg, Stream
from sfu.rtp import write_mid

# What a batch's packets are judged by: 8 bytes, the SSRC, the first word of the extensions, their elements.
_HEADS = records(f"{HEADROOM}x8s4s4s{rtp.USUAL_ELEMENTS}s{SLOT - HEADROOM - 16 - rtp.USUAL_ELEMENTS}x")


@dataclass(slots=True, eq=False)
class Flow:
    """What each packet of one SSRC needs. `owners` keeps the memory of both SRTP sessions."""

    leg: Leg
    peer: Leg
    stream: Stream
    mid: bytes
    receive: Any
    send: Any
    destination: Any
    owners: tuple[Any, Any]


_NO_FLOWS: dict[bytes, Flow] = {}


class PythonLoop(OneByOne):
    """See the module's text."""

    name = "python"

    def __init__(self, socket: BatchSocket, clock: Callable[[], float], control: ControlPlane) -> None:
        super().__init__(socket, clock, control)
        self._flows: dict[bytes, dict[bytes, Flow]] = {}
        self._flows_of: dict[Leg, dict[bytes, Flow]] = {}
        self._facts: dict[Leg, tuple[Any, ...]] = {}
        starts = [index * SLOT + HEADROOM for index in range(BATCH)]
        # For each slot: where its packet starts, and pointers to it by how many bytes its header has grown.
        self._slots = [(start, {growth: socket.buffer + start - growth for growth in (0, 4, 8)}) for start in starts]

    # -- flows -------------------------------------------------------------------------------------------------

    def add_route(self, address: bytes, route: Route) -> None:
        super().add_route(address, route)
        self._flows[address] = self._flows_of.setdefault(route.leg, {})

    def remove_route(self, address: bytes) -> None:
        super().remove_route(address)
        self._flows.pop(address, None)

    def update(self, leg: Leg) -> None:
        """Let go of the flows from and to a leg, if what they were made of has changed: that costs each a slow packet."""
        facts = (leg.keys, leg.path, leg.peer, leg.streams)
        before = self._facts.get(leg, ())
        self._facts[leg] = facts
        if len(before) == len(facts) and all(map(is_, before, facts)):
            return
        for changed in (leg, leg.peer):
            if changed in self._flows_of:
                self._flows_of[changed].clear()

    def forget(self, leg: Leg) -> None:
        self._facts.pop(leg, None)
        self._flows_of.pop(leg, {}).clear()

    def _establish(self, address: bytes, ssrc: bytes) -> None:
        """Prepare the flow that a packet belonged to, if all is there."""
        route = self.routes.get(address)
        if route is None:
            return
        leg, peer, stream = route.leg, route.leg.peer, route.leg.streams.get(ssrc)
        if stream is None or peer is None or not peer.sendable or peer.path.destination is None:
            return
        mid, keys = rtp.mid_element(stream.mid), (leg.keys, peer.keys)
        self._flows[address][ssrc] = Flow(
            leg, peer, stream, mid, leg.keys.receive, peer.keys.send, peer.path.destination, keys
        )

    # -- packets -----------------------------------------------------------------------------------------------

    def on_readable(self) -> None:
        for _ in range(ROUNDS):
            count = self._socket.receive()
            if not count:
                return
            self._forward(count, self._clock())
            self._flush()
            if count < BATCH:
                return

    def _forward(self, count: int, now: float) -> None:
        """Decide on each datagram of a batch. Long, as a call costs a hundredth of what a packet may."""
        cell, view, out, flows = self._cell, self._view, self._out, self._flows
        socket = self._socket
        heads = iter(_HEADS[count].unpack_from(self._view))
        arrived = zip(
            self._slots, socket.lengths(count), socket.addresses(count), heads, heads, heads, heads, strict=False
        )
        for (offset, packet), length, address, start, ssrc, block, elements in arrived:
            flow = flows.get(address, _NO_FLOWS).get(ssrc)
            # Version 2 is RFC 7983's range for RTP and RTCP; the latter's types are 192 to 223 (RFC 5761 §4).
            if flow is None or start[0] >> 6 != 2 or start[1] >> 5 == 6 or not MIN_SRTP <= length <= MAX_DATAGRAM:
                self._handle(offset, length, address, None, now)
                if flow is None:
                    self._establish(address, ssrc)
                continue
            leg = flow.leg
            try:
                cell[0] = length
                if srtp_unprotect(flow.receive, packet[0], cell):
                    leg.dropped[DropReason.UNPROTECT] += 1
                    continue
                size = cell[0]
                reason = leg.take_in(start[1] & 0x7F, size, now)
                if reason is not None:
                    leg.dropped[reason] += 1
                    continue
                stream = flow.stream
                stream.packets += 1
                stream.bytes += size
                growth = write_mid(view, offset, size, start, ssrc, block, elements, flow.mid)
                if not growth:
                    growth = self._add_mid(offset, size, stream.mid)
                cell[0] = size + growth
                if srtp_protect(flow.send, packet[growth], cell):
                    leg.dropped[DropReason.PROTECT] += 1
                    continue
                peer, sent = flow.peer, cell[0]
                peer.packets_out += 1
                peer.bytes_out += sent
                out.append((offset - growth, sent, flow.destination))
            except rtp.BadRtp:
                leg.dropped[DropReason.MALFORMED] += 1
            except Exception:  # noqa: BLE001 — as in `OneByOne`
                leg.dropped[DropReason.INTERNAL] += 1

    def _add_mid(self, offset: int, size: int, mid: int) -> int:
        """Write a MID into a packet of any shape. Returns by how many bytes it grew. Raises `BadRtp`."""
        added = rtp.add_mid(self._view[offset : offset + size], mid)
        if added is None:
            return 0
        growth, header = added
        offset -= growth
        self._view[offset : offset + len(header)] = header
        return growth
