"""A worker's counters as `sfu.control` reports them."""

from collections import Counter

from sfu.control import LegStatistics, StreamStatistics
from sfu.drops import DropReason
from sfu.leg import Leg


class Rates:
    """Bit rates of legs over the last full second. Call `measure` once a second."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, int]] = {}
        self._at = 0.0

    def measure(self, legs: list[Leg], now: float) -> None:
        """Write each leg's `bitrate_in` and `bitrate_out`, in bits/s."""
        span = now - self._at
        before, self._before = self._before, {leg.id: (leg.bytes_in, leg.bytes_out) for leg in legs}
        self._at = now
        for leg in legs:
            if leg.id in before:
                bytes_in, bytes_out = before[leg.id]
                leg.bitrate_in = int((leg.bytes_in - bytes_in) * 8 / span)
                leg.bitrate_out = int((leg.bytes_out - bytes_out) * 8 / span)


def drops(counter: Counter[DropReason]) -> dict[str, int]:
    """Return the counts by the reasons' names."""
    return {reason.value: count for reason, count in counter.items()}


def leg_statistics(leg: Leg) -> LegStatistics:
    """Return a leg's counters since it opened."""
    return LegStatistics(
        leg=leg.id,
        call=leg.call,
        seat=leg.seat,
        state=leg.state.value,
        transport=leg.path.transport if leg.path is not None else "",
        packets_in=leg.packets_in,
        bytes_in=leg.bytes_in,
        packets_out=leg.packets_out,
        bytes_out=leg.bytes_out,
        bitrate_in=leg.bitrate_in,
        bitrate_out=leg.bitrate_out,
        dropped=drops(leg.dropped),
        streams=[
            StreamStatistics(
                ssrc=stream.ssrc,
                mid=chr(stream.mid),
                packets=stream.packets,
                bytes=stream.bytes,
                lost_fraction=stream.lost_fraction,
                jitter_ms=stream.jitter_ms,
                rtt_ms=stream.rtt_ms,
            )
            for stream in leg.streams.values()
        ],
    )
