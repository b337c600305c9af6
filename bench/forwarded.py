"""What the `forwarding` scenario found, as figures, tables and charts."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.report import Chart, Figure, Series, Table
from bench.statistics import loss, slope, spread

# What counts as carried: so much loss, and so late a packet in a hundred (ms).
MOST_LOST, LONGEST_P99 = 0.001, 20.0
# What is asked of the server itself.
_SET_UP_BAR, _MEMORY_BAR, _GROWTH_BAR = 1.6, 340.0, 1.1
_FEW, _MANY = 50, 400


@dataclass(frozen=True, slots=True)
class SetUp:
    """After a set-up: calls in all, CPU seconds of the workers for each new peer, and their resident memory, bytes."""

    calls: int
    cpu: float
    rss: int


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement. Packets are RTP, but `forwarded` counts RTCP too; times in ms, CPU in seconds.

    `cpu` and `rss` of the server are None when it is on another machine. `lateness` is the p99 of the generator's.
    """

    calls: int
    offered: float
    seconds: float
    sent: int
    received: int
    forwarded: int
    duplicates: int
    bytes: int
    cpu: float | None
    p50: float
    p99: float
    generator_cpu: float
    lateness: float
    generator_bound: bool
    rss: int | None
    dropped: dict[str, int]

    @property
    def loss(self) -> float:
        """The lost share, 0..1."""
        return loss(self.sent, self.received)

    @property
    def rate(self) -> float:
        """Datagrams that came out of the server, a second."""
        return self.forwarded / self.seconds if self.seconds else 0.0

    @property
    def cpu_each(self) -> float | None:
        """CPU µs of the server for each of them."""
        return None if self.cpu is None or not self.forwarded else 1e6 * self.cpu / self.forwarded

    @property
    def generator_cpu_each(self) -> float | None:
        """CPU µs of the generator for each RTP packet sent, receiving included."""
        return 1e6 * self.generator_cpu / self.sent if self.sent else None

    @property
    def carried(self) -> bool:
        """Whether it was sent in time and the server carried it: less than 0.1 % lost and a p99 under 20 ms."""
        return not self.generator_bound and self.sent > 0 and self.loss < MOST_LOST and self.p99 < LONGEST_P99


def figures(points: Sequence[Point], set_ups: Sequence[SetUp], best: Point | None, limit: str) -> list[Figure]:
    """Return the summary: the largest point of the curve, the set-up, and the most that was carried."""
    if not points:
        return []
    at = [point for point in points if point.calls == points[-1].calls and point.offered == points[-1].offered]
    if best is not None:
        at = [best]
    where = f"{at[-1].calls} calls"
    found = [
        _spread("CPU per forwarded packet", [p.cpu_each for p in at], "µs", where),
        _spread("packets out", [p.rate for p in at], "packets/s", where),
        _spread("added latency, p50", [p.p50 for p in at], "ms", "send to arrival, nothing subtracted"),
        _spread("added latency, p99", [p.p99 for p in at], "ms"),
        _spread("loss", [100 * p.loss for p in at], "%"),
        _spread(
            "server CPU",
            [100 * p.cpu / p.seconds if p.cpu is not None and p.seconds else None for p in at],
            "% of a core",
        ),
        _spread("generator CPU per packet", [p.generator_cpu_each for p in at], "µs", "sending and receiving"),
    ]
    if best is not None:
        found.insert(0, Figure(name="most packets carried", value=best.rate, unit="packets/s", note=limit))
    return [*found, *_set_up(set_ups), *_growth(points)]


def _spread(name: str, values: Sequence[float | None], unit: str, note: str = "") -> Figure:
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return Figure(name=name, value=None, unit=unit, note=note)
    around = spread(known)
    low, high = (around.low, around.high) if len(known) > 1 else (None, None)
    return Figure(name=name, value=around.median, unit=unit, low=low, high=high, note=note)


def _set_up(set_ups: Sequence[SetUp]) -> list[Figure]:
    last = set_ups[-1]
    made = [one for one in set_ups if one.calls and math.isfinite(one.cpu)]
    if not made:
        return []
    milliseconds = 1000 * sum(one.cpu for one in made) / len(made)
    kilobytes = memory_by_call(set_ups)
    return [
        Figure(
            name="set-up CPU per peer",
            value=milliseconds,
            unit="ms",
            bar=f"≤ {_SET_UP_BAR}",
            kept=milliseconds <= _SET_UP_BAR,
            note="in the workers",
        ),
        Figure(
            name="memory per call",
            value=kilobytes,
            unit="KB",
            bar=f"≤ {_MEMORY_BAR:.0f}",
            kept=kilobytes <= _MEMORY_BAR,
            note=f"slope of resident memory up to {last.calls} calls",
        ),
    ]


def memory_by_call(set_ups: Sequence[SetUp]) -> float:
    """Return the growth of resident memory with each call, in KB; from the first call on where that can be told.

    The first call also loads what all others share.
    """
    busy = [one for one in set_ups if one.calls]
    used = busy if len(busy) > 1 else set_ups
    return slope([one.calls for one in used], [one.rss / 1000 for one in used])


def _growth(points: Sequence[Point]) -> list[Figure]:
    few = [p.cpu_each for p in points if p.calls == _FEW and p.cpu_each is not None]
    many = [p.cpu_each for p in points if p.calls == _MANY and p.cpu_each is not None]
    if not few or not many:
        return []
    ratio = spread(many).median / spread(few).median
    return [
        Figure(
            name=f"CPU per packet, {_MANY} calls against {_FEW}",
            value=ratio,
            bar=f"≤ {_GROWTH_BAR}",
            kept=ratio <= _GROWTH_BAR,
        )
    ]


def tables(points: Sequence[Point]) -> list[Table]:
    """Return every measurement, and what the server says it dropped."""
    if not points:
        return []
    columns = ["calls", "offered/s", "out/s", "Mbit/s", "loss %", "p50 ms", "p99 ms", "server µs", "server %"]
    columns += ["generator µs", "generator %", "late p99 ms", "limit"]
    measured = Table(
        title="Measurements",
        columns=columns,
        rows=[
            [
                p.calls,
                p.offered,
                round(p.rate),
                8e-6 * p.bytes / p.seconds if p.seconds else None,
                100 * p.loss,
                p.p50,
                p.p99,
                p.cpu_each,
                None if p.cpu is None or not p.seconds else 100 * p.cpu / p.seconds,
                p.generator_cpu_each,
                100 * p.generator_cpu / p.seconds if p.seconds else None,
                p.lateness,
                "generator-bound" if p.generator_bound else "",
            ]
            for p in points
        ],
    )
    reasons = sorted({reason for p in points for reason in p.dropped})
    if not reasons:
        return [measured]
    rows: list[list[str | float | int | None]] = [
        [p.calls, p.offered, *(p.dropped.get(reason, 0) for reason in reasons)] for p in points
    ]
    return [measured, Table(title="Dropped, as the server counts", columns=["calls", "offered/s", *reasons], rows=rows)]


def charts(points: Sequence[Point], set_ups: Sequence[SetUp]) -> list[Chart]:
    """Return the curves over the calls, where there are several, or over the offered load of a search."""
    if len({p.calls for p in points}) > 1:
        return [*_curves(points, "calls", [float(p.calls) for p in points]), *_memory(set_ups)]
    if len({p.offered for p in points}) > 1:
        return _curves(points, "packets/s offered", [p.offered for p in points])
    return []


def _curves(points: Sequence[Point], x: str, xs: Sequence[float]) -> list[Chart]:
    log = x == "calls"

    def line(name: str, values: Sequence[float | None]) -> Series:
        by_x: dict[float, list[float]] = {}
        for at, value in zip(xs, values, strict=True):
            if value is not None and math.isfinite(value):
                by_x.setdefault(at, []).append(value)
        return Series(name, [(at, spread(several).median) for at, several in sorted(by_x.items())])

    return [
        Chart(
            title="CPU per forwarded packet",
            x=x,
            y="µs",
            series=[
                line("server", [p.cpu_each for p in points]),
                line("generator", [p.generator_cpu_each for p in points]),
            ],
            log_x=log,
        ),
        Chart(
            title="Added latency",
            x=x,
            y="ms",
            series=[line("p50", [p.p50 for p in points]), line("p99", [p.p99 for p in points])],
            log_x=log,
        ),
        Chart(title="Packets out", x=x, y="packets/s", series=[line("out", [p.rate for p in points])], log_x=log),
        Chart(title="Loss", x=x, y="%", series=[line("lost", [100 * p.loss for p in points])], log_x=log),
    ]


def _memory(set_ups: Sequence[SetUp]) -> list[Chart]:
    series = [Series("workers", [(float(one.calls), one.rss / 1e6) for one in set_ups if one.rss])]
    return [Chart(title="Resident memory", x="calls", y="MB", series=series)]


def notes(points: Sequence[Point], failed: Counter[str], shortened: float) -> list[str]:
    """Return what a reader must know to judge the figures."""
    said = [f"{count} calls could not be set up: {reason}." for reason, count in failed.most_common()]
    if shortened:
        said.append(
            f"Measurements were shortened, to {shortened:.1f} s at the least, to keep the packets prepared in advance "
            "within --memory."
        )
    if any(p.generator_bound for p in points):
        said.append(
            "Where it says generator-bound the generator sent late, so the server may carry more than is shown."
        )
    if any(p.duplicates for p in points):
        said.append(f"{sum(p.duplicates for p in points)} packets came more than once; they count once.")
    return said
