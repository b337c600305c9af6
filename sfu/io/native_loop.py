"""The packet loop in C (`sfu/native/loop.c`) behind the methods of `PacketLoop`; `OneByOne` handles what C hands up.

C owns the established flows: it needs to know each leg's sessions, peer, caps, codecs and streams (`update`), and
gives back what it counted and heard (`collect`). Everything else is the Python code's.
"""

from collections.abc import Callable
from typing import Any

from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp_lib

from sfu.bucket import Bucket
from sfu.drops import DropReason
from sfu.io.loop import ROUNDS, ControlPlane, OneByOne, Route
from sfu.io.multi_message import MultiMessageSocket
from sfu.io.socket import BATCH, HEADROOM, SLOT
from sfu.leg import MAX_STREAMS, Leg
from sfu.native._loop import ffi, lib
from sfu.quality import read_reports
from sfu.rtcp import BadRtcp

# In the order of `enum loop_drop`; the first is "not dropped".
REASONS = (
    None,
    DropReason.LENGTH,
    DropReason.FIRST_BYTE,
    DropReason.UNKNOWN_SOURCE,
    DropReason.NO_KEYS,
    DropReason.TOO_SHORT,
    DropReason.UNPROTECT,
    DropReason.PROTECT,
    DropReason.MALFORMED,
    DropReason.PEER_ABSENT,
    DropReason.CODEC,
    DropReason.OVER_CAP,
    DropReason.NACK_CAP,
    DropReason.SEND,
)


class NativeLoop(OneByOne):
    """See the module's text. Needs a `MultiMessageSocket`, whose buffer both loops share."""

    name = "native"

    def __init__(self, socket: MultiMessageSocket, clock: Callable[[], float], control: ControlPlane) -> None:
        super().__init__(socket, clock, control)
        self._key_size = socket.key_size
        functions = (
            ffi.cast("void *", int(srtp_ffi.cast("uintptr_t", srtp_ffi.addressof(srtp_lib, name))))
            for name in ("srtp_unprotect", "srtp_protect", "srtp_unprotect_rtcp", "srtp_protect_rtcp")
        )
        buffer = ffi.cast("uint8_t *", int(srtp_ffi.cast("uintptr_t", socket.buffer)))
        state = lib.loop_new(socket.fileno(), socket.address_size, socket.key_size, buffer, *functions)
        if state == ffi.NULL:
            raise MemoryError
        self._state = ffi.gc(state, lib.loop_free)
        self._legs: dict[Leg, Any] = {}
        self._owners: dict[Any, Route] = {}
        self._changed: dict[Leg, None] = {}
        self._names = memoryview(ffi.buffer(self._state.names, BATCH * lib.LOOP_ADDRESS)).cast("B")
        self._reports = memoryview(ffi.buffer(self._state.reports, BATCH * SLOT)).cast("B")

    # -- packets -----------------------------------------------------------------------------------------------

    def on_readable(self) -> None:
        state = self._state
        for _ in range(ROUNDS):
            self._tell_changes()
            now = self._clock()
            count = lib.loop_batch(state, now)
            for index in range(state.ups):
                self._hand_up(state.up[index], now)
            if state.ups:
                self._flush()
            if count < BATCH:
                return

    def _hand_up(self, up: Any, now: float) -> None:
        if up.kind == lib.UP_REPORT:
            self._read_report(up, now)
            return
        start = up.slot * lib.LOOP_ADDRESS
        address = bytes(self._names[start : start + self._key_size])
        self._handle(up.slot * SLOT + HEADROOM, up.length, address, None, now)
        route = self.routes.get(address)
        if route is not None:
            self._learn_streams(route.leg)

    def _read_report(self, up: Any, now: float) -> None:
        route = self._owners.get(up.leg)
        if route is None or route.leg.peer is None:
            return
        start = up.slot * SLOT
        try:
            read_reports(route.leg, route.leg.peer, bytes(self._reports[start : start + up.length]), now)
        except BadRtcp:
            route.leg.dropped[DropReason.MALFORMED] += 1

    def _learn_streams(self, leg: Leg) -> None:
        """Tell C of a stream that Python has just learned, so that its next packet stays there."""
        known = self._legs.get(leg)
        if known is not None and known.streams_used != len(leg.streams):
            self.update(leg)

    # -- what C must know --------------------------------------------------------------------------------------

    def add_route(self, address: bytes, route: Route) -> None:
        super().add_route(address, route)
        # C must know a leg behind TCP too: its peer's packets are Python's to send, and not for nobody.
        known = self._leg(route)
        if route.path.destination is not None and lib.loop_route(self._state, _key(address), known):
            raise MemoryError

    def remove_route(self, address: bytes) -> None:
        super().remove_route(address)
        lib.loop_unroute(self._state, _key(address))

    def _leg(self, route: Route) -> Any:
        known = self._legs.get(route.leg)
        if known is None:
            known = self._legs[route.leg] = ffi.new("loop_leg *")
            self._owners[known] = route
            for bucket, mine in _buckets(known, route.leg):
                bucket.rate, bucket.burst, bucket.left, bucket.at = mine.rate, mine.burst, mine.burst, self._clock()
            self.update(route.leg)
            if route.leg.peer is not None:
                self.update(route.leg.peer)
        return known

    def update(self, leg: Leg) -> None:
        """C is told when it looks next: a leg that is set up changes six times before."""
        if leg in self._legs:
            self._changed[leg] = None

    def _tell_changes(self) -> None:
        while self._changed:
            self._tell(self._changed.popitem()[0])

    def _tell(self, leg: Leg) -> None:
        known = self._legs[leg]
        self._collect(leg, known)
        keys = leg.keys
        known.receive = ffi.NULL if keys is None else _session(keys.receive)
        known.send = ffi.NULL if keys is None else _session(keys.send)
        known.peer = self._legs.get(leg.peer, ffi.NULL) if leg.peer is not None else ffi.NULL
        known.sendable = leg.sendable and keys is not None and leg.path is not None
        known.by_udp = leg.path is not None and leg.path.destination is not None
        if known.by_udp:
            ffi.memmove(known.destination, leg.path.address.ljust(lib.LOOP_ADDRESS, b"\0"), lib.LOOP_ADDRESS)
        ffi.memmove(known.accepts, leg.accepts, len(leg.accepts))
        for index, stream in enumerate(leg.streams.values()):
            if index == MAX_STREAMS:
                break
            entry = known.streams[index]
            entry.ssrc, entry.mid, entry.packets, entry.bytes = stream.ssrc, stream.mid, 0, 0
            known.streams_used = index + 1
        if not leg.streams:
            known.streams_used = 0

    def forget(self, leg: Leg) -> None:
        known = self._legs.get(leg)
        if known is None:
            return
        self.collect()  # which empties C's list of the legs that have counted, this one among them
        del self._legs[leg]
        self._changed.pop(leg, None)
        for other in self._legs.values():
            if other.peer == known:
                other.peer = ffi.NULL
        del self._owners[known]

    # -- what C has counted ------------------------------------------------------------------------------------

    def collect(self) -> None:
        state = self._state
        _add_drops(self.dropped, state.dropped)
        known, state.counted = state.counted, ffi.NULL
        while known != ffi.NULL:
            self._collect(self._owners[known].leg, known)
            known.counted = 0
            known = known.next_counted

    def settle(self, leg: Leg) -> None:
        known = self._legs.get(leg)
        if known is not None:
            self._collect(leg, known)

    def _collect(self, leg: Leg, known: Any) -> None:
        if not known.counted:
            return
        leg.packets_in += known.packets_in
        leg.bytes_in += known.bytes_in
        leg.packets_out += known.packets_out
        leg.bytes_out += known.bytes_out
        known.packets_in = known.bytes_in = known.packets_out = known.bytes_out = 0
        leg.last_heard = max(leg.last_heard, known.last_heard)
        if known.any_dropped:
            _add_drops(leg.dropped, known.dropped)
            known.any_dropped = 0
        for index in range(known.streams_used):
            entry = known.streams[index]
            stream = leg.streams.get(entry.ssrc.to_bytes(4, "big"))
            if stream is not None:
                stream.packets += entry.packets
                stream.bytes += entry.bytes
            entry.packets = entry.bytes = 0


def _add_drops(counter: Any, counts: Any) -> None:
    for index in range(1, len(REASONS)):
        if counts[index]:
            counter[REASONS[index]] += counts[index]
            counts[index] = 0


def _buckets(known: Any, leg: Leg) -> tuple[tuple[Any, Bucket], ...]:
    return (
        (known.packets_allowed, leg.packet_bucket),
        (known.bytes_allowed, leg.byte_bucket),
        (known.nacks_allowed, leg.nack_bucket),
    )


def _session(pointer: Any) -> Any:
    return ffi.cast("void *", int(srtp_ffi.cast("uintptr_t", pointer)))


def _key(address: bytes) -> bytes:
    return address.ljust(lib.LOOP_ADDRESS, b"\0")
