"""What the comparison with other servers found, round by round, and the report of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.report import Cell, Chart, Figure, Series, Table
from bench.statistics import ratios, spread

NATIVE, PYTHON = "Visavis, native loop", "Visavis, Python loop"
JANUS = "Janus"
BARE_SRTP, BARE = "bare C loop with SRTP", "bare C loop, moving only"


@dataclass(frozen=True, slots=True)
class Trial:
    """One load on one server. Packets are RTP packets; times in milliseconds, CPU in seconds of the server.

    `received` of `sent` have come, at whatever time; `arrived` counts what came within `seconds`, as `cpu` does.
    """

    offered: float
    sent: int
    received: int
    arrived: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    generator_cpu: float
    generator_bound: bool

    @property
    def generator_cpu_each(self) -> float | None:
        """CPU µs of the generator for each packet sent, receiving included."""
        return 1e6 * self.generator_cpu / self.sent if self.sent else None

    @property
    def rate(self) -> float:
        """Packets that arrived, a second."""
        return self.arrived / self.seconds if self.seconds else 0.0

    @property
    def cpu_each(self) -> float | None:
        """CPU µs of the server for each packet that arrived."""
        return 1e6 * self.cpu / self.arrived if self.arrived else None

    def carried(self, most_lost: float, longest_p99: float) -> bool:
        """Whether it was sent in time and the server carried it: less than that share lost and than that p99 (ms)."""
        lost = 1 - self.received / self.sent if self.sent else 1.0
        return not self.generator_bound and lost < most_lost and self.p99 < longest_p99


@dataclass(frozen=True, slots=True)
class Bout:
    """One server's turn in one round. `most` is the highest load that it carried; None when it carried none.

    `capped` says why the search went no higher though the load was carried, else is empty. Set-up in CPU ms for each
    participant, memory in KB for each call.
    """

    server: str
    round: int
    setup: float
    memory: float
    part: Trial
    most: Trial | None
    capped: str = ""


Value = Callable[[Bout], float | None]


def part_cpu(bout: Bout) -> float | None:
    """CPU µs a packet at part load."""
    return bout.part.cpu_each


def full_cpu(bout: Bout) -> float | None:
    """CPU µs a packet near saturation."""
    return bout.most.cpu_each if bout.most is not None else None


def most_packets(bout: Bout) -> float | None:
    """Packets/s at the highest load that was carried."""
    return bout.most.rate if bout.most is not None else None


@dataclass(frozen=True, slots=True)
class _Ratio:
    name: str
    of: str
    against: str
    value: Value
    bar: float | None = None
    at_least: bool = False


_RATIOS = (
    _Ratio("CPU per packet near saturation, native against Janus", NATIVE, JANUS, full_cpu, 0.42),
    _Ratio("packets/s, native against Janus", NATIVE, JANUS, most_packets, 2.4, at_least=True),
    _Ratio("CPU per packet near saturation, native against bare with SRTP", NATIVE, BARE_SRTP, full_cpu, 1.25),
    _Ratio("packets/s, Python against Janus", PYTHON, JANUS, most_packets, 1.7, at_least=True),
    _Ratio("CPU per packet at part load, native against Janus", NATIVE, JANUS, part_cpu),
    _Ratio("CPU per packet at part load, native against bare with SRTP", NATIVE, BARE_SRTP, part_cpu),
    _Ratio("packets/s, native against bare with SRTP", NATIVE, BARE_SRTP, most_packets),
    _Ratio("CPU per packet near saturation, Python against native", PYTHON, NATIVE, full_cpu),
)


def figures(bouts: Sequence[Bout]) -> list[Figure]:
    """Return the ratios, each taken round by round, with their spread over the rounds."""
    return [_figure(ratio, bouts) for ratio in _RATIOS]


def _figure(ratio: _Ratio, bouts: Sequence[Bout]) -> Figure:
    tops, bottoms = _by_round(bouts, ratio.of, ratio.value), _by_round(bouts, ratio.against, ratio.value)
    rounds = sorted(tops.keys() & bottoms.keys())
    found = ratios([tops[number] for number in rounds], [bottoms[number] for number in rounds])
    bar = "" if ratio.bar is None else f"{'≥' if ratio.at_least else '≤'} {ratio.bar:g}"
    if not rounds:
        return Figure(name=ratio.name, value=None, bar=bar, note="not measured")
    kept, note = _judge(ratio, found.median, bouts)
    return Figure(name=ratio.name, value=found.median, low=found.low, high=found.high, bar=bar, kept=kept, note=note)


def _judge(ratio: _Ratio, value: float, bouts: Sequence[Bout]) -> tuple[bool | None, str]:
    """Return whether the bar was kept, None when that cannot be said, and a remark.

    A server that was not driven to its end may carry more: then only what is good enough already can be said.
    """
    if ratio.bar is None:
        return None, ""
    held_back = (
        [bout.server for bout in bouts if bout.server in (ratio.of, ratio.against) and bout.capped]
        if ratio.value is not part_cpu
        else []
    )
    good = value >= ratio.bar if ratio.at_least else value <= ratio.bar
    if not held_back or (good and ratio.at_least and ratio.against not in held_back):
        return good, ""
    return None, f"not judged: not driven to its end: {', '.join(dict.fromkeys(held_back))}"


def _by_round(bouts: Sequence[Bout], server: str, value: Value) -> dict[int, float]:
    found = {bout.round: value(bout) for bout in bouts if bout.server == server}
    return {number: each for number, each in found.items() if each is not None}


_COLUMNS: tuple[tuple[str, Value], ...] = (
    ("CPU µs a packet, part load", part_cpu),
    ("p50 ms", lambda bout: bout.part.p50),
    ("p99 ms", lambda bout: bout.part.p99),
    ("packets/s, most", most_packets),
    ("CPU µs a packet there", full_cpu),
    ("p99 ms there", lambda bout: bout.most.p99 if bout.most is not None else None),
    ("generator's CPU µs there", lambda bout: bout.most.generator_cpu_each if bout.most is not None else None),
    ("set-up CPU ms a peer", lambda bout: bout.setup),
    ("memory KB a call", lambda bout: bout.memory),
)


def tables(bouts: Sequence[Bout]) -> list[Table]:
    """Return one table of medians by server and one of every trial that counted."""
    servers = list(dict.fromkeys(bout.server for bout in bouts))
    rows: list[list[Cell]] = [[server, *(_median(bouts, server, value) for _, value in _COLUMNS)] for server in servers]
    medians = Table(
        title="Servers, medians over the rounds",
        columns=["server", *(name for name, _ in _COLUMNS)],
        rows=rows,
        note="All on one core, with the same generator and AES-128-GCM; packets are RTP packets that came out.",
    )
    each: list[list[Cell]] = [
        [bout.round, bout.server, part_cpu(bout), most_packets(bout), full_cpu(bout), bout.capped] for bout in bouts
    ]
    columns = ["round", "server", "CPU µs a packet, part load", "packets/s, most", "CPU µs a packet there", "remark"]
    return [medians, Table(title="Every round, in the order it was run", columns=columns, rows=each)]


def _median(bouts: Sequence[Bout], server: str, value: Value) -> float | None:
    found = list(_by_round(bouts, server, value).values())
    return spread(found).median if found else None


def charts(bouts: Sequence[Bout]) -> list[Chart]:
    """Return the highest packet rates round by round: how steady the machine was."""
    servers = list(dict.fromkeys(bout.server for bout in bouts))
    lines = [
        Series(server, [(float(number), value) for number, value in _by_round(bouts, server, most_packets).items()])
        for server in servers
    ]
    return [Chart(title="Most packets/s, round by round", x="round", y="packets/s", series=lines)]
