"""What a synthetic peer sends, and when: rates, sizes, and packets in bursts as browsers pace them."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt


class Kind(IntEnum):
    """What a datagram is."""

    VIDEO = 0
    AUDIO = 1
    RTCP = 2
    CHECK = 3


@dataclass(frozen=True, slots=True)
class Load:
    """What each peer sends. Sizes in bytes of RTP before SRTP, rates in packets/s, times in seconds.

    A browser sends a frame's packets together: `burst` is the time between two bursts of one peer.
    """

    video_rate: float = 170.0
    video_size: int = 1100
    audio_rate: float = 50.0
    audio_size: int = 160
    rtcp_every: float = 0.1
    check_every: float = 2.5
    burst: float = 0.02

    @property
    def media_rate(self) -> float:
        """RTP packets/s of one peer."""
        return self.video_rate + self.audio_rate

    @property
    def bytes_a_second(self) -> float:
        """RTP bytes/s of one peer."""
        return self.video_rate * self.video_size + self.audio_rate * self.audio_size

    def faster(self, factor: float) -> "Load":
        """Return the same load with `factor` times as many RTP packets, in bursts of the same size."""
        return Load(
            video_rate=self.video_rate * factor,
            video_size=self.video_size,
            audio_rate=self.audio_rate * factor,
            audio_size=self.audio_size,
            rtcp_every=self.rtcp_every,
            check_every=self.check_every,
            burst=self.burst / factor,
        )


@dataclass(frozen=True, slots=True)
class Timetable:
    """One peer's datagrams in order of sending: what each is, and to which burst it belongs.

    Burst k is due at `phase + k * burst` seconds.
    """

    kinds: npt.NDArray[np.uint8]
    bursts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    phase: float


def timetable(load: Load, seconds: float, peer: int) -> Timetable:
    """Return what peer number `peer` sends in `seconds`; peers' bursts are spread evenly over time."""
    number = max(1, round(seconds / load.burst))
    # Multiples of the golden ratio fill an interval evenly, however many there are.
    shift = peer * 0.6180339887 % 1
    steps = np.arange(number + 1) * load.burst + 1e-9
    columns = [
        np.diff(np.floor(steps * load.video_rate + shift)),
        np.diff(np.floor(steps * load.audio_rate + shift)),
        np.diff(np.floor(steps / load.rtcp_every + shift)) if load.rtcp_every else np.zeros(number),
        np.diff(np.floor(steps / load.check_every + shift)) if load.check_every else np.zeros(number),
    ]
    counts = np.stack(columns, axis=1).astype(np.int64)
    kinds = np.repeat(np.tile(np.arange(len(Kind), dtype=np.uint8), number), counts.ravel())
    bursts = np.repeat(np.arange(number), counts.sum(axis=1))
    return Timetable(kinds, bursts, counts.sum(axis=1), shift * load.burst)


@dataclass(frozen=True, slots=True)
class Messages:
    """A peer's datagrams as they are handed to the kernel: message k is `sizes[k]` of them from `first[k]` on.

    `bursts` says to which burst a message belongs, `counts` how many messages each burst has.
    """

    first: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    bursts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def taken(self, taken: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return for each datagram whether the kernel took it, from how many messages it took of each burst."""
        within = np.arange(len(self.first)) - (np.cumsum(self.counts) - self.counts)[self.bursts]
        return np.repeat(within < taken[self.bursts], self.sizes)


def in_messages(plan: Timetable, most: int) -> Messages:
    """Put a burst's video packets, with an audio packet behind them, into one message of at most `most` datagrams.

    The kernel cuts such a message into datagrams of one size, of which the last may be shorter. All others go alone.
    """
    places = np.arange(len(plan.kinds)) - (np.cumsum(plan.counts) - plan.counts)[plan.bursts]
    joins = np.zeros(len(plan.kinds), np.bool_)
    joins[1:] = (plan.kinds[:-1] == Kind.VIDEO) & (plan.kinds[1:] <= Kind.AUDIO)
    first = np.flatnonzero(~joins | (places % most == 0))
    bursts = plan.bursts[first]
    sizes = np.diff(first, append=len(plan.kinds))
    return Messages(first, sizes, bursts, np.bincount(bursts, minlength=len(plan.counts)))


def memory_needed(load: Load, peers: int, seconds: float) -> float:
    """Return about how many bytes the packets of a run take while they wait to be sent."""
    # Tag, padding to a cache line, and the kernel's description of a message.
    overhead = 48 + 80 + 60
    each = load.video_rate * (load.video_size + overhead) + load.audio_rate * (load.audio_size + overhead)
    return peers * seconds * (each + 400 / load.rtcp_every if load.rtcp_every else each)


def seconds_that_fit(load: Load, peers: int, memory: float) -> float:
    """Return for how long `peers` can send what fits into `memory` bytes."""
    return memory / memory_needed(load, peers, 1.0)
