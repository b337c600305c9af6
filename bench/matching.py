"""Matches what came in with what was sent, by SSRC and sequence number, for whole runs at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.statistics import unwrap

Times = npt.NDArray[np.int64]
_NANOSECONDS_A_MILLISECOND = 1e6


@dataclass(frozen=True, slots=True)
class SentStream:
    """One stream's packets: when each was sent (nanoseconds, 0 for never), the first numbered `first`.

    SSRC and numbers are the ones under which the receiver sees them.
    """

    ssrc: int
    first: int
    sent_at: Times


@dataclass(frozen=True, slots=True)
class Sending:
    """All that was sent. `reports_at` are the times of RTCP packets; `lateness` and `bursts_at` go together.

    `unsent` counts datagrams that the kernel did not take.
    """

    streams: Sequence[SentStream]
    reports_at: Times
    bursts_at: Times
    lateness: Times
    unsent: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All that came in, in order: 12 bytes of each datagram, its length, and when it was taken (nanoseconds)."""

    heads: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.uint32]
    times: Times


@dataclass(frozen=True, slots=True)
class Measured:
    """The steady part of a run. Latency and lateness in milliseconds.

    `sent`, `received` and `duplicates` count RTP packets that were sent in the steady part, whenever they came;
    `forwarded` counts RTP and RTCP that came within it, `forwarded_bytes` their bytes.
    """

    sent: int
    received: int
    duplicates: int
    latency: npt.NDArray[np.float64]
    forwarded: int
    forwarded_rtcp: int
    forwarded_bytes: int
    reports_sent: int
    unknown: int
    unsent: int
    lateness: npt.NDArray[np.float64]

    @property
    def lost(self) -> int:
        """RTP packets sent and never received."""
        return self.sent - self.received


def measure(sending: Sending, arrivals: Arrivals, start: int, end: int) -> Measured:
    """Return what happened to the packets sent from `start` to `end`, nanoseconds of the clock used throughout."""
    heads = arrivals.heads
    is_media = heads[:, 0] >= 128
    is_report = is_media & (heads[:, 1] >= 192) & (heads[:, 1] <= 223)
    within = (arrivals.times >= start) & (arrivals.times < end)
    rtp = np.flatnonzero(is_media & ~is_report)
    numbers = _words(heads[rtp, 2:4], ">u2").astype(np.uint16)
    ssrcs = _words(heads[rtp, 8:12], ">u4")
    order = np.argsort(ssrcs, kind="stable")
    ssrcs, numbers, times = ssrcs[order], numbers[order], arrivals.times[rtp][order]
    sent = received = came = known = 0
    latencies: list[npt.NDArray[np.float64]] = []
    for stream in sending.streams:
        counted = (stream.sent_at >= start) & (stream.sent_at < end)
        sent += int(counted.sum())
        low, high = np.searchsorted(ssrcs, (stream.ssrc, stream.ssrc + 1))
        known += int(high - low)
        places = unwrap(numbers[low:high], stream.first) - stream.first
        fits = (places >= 0) & (places < len(stream.sent_at))
        places, arrived = places[fits], times[low:high][fits]
        mine = counted[places]
        places, first_seen = np.unique(places[mine], return_index=True)
        came += int(mine.sum())
        received += len(places)
        latencies.append((arrived[mine][first_seen] - stream.sent_at[places]) / _NANOSECONDS_A_MILLISECOND)
    steady = (sending.bursts_at >= start) & (sending.bursts_at < end)
    return Measured(
        sent=sent,
        received=received,
        duplicates=came - received,
        latency=np.concatenate(latencies) if latencies else np.empty(0),
        forwarded=int((is_media & within).sum()),
        forwarded_rtcp=int((is_report & within).sum()),
        forwarded_bytes=int(arrivals.lengths[is_media & within].sum(dtype=np.int64)),
        reports_sent=int(((sending.reports_at >= start) & (sending.reports_at < end)).sum()),
        unknown=len(rtp) - known,
        unsent=sending.unsent,
        lateness=sending.lateness[steady] / _NANOSECONDS_A_MILLISECOND,
    )


def _words(parts: npt.NDArray[np.uint8], form: str) -> npt.NDArray[np.int64]:
    """Return big-endian numbers that stand in the rows of a byte array."""
    return np.ascontiguousarray(parts).view(form).ravel().astype(np.int64)
