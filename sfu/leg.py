"""One participant's transport: its state, what it offered and answered, its streams, counters and cap.

Contract: the shell sets `keys` and `path` once DTLS has finished and an address is known; `Bridge` is the only
one that changes a leg's state, by the one table below.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfu import rtp
from sfu.answer import Answer
from sfu.bucket import Bucket
from sfu.codecs import ALL_PAYLOAD_TYPES, AUDIO, AUDIO_PAYLOAD_TYPES, SECTIONS
from sfu.drops import DropReason
from sfu.offer import Credentials, RemoteStream
from sfu.states import TRANSITIONS, CloseReason, InvalidTransition, LegEvent, LegState
from sfu.storm import StormGuard

# An audio, a camera and a screen stream, each with retransmissions and one spare.
MAX_STREAMS = 16
# libsrtp keeps state for every SSRC it has seen, and finds it by walking a list: so many in a leg's whole life.
MAX_SSRCS = 64
# A browser at its highest sends some 1,000 packets/s; four times that is an attack or a bug.
MAX_PACKET_RATE = 4_000
# Retransmissions asked for: above this a sender only adds to the congestion it is asked to repair.
MAX_NACK_RATE = 1_000


@dataclass(slots=True)
class Stream:
    """One incoming SSRC. `mid` is the character code that is inserted where the sender left it out."""

    ssrc: int
    mid: int
    clock_rate: int
    packets: int = 0
    bytes: int = 0
    lost_fraction: float | None = None
    jitter_ms: float | None = None
    rtt_ms: float | None = None
    report_id: int = 0
    report_at: float = 0.0


@dataclass(slots=True, eq=False)
class Leg:
    """See the module's text. `keys` and `path` are the shell's; the core only asks whether they are there.

    `known_heard` is what `last_heard` was when the bridge last looked.
    """

    call: str
    id: str
    seat: str
    max_bitrate: int
    opened_at: float
    credentials: Credentials
    state: LegState = LegState.OFFERED
    reason: CloseReason | None = None
    peer: "Leg | None" = None
    keys: Any = None
    path: Any = None
    sendable: bool = False
    negotiation: int = 0
    answered: int = 0
    answer: Answer | None = None
    offered_types: frozenset[int] = ALL_PAYLOAD_TYPES
    offered_streams: Mapping[str, tuple[RemoteStream, ...]] = field(default_factory=dict)
    offered_cap: int = 0
    accepts: bytes = bytes(128)
    streams: dict[bytes, Stream] = field(default_factory=dict)
    ssrcs: set[bytes] = field(default_factory=set)
    last_heard: float = 0.0
    known_heard: float = 0.0
    last_binding: float = 0.0
    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    bitrate_in: int = 0
    bitrate_out: int = 0
    dropped: Counter[DropReason] = field(default_factory=Counter)
    packet_bucket: Bucket = field(init=False)
    byte_bucket: Bucket = field(init=False)
    nack_bucket: Bucket = field(init=False)
    storm: StormGuard = field(init=False)

    def __post_init__(self) -> None:
        self.storm = StormGuard.for_rate(self.max_bitrate)
        self.packet_bucket = Bucket(MAX_PACKET_RATE, MAX_PACKET_RATE, self.opened_at)
        # Three sections at the cap, half as much again for retransmissions and padding.
        rate = 3 * self.max_bitrate * 1.5 / 8
        self.byte_bucket = Bucket(rate, rate, self.opened_at)
        self.nack_bucket = Bucket(MAX_NACK_RATE, MAX_NACK_RATE, self.opened_at)

    def move(self, event: LegEvent) -> LegState:
        """Apply the event. Returns the new state. Raises `InvalidTransition`."""
        try:
            self.state = TRANSITIONS[self.state, event]
        except KeyError:
            raise InvalidTransition(f"{self.state} has no {event}") from None
        return self.state

    def take_answer(self, answer: Answer) -> None:
        """Adopt what the browser accepted, and forget streams that it no longer announces."""
        self.answer = answer
        accepts = bytearray(128)
        for number in answer.payload_types:
            accepts[number] = 1
        self.accepts = bytes(accepts)
        known, self.streams = self.streams, {}
        for section in SECTIONS:
            for announced in answer.streams.get(section.mid, ()):
                for ssrc in (announced.ssrc, announced.rtx):
                    if ssrc is None:
                        continue
                    key = ssrc.to_bytes(4, "big")
                    if not self.admits(key):
                        continue
                    self.ssrcs.add(key)
                    kept = known.get(key)
                    mid = ord(section.mid)
                    same = kept is not None and kept.mid == mid
                    self.streams[key] = kept if kept and same else Stream(ssrc, mid, section.clock_rate)

    def admits(self, ssrc: bytes) -> bool:
        """Whether packets of this SSRC may be decrypted. Whoever does so adds it to `ssrcs`."""
        return ssrc in self.ssrcs or len(self.ssrcs) < MAX_SSRCS

    def learn_stream(self, packet: memoryview | bytes) -> Stream | None:
        """Return a new stream for an SSRC that no answer announced, when the packet says where it belongs.

        A MID says so, and so does an audio payload type, as there is one audio section (RFC 8843 §9.2).
        Raises `rtp.BadRtp`.
        """
        if len(self.streams) >= MAX_STREAMS:
            return None
        mid = rtp.find_mid(packet)
        if mid is None and packet[1] & 0x7F in AUDIO_PAYLOAD_TYPES:
            mid = ord(AUDIO.mid)
        for section in SECTIONS:
            if mid == ord(section.mid):
                key = bytes(packet[8:12])
                self.streams[key] = Stream(int.from_bytes(key, "big"), mid, section.clock_rate)
                return self.streams[key]
        return None
