"""One peer's packets for one run, written and protected in advance, and described as sendmmsg wants them."""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pylibsrtp._binding import ffi, lib

from bench.io.multimessage import cut_into
from bench.io.native_pump import native
from bench.io.peer import MediaPeer
from bench.plans import Kind, Load, Messages, Timetable, in_messages
from bench.sdp import AUDIO_TYPE, VIDEO_TYPE
from sfu.io.multi_message import cuts

# Room for the longest tag and an SRTCP index.
_TRAILER = 20
# The kernel cuts no message into more (UDP_MAX_SEGMENTS, before Linux 6.9), nor one that IP could not carry.
_MOST_CUTS, _LONGEST_MESSAGE = 64, 65_000
# What each path of IPv6 carries whole (RFC 8200 §5), without the headers. The kernel does not fragment what it cuts.
_SURELY_WHOLE = 1280 - 48
_TYPES = {Kind.VIDEO: VIDEO_TYPE, Kind.AUDIO: AUDIO_TYPE}
_CLOCKS = {Kind.VIDEO: 90_000, Kind.AUDIO: 48_000}
# abs-send-time (2) and transport-cc (3) as Chromium sends them; without a MID, which the server has to insert.
_EXTENSION = bytes((0xBE, 0xDE, 0, 2, 0x22, 1, 2, 3, 0x31, 0, 1, 0))
_HEADER = 12 + len(_EXTENSION)
MARK = b"visavis bench"


class CannotProtect(Exception):
    """libsrtp refused; the number is its error."""


@dataclass(slots=True)
class Stream:
    """One SSRC as it is sent, with the number of its next packet; numbers here do not wrap.

    `heard_ssrc` and `shift` say how the receiver sees it: its sequence number is ours plus `shift`.
    """

    kind: Kind
    ssrc: int
    next: int = 1
    heard_ssrc: int | None = None
    shift: int = 0

    def header(self, number: int) -> bytes:
        """Return an RTP header with the extensions of a browser's packet."""
        stamp = number * _CLOCKS[self.kind] // 50 & 0xFFFFFFFF
        fixed = struct.pack("!BBHII", 0x90, _TYPES[self.kind], number & 0xFFFF, stamp, self.ssrc)
        return fixed + _EXTENSION


@dataclass(slots=True)
class Batch:
    """A peer's datagrams in order of sending; `headers` has one `struct mmsghdr` for each of `messages`."""

    headers: npt.NDArray[np.uint64]
    timetable: Timetable
    messages: Messages
    first: dict[Kind, int]
    _kept: list[Any] = field(default_factory=list)


def write_batch(
    peer: MediaPeer, streams: dict[Kind, Stream], other: dict[Kind, Stream], load: Load, plan: Timetable
) -> Batch:
    """Return the batch, every packet protected with the peer's keys; the streams' numbers move on.

    Raises `CannotProtect`, or `MemoryError`.
    """
    vectors = np.zeros((len(plan.kinds), 2), np.uint64)
    kept: list[Any] = [vectors]
    first, lengths = {}, {}
    for kind in (Kind.VIDEO, Kind.AUDIO):
        places = np.flatnonzero(plan.kinds == kind)
        first[kind] = streams[kind].next
        rows = _rtp(streams[kind], len(places), load.video_size if kind is Kind.VIDEO else load.audio_size)
        lengths[kind] = _protect(rows, rows.shape[1] - _TRAILER, peer.tx, "srtp_protect")
        _describe(vectors, places, rows, lengths[kind])
        kept.append(rows)
    places = np.flatnonzero(plan.kinds == Kind.RTCP)
    rows = _rows(len(places), report(streams, other))
    _describe(vectors, places, rows, _protect(rows, rows.shape[1] - _TRAILER, peer.tx, "srtp_protect_rtcp"))
    kept.append(rows)
    places = np.flatnonzero(plan.kinds == Kind.CHECK)
    checks = [np.frombuffer(peer.check(), np.uint8) for _ in places]
    for place, check in zip(places, checks, strict=True):
        vectors[place] = check.ctypes.data, len(check)
    kept.append(checks)
    control = cut_into(lengths[Kind.VIDEO])
    kept.append(control)
    together = peer.socket is not None and cuts(peer.socket) and load.audio_size <= load.video_size
    messages = in_messages(plan, _most_together(lengths[Kind.VIDEO]) if together else 1)
    return Batch(_headers(messages, vectors, control), plan, messages, first, kept)


def _most_together(length: int) -> int:
    """Return how many datagrams of that length one message may hold: 1 where each might need fragments of its own."""
    if not 0 < length <= _SURELY_WHOLE:
        return 1
    return min(_MOST_CUTS, _LONGEST_MESSAGE // length)


def _headers(
    messages: Messages, vectors: npt.NDArray[np.uint64], control: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint64]:
    headers = np.zeros((len(messages.first), 8), np.uint64)
    headers[:, 2] = vectors.ctypes.data + 16 * messages.first.astype(np.uint64)
    headers[:, 3] = messages.sizes
    cut = messages.sizes > 1
    headers[cut, 4], headers[cut, 5] = control.ctypes.data, len(control)
    return headers


def _rows(count: int, packet: bytes) -> npt.NDArray[np.uint8]:
    """Return `count` copies of a packet, each with room for its trailer."""
    rows = np.empty((count, len(packet) + _TRAILER), np.uint8)
    rows[:, : len(packet)] = np.frombuffer(packet, np.uint8)
    return rows


def _rtp(stream: Stream, count: int, size: int) -> npt.NDArray[np.uint8]:
    rows = _rows(count, stream.header(0).ljust(size, b"\x5a"))
    numbers = np.arange(stream.next, stream.next + count, dtype=np.int64)
    rows[:, 2:4] = (numbers & 0xFFFF).astype(">u2").view(np.uint8).reshape(-1, 2)
    stamps = numbers * _CLOCKS[stream.kind] // 50 & 0xFFFFFFFF
    rows[:, 4:8] = stamps.astype(">u4").view(np.uint8).reshape(-1, 4)
    stream.next += count
    return rows


def _protect(rows: npt.NDArray[np.uint8], length: int, session: Any, function: str) -> int:
    """Protect each row's first `length` bytes in place; return the length afterwards, the same for all."""
    if not len(rows):
        return 0
    stride = rows.shape[1]
    if (library := native()) is not None:
        protected = library.protect(ffi.addressof(lib, function), session, rows, length)
        if protected < 0:
            raise CannotProtect(-protected)
        return protected
    protect, cell = getattr(lib, function), ffi.new("int *")
    start = ffi.cast("uint8_t *", rows.ctypes.data)
    for offset in range(0, len(rows) * stride, stride):
        cell[0] = length
        if error := protect(session, start + offset, cell):
            raise CannotProtect(error)
    return int(cell[0])


def _describe(
    vectors: npt.NDArray[np.uint64], places: npt.NDArray[np.intp], rows: npt.NDArray[np.uint8], length: int
) -> None:
    vectors[places, 0] = rows.ctypes.data + rows.shape[1] * np.arange(len(rows), dtype=np.uint64)
    vectors[places, 1] = length


def report(own: dict[Kind, Stream], other: dict[Kind, Stream]) -> bytes:
    """Return what a receiver says every 100 ms: a receiver report, a CNAME, and transport-wide feedback."""
    sender = own[Kind.VIDEO].ssrc
    blocks = b"".join(struct.pack("!IIIIII", other[kind].ssrc, 0, 0, 30, 0, 0) for kind in (Kind.AUDIO, Kind.VIDEO))
    receiver_report = struct.pack("!BBHI", 0x82, 201, 13, sender) + blocks
    name = struct.pack("!BBHIBB", 0x81, 202, 3, sender, 1, 5) + b"bench\0"
    # draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1: 22 packets, one run-length chunk, small deltas.
    body = struct.pack("!IIHHI", sender, other[Kind.VIDEO].ssrc, 1, 22, 0x00000100) + struct.pack("!H", 0x2016)
    body = (body + bytes(range(1, 23))).ljust(40, b"\0")
    feedback = struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body
    return receiver_report + name + feedback


def probe(stream: Stream) -> bytes:
    """Return one RTP packet, unprotected, that names its stream and number inside."""
    packet = stream.header(stream.next) + MARK + struct.pack("!IQ", stream.ssrc, stream.next)
    stream.next += 1
    return packet


def read_probe(packet: bytes) -> tuple[int, int, int, int] | None:
    """Return (SSRC and number as sent, SSRC and sequence number as received), or None for another packet."""
    at = packet.find(MARK)
    if at < 0 or len(packet) < at + len(MARK) + 12:
        return None
    sent = struct.unpack_from("!IQ", packet, at + len(MARK))
    number, _, ssrc = struct.unpack_from("!HII", packet, 2)
    return sent[0], sent[1], ssrc, number
