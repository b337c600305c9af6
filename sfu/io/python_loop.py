"""The packet loop in Python: whole batches of SRTP from established flows in one pass, the rest one by one.

The readable twin of `sfu/native/loop.c`, for where no compiler was at install. `OneByOne` handles the first packet of a
flow, and whatever is not plainly RTP that passes. What a flow is made of changes with an `update` only, and the next
packet makes it anew.
"""

from collections.abc import Callable
from operator import is_
from typing import Any

from pylibsrtp._binding import ffi as srtp_ffi

from sfu import rtp
from sfu.demux import MAX_DATAGRAM
from sfu.drops import DropReason
from sfu.flow import SETTLE, Flow
from sfu.io.dtls import srtp_protect, srtp_unprotect
from sfu.io.loop import MIN_SRTP, ROUNDS, ControlPlane, OneByOne, Route
from sfu.io.socket import BATCH, HEADROOM, SLOT, BatchSocket, records
from sfu.leg import Leg
from sfu.rtp import write_mid

# What a batch's packets are judged by: 2 bytes as a number, 6 more, the SSRC, the first word of the extensions, their
# elements.
_HEADS = records(f"{HEADROOM}xH6s4s4s{rtp.USUAL_ELEMENTS}s{SLOT - HEADROOM - 16 - rtp.USUAL_ELEMENTS}x", ">")
_NO_FLOWS: dict[bytes, Flow] = {}


class PythonLoop(OneByOne):
    """See the module's text."""

    name = "python"

    def __init__(self, socket: BatchSocket, clock: Callable[[], float], control: ControlPlane) -> None:
        super().__init__(socket, clock, control)
        # By address and SSRC; all addresses of a leg share its flows.
        self._flows: dict[bytes, dict[bytes, Flow]] = {}
        self._flows_of: dict[Leg, dict[bytes, Flow]] = {}
        self._facts: dict[Leg, tuple[Any, ...]] = {}
        # The same memory as `_cell`, read and written in half the time.
        self._cell_value = memoryview(srtp_ffi.buffer(self._cell)).cast("i")
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
        """Let go of the flows from and to a leg, if what they were made of has changed: each costs a slow packet."""
        facts = (leg.keys, leg.path, leg.peer, leg.streams)
        before = self._facts.get(leg, (None,) * len(facts))
        self._facts[leg] = facts
        if all(map(is_, before, facts)):
            self.settle(leg)
            return
        for changed in (leg, leg.peer, before[2]):
            self._let_go(changed)

    def forget(self, leg: Leg) -> None:
        for changed in (leg, self._facts.pop(leg)[2]) if leg in self._facts else (leg,):
            self._let_go(changed)
        self._flows_of.pop(leg, None)

    def collect(self) -> None:
        for leg in self._flows_of:
            self.settle(leg)

    def settle(self, leg: Leg) -> None:
        flows, now = self._flows_of.get(leg, _NO_FLOWS), self._clock()
        for ssrc, flow in list(flows.items()):
            if not flow.settle(now):
                del flows[ssrc]

    def _let_go(self, leg: Leg | None) -> None:
        if leg in self._flows_of:
            self.settle(leg)
            self._flows_of[leg].clear()

    def _establish(self, address: bytes, ssrc: bytes) -> None:
        """Prepare the flow of a packet that has passed, if all is there: it may have been a check or RTCP as well."""
        route = self.routes.get(address)
        if route is None:
            return
        leg, peer, stream = route.leg, route.leg.peer, route.leg.streams.get(ssrc)
        if stream is None or leg.keys is None:
            return
        if peer is None or not peer.sendable or peer.path.destination is None:
            return
        flow = self._flows[address][ssrc] = Flow(leg, peer, stream)
        flow.receive, flow.send, flow.owners = leg.keys.receive, peer.keys.send, (leg.keys, peer.keys)
        flow.destination = peer.path.destination

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
        cell, cell_value, view, out, flows = self._cell, self._cell_value, self._view, self._out, self._flows
        socket = self._socket
        heads = iter(_HEADS[count].unpack_from(self._view))
        arrived = zip(
            self._slots, socket.lengths(count), socket.addresses(count), heads, heads, heads, heads, heads, strict=False
        )
        for (offset, packet), length, address, kind, start, ssrc, block, elements in arrived:
            flow = flows.get(address, _NO_FLOWS).get(ssrc)
            # `passes` knows of no RTCP.
            if flow is None or not (flow.passes[kind] and MIN_SRTP <= length <= MAX_DATAGRAM):
                if self._handle(offset, length, address, None, now) and flow is None:
                    self._establish(address, ssrc)
                continue
            try:
                cell_value[0] = length
                if srtp_unprotect(flow.receive, packet[0], cell):
                    flow.leg.dropped[DropReason.UNPROTECT] += 1
                    continue
                size = cell_value[0]
                flow.heard = now
                flow.packets += 1
                flow.octets += size
                growth = write_mid(view, offset, size, kind, start, ssrc, block, elements, flow.mid)
                if not growth:
                    growth = self._add_mid(offset, size, flow.stream.mid)
                cell_value[0] = size + growth
                if srtp_protect(flow.send, packet[growth], cell):
                    flow.drop(DropReason.PROTECT)
                    continue
                sent = cell_value[0]
                flow.sent += sent
                out.append((offset - growth, sent, flow.destination))
            except rtp.BadRtp:
                flow.drop(DropReason.MALFORMED)
            except Exception:  # noqa: BLE001 — as in `OneByOne`
                flow.drop(DropReason.INTERNAL)
            if flow.packets >= SETTLE and not flow.settle(now):
                del flows[address][ssrc]

    def _add_mid(self, offset: int, size: int, mid: int) -> int:
        """Write a MID into a packet of any shape. Returns by how many bytes it grew. Raises `BadRtp`."""
        added = rtp.add_mid(self._view[offset : offset + size], mid)
        if added is None:
            return 0
        growth, header = added
        offset -= growth
        self._view[offset : offset + len(header)] = header
        return growth
