"""Facts of thousands of live calls into log and meters: what recording costs of a core, and reading a call."""

import argparse
import secrets
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bench.io.context import Context
from bench.report import Figure, ScenarioResult
from bench.statistics import distribution
from billing.chain import START, link, verify
from billing.fact_row import FactRow, row_of
from billing.io.fact_log import FactLog
from billing.meter import replay
from store.facts import BothAlive, LegConnected, MediaFact, Stamp
from store.ids import CallId, LegId, Seat
from store.io.database import Database

BAR_CALLS, BAR_SHARE = 10_000, 100
# A sign of life of each call every 5 s (sfu.consent.BOTH_ALIVE_PERIOD).
_PERIOD = 5.0
_HOUR = 3600
_REPETITIONS = 30


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how many calls, for how long, and where to."""
    parser.add_argument("--calls", type=int, default=10_000, metavar="N", help="live calls")
    parser.add_argument("--workers", type=int, default=8, metavar="N", help="media workers that carry them")
    parser.add_argument("--talk", type=float, default=60.0, metavar="SECONDS", help="of talk, told at once")
    parser.add_argument("--pace", type=float, default=0.2, metavar="SECONDS", help="between two batches")
    parser.add_argument("--database", default="", metavar="URL", help="postgresql://… instead of SQLite")


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Record the facts of so many calls, then read them."""
    with tempfile.TemporaryDirectory(prefix="visavis-bench-") as folder:
        database = await Database.open(options.database or f"sqlite:///{folder}/visavis.sqlite3")
        try:
            recorded = await _record(options, context, database)
            started_again = await _start_again(options, database)
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
        finally:
            await database.close()
    bytes_each = None if options.database else size / (options.calls * (3 + options.talk / _PERIOD))
    return ScenarioResult(
        scenario="metering",
        options={name: getattr(options, name) for name in ("calls", "workers", "talk", "pace")}
        | {"database": "postgresql" if options.database else "sqlite"},
        summary=[
            *recorded,
            *started_again,
            *_one_call(),
            Figure(name="on disk", value=bytes_each, unit="bytes per fact, the write-ahead log with it"),
        ],
        notes=[
            "CPU is this process's, in all its threads; a database server's own is not in it.",
            "Facts were told without the pauses between them: the shares are CPU seconds per second of talk.",
        ],
        complete=not context.stopping.is_set(),
    )


class _Workers:
    """Tells the facts of the calls: each worker numbers its own."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._began = datetime.now(UTC)
        self._boots = [secrets.token_hex(8) for _ in range(options.workers)]
        self._seqs = [0] * options.workers
        self.calls = [CallId(f"cal_{number:022}") for number in range(options.calls)]

    def stamp(self, number: int, second: float) -> Stamp:
        worker = number % len(self._seqs)
        self._seqs[worker] += 1
        at = self._began + timedelta(seconds=second)
        return Stamp(self._boots[worker], self._seqs[worker], int(second * 1000), at)

    def connected(self) -> list[MediaFact]:
        return [
            LegConnected(call, LegId(f"leg_{number:021}{seat.value[1]}"), seat, self.stamp(number, 0))
            for number, call in enumerate(self.calls)
            for seat in Seat
        ]

    def signs(self, begin: float, end: float) -> list[MediaFact]:
        """Return the signs of life that fall between two seconds; the calls' are spread evenly over the period."""
        count = len(self.calls)
        first, last = (round(second / _PERIOD * count) for second in (begin, end))
        facts: list[MediaFact] = []
        for index in range(first, last):
            stamp = self.stamp(index % count, end)
            facts.append(BothAlive(self.calls[index % count], stamp.monotonic_ms - 10, stamp))
        return facts


async def _record(options: argparse.Namespace, context: Context, database: Database) -> list[Figure]:
    context.progress.step(f"{options.calls} calls, {options.talk:g} s of talk")
    workers, log = _Workers(options), FactLog(database)
    connected = workers.connected()
    for start in range(0, len(connected), 1000):
        await log.append(connected[start : start + 1000])
    appending = reading = 0.0
    facts = steps = 0
    walls = []
    while steps == 0 or (steps * options.pace < options.talk and not context.stopping.is_set()):
        batch = workers.signs(steps * options.pace, (steps + 1) * options.pace)
        steps += 1
        cpu, wall = time.process_time(), time.perf_counter()
        await log.append(batch)
        walls.append(1000 * (time.perf_counter() - wall))
        read = time.process_time()
        for fact in batch:
            await log.reading(fact.call)
        appending, reading = appending + read - cpu, reading + time.process_time() - read
        facts += len(batch)
        context.progress.at(steps * options.pace / options.talk)
    second = steps * options.pace
    times = distribution(walls)
    share = 100 * appending / second
    judged = options.calls >= BAR_CALLS
    return [
        Figure(name="facts recorded", value=facts / second, unit="per second of talk"),
        Figure(
            name="recording",
            value=share,
            unit="% of a core",
            bar=f"< {BAR_SHARE} at {BAR_CALLS} calls",
            kept=share < BAR_SHARE if judged else None,
        ),
        Figure(name="a reading after each fact", value=100 * reading / second, unit="% of a core"),
        Figure(name="CPU per fact recorded", value=1e6 * appending / facts, unit="µs"),
        Figure(name="one batch to the database, p50", value=times.p50, unit="ms"),
        Figure(name="one batch to the database, p99", value=times.p99, unit="ms"),
    ]


async def _start_again(options: argparse.Namespace, database: Database) -> list[Figure]:
    """Measure a web process that knows no call yet: the first fact of each has it look."""
    workers, log = _Workers(options), FactLog(database)
    cpu = time.process_time()
    for start in range(0, options.calls, 1000):
        await log.append(workers.signs(start / options.calls * _PERIOD, (start + 1000) / options.calls * _PERIOD))
    spent = time.process_time() - cpu
    return [Figure(name="first fact of every call after a restart", value=spent, unit="s of CPU")]


def _one_call() -> list[Figure]:
    """Measure the hour-long call of somebody who reconnects every ten minutes."""
    call, facts, rows = CallId("cal_1"), list[MediaFact](), list[FactRow]()
    for second in range(0, _HOUR, int(_PERIOD)):
        at = datetime.now(UTC)
        if second % 600 == 0:
            for seat in Seat:
                leg = LegId(f"leg_{seat}_{second}")
                facts.append(LegConnected(call, leg, seat, Stamp("boot", len(facts) + 1, 1000 * second, at)))
        facts.append(BothAlive(call, 1000 * second + 4990, Stamp("boot", len(facts) + 1, 1000 * second + 5000, at)))
    for number, fact in enumerate(facts, 1):
        row = row_of(fact, number)
        rows.append(replace(row, hash=link(rows[-1].hash if rows else START, row)))
    replays, checks = [], []
    for _ in range(_REPETITIONS):
        began = time.perf_counter()
        replay(facts)
        replays.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        verify(call, rows)
        checks.append(1000 * (time.perf_counter() - began))
    return [
        Figure(name=f"replay of an hour ({len(facts)} facts)", value=median(replays), unit="ms"),
        Figure(name="check of its hash chain", value=median(checks), unit="ms"),
    ]
