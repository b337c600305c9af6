"""What the control side and a worker say to each other over the worker's Unix socket.

Commands go to the worker, replies and events come back; all are msgpack-encoded tagged structs behind a
32-bit big-endian length. Every command carries `ref`; exactly one `Done` or `Refused` answers it. Events are
unasked. Ids are opaque here: the media side knows neither names nor money.
"""

from enum import StrEnum

import msgspec

# A worker's exit status when its port is taken, so that whoever started it can say so in a sentence.
EXIT_PORT_TAKEN = 3


class Refusal(StrEnum):
    """Why a command was not done."""

    BRIDGE_FULL = "bridge_full"
    UNKNOWN_LEG = "unknown_leg"
    BAD_ANSWER = "bad_answer"
    STALE_ANSWER = "stale_answer"


class OpenLeg(msgspec.Struct, frozen=True, tag=True):
    """Make a transport for one participant; an `OfferMade` follows. `replaces` closes that leg in the same step."""

    ref: int
    call: str
    leg: str
    seat: str
    max_bitrate: int = 2_500_000
    replaces: str | None = None


class ApplyAnswer(msgspec.Struct, frozen=True, tag=True):
    """The browser's answer to the offer numbered `negotiation`."""

    ref: int
    leg: str
    negotiation: int
    sdp: str


class RestartIce(msgspec.Struct, frozen=True, tag=True):
    """Offer again with new ICE credentials; DTLS stays."""

    ref: int
    leg: str


class Reoffer(msgspec.Struct, frozen=True, tag=True):
    """Say the current offer again, to a participant who may have missed it."""

    ref: int
    leg: str


class CloseLeg(msgspec.Struct, frozen=True, tag=True):
    """End one participant's transport. An unknown leg is already closed: done."""

    ref: int
    leg: str


class CloseCall(msgspec.Struct, frozen=True, tag=True):
    """End both transports of a call."""

    ref: int
    call: str


class PauseMeter(msgspec.Struct, frozen=True, tag=True):
    """Stamp the fact that the call's meter was stopped."""

    ref: int
    call: str


class ResumeMeter(msgspec.Struct, frozen=True, tag=True):
    """Stamp the fact that the call's meter goes on."""

    ref: int
    call: str


class TakeFacts(msgspec.Struct, frozen=True, tag=True):
    """Send `SpooledFacts` on this connection from now on, and on no other: first what nobody has acknowledged."""

    ref: int


class AckFacts(msgspec.Struct, frozen=True, tag=True):
    """The facts of the batch that ended with this one are recorded: forget them and send the next batch."""

    ref: int
    boot: str
    seq: int


class ReadStatistics(msgspec.Struct, frozen=True, tag=True):
    """Ask for the worker's statistics; the `Done` is followed by no event, it carries them."""

    ref: int


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Nothing but to be answered, by the loop that carries media."""

    ref: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End every call and exit."""

    ref: int


Command = (
    OpenLeg
    | ApplyAnswer
    | RestartIce
    | Reoffer
    | CloseLeg
    | CloseCall
    | PauseMeter
    | ResumeMeter
    | TakeFacts
    | AckFacts
    | ReadStatistics
    | Ping
    | Stop
)


class StreamStatistics(msgspec.Struct, frozen=True):
    """One RTP stream as it came in, and as the other side reported it. Jitter and RTT in milliseconds."""

    ssrc: int
    mid: str
    packets: int
    bytes: int
    lost_fraction: float | None
    jitter_ms: float | None
    rtt_ms: float | None


class LegStatistics(msgspec.Struct, frozen=True):
    """Counters of one leg since it opened; bit rates in bits/s over the last full second."""

    leg: str
    call: str
    seat: str
    state: str
    transport: str
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    bitrate_in: int
    bitrate_out: int
    dropped: dict[str, int]
    streams: list[StreamStatistics]


class WorkerStatistics(msgspec.Struct, frozen=True):
    """A worker's counters since it started. `dropped` counts datagrams that belong to no leg, by reason."""

    worker: str
    boot: str
    port: int
    loop: str
    packets_in: int
    packets_out: int
    dropped: dict[str, int]
    legs: list[LegStatistics]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The command was carried out."""

    ref: int
    statistics: WorkerStatistics | None = None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The command was not carried out, and changed nothing."""

    ref: int
    refusal: Refusal


class OpenedLeg(msgspec.Struct, frozen=True):
    """A leg as a returning control side finds it."""

    call: str
    leg: str
    seat: str
    state: str


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A worker's first message on every control connection: who it is and which legs it holds."""

    worker: str
    boot: str
    host: str
    advertised: tuple[str, ...]
    port: int
    loop: str
    srtp: str
    legs: list[OpenedLeg]


class OfferMade(msgspec.Struct, frozen=True, tag=True):
    """An offer for one participant; the answer must name the same `negotiation`. The newest counts."""

    call: str
    leg: str
    negotiation: int
    sdp: str


class LegStateChanged(msgspec.Struct, frozen=True, tag=True):
    """A leg's state, one of `sfu.leg.LegState`, and for a closed one its `CloseReason`; stamped as a media fact is."""

    call: str
    leg: str
    seat: str
    state: str
    reason: str
    seq: int
    monotonic_ms: int
    at: float
    last_heard_ms: int


class BothHeard(msgspec.Struct, frozen=True, tag=True):
    """Both legs of the call were heard in the last 3 s, the less recent one at `heard_ms`."""

    call: str
    seq: int
    monotonic_ms: int
    at: float
    heard_ms: int


class MeterChanged(msgspec.Struct, frozen=True, tag=True):
    """The call's meter was stopped (`paused`), or goes on."""

    call: str
    paused: bool
    seq: int
    monotonic_ms: int
    at: float


Stamped = LegStateChanged | BothHeard | MeterChanged


class SpooledFacts(msgspec.Struct, frozen=True, tag=True):
    """Facts of one boot, this worker's or a dead one's, in order; each one is an event as well.

    It comes until it is acknowledged, so one may come twice. The next batch follows the acknowledgement.
    """

    boot: str
    facts: list[Stamped]


Reply = Done | Refused
Event = OfferMade | LegStateChanged | BothHeard | MeterChanged
FromWorker = Hello | Done | Refused | OfferMade | LegStateChanged | BothHeard | MeterChanged | SpooledFacts
