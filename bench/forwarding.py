"""Synthetic calls over real ICE and DTLS-SRTP: what a forwarded packet costs, and how many there may be."""

import argparse
import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from bench.forwarded import Point, SetUp, charts, figures, notes, tables
from bench.io import practice
from bench.io.carriers import ApiCalls, Carrier
from bench.io.contender import ContenderMissing, Ground
from bench.io.context import Context
from bench.io.native_pump import generator
from bench.io.own_worker import OwnWorker
from bench.io.peer import PROFILES, MediaPeer, PeerFailed
from bench.io.processes import Usage, cpu_seconds, usage
from bench.io.target import TargetProblem
from bench.io.traffic import NoMedia, Outcome, Traffic
from bench.plans import Load
from bench.report import Cell, ScenarioResult
from bench.search import Search
from bench.statistics import percentile

_LOOPBACK = "127.0.0.1"
_JOINING = 8
# Queues of the last run drain first.
_PAUSE = 0.3
# A participant is capped at 4000 packets/s by Visavis, whatever its bit rate.
_MOST_BY_PEER = 3500.0
_MOST_CALLS = 2000.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what this scenario takes."""
    load = Load()
    add = parser.add_argument
    add("--calls", type=_numbers, default=[50], metavar="N,N,…", help="calls; several numbers make a curve [50]")
    add("--seconds", type=float, default=5.0, help="length of one measurement [5]")
    add("--repeat", type=int, default=1, help="measurements at each point [1]")
    add("--rate", type=float, default=load.video_rate, help=f"video packets/s of each peer [{load.video_rate:.0f}]")
    add("--size", type=int, default=load.video_size, help=f"bytes of a video packet [{load.video_size}]")
    add(
        "--audio-rate",
        type=float,
        default=load.audio_rate,
        help=f"audio packets/s of each peer [{load.audio_rate:.0f}]",
    )
    add("--audio-size", type=int, default=load.audio_size, help=f"bytes of an audio packet [{load.audio_size}]")
    add("--rtcp-every", type=float, default=load.rtcp_every, help=f"seconds between reports [{load.rtcp_every}]")
    add("--profile", choices=sorted(PROFILES), help="the one SRTP profile to offer [the server's choice]")
    add("--direct", action="store_true", help="calls on a media worker's control socket, without the web side")
    add(
        "--search",
        choices=("rate", "calls"),
        help="look for the most packets/s with < 0.1 %% loss and p99 < 20 ms, by more packets or more calls",
    )
    practice.add_email_option(parser)
    add("--memory", type=int, default=1536, metavar="MB", help="for packets prepared in advance [1536]")


def _numbers(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    if not numbers or numbers[0] < 1:
        raise argparse.ArgumentTypeError("numbers from 1 on, separated by commas")
    return numbers


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Measure. Raises `TargetProblem` when the server cannot be used."""
    with tempfile.TemporaryDirectory(prefix="visavis-bench-") as folder:
        carrier = await _carrier(options, context, Path(folder))
        try:
            bench = _Forwarding(options, context, carrier)
            await bench.measure()
        finally:
            await carrier.stop()
    return bench.result(complete=not context.stopping.is_set())


async def _carrier(options: argparse.Namespace, context: Context, folder: Path) -> Carrier:
    if not options.direct:
        target = await context.target(options=("--join-before", "60"))
        return ApiCalls(await target.__aenter__(), options.profile, options.practitioner)
    if context.url is not None:
        raise TargetProblem("--direct measures a media worker that it starts itself: it takes no --url.")
    context.progress.step("starting a media worker")
    worker = OwnWorker(context.loop, options.profile)
    try:
        await worker.start(Ground(folder, _LOOPBACK, context.pinning))
    except ContenderMissing as missing:
        await worker.stop()
        raise TargetProblem(f"There is nothing to measure. {missing}") from missing
    context.pinning.take_generator()
    return worker


class _Forwarding:
    """One run of the scenario."""

    def __init__(self, options: argparse.Namespace, context: Context, carrier: Carrier) -> None:
        self._options = options
        self._context = context
        self._carrier = carrier
        self._load = Load(
            video_rate=options.rate,
            video_size=options.size,
            audio_rate=options.audio_rate,
            audio_size=options.audio_size,
            rtcp_every=options.rtcp_every,
        )
        self._pids = carrier.pids()
        self._traffic = Traffic([], self._load, memory=options.memory * 2**20)
        self._calls = 0
        self._failed: Counter[str] = Counter()
        self._set_ups = [SetUp(0, 0.0, self._usage().rss)]
        self._points: list[Point] = []
        self._best: Point | None = None
        self._limit = ""
        self._shortened = 0.0

    async def measure(self) -> None:
        """Measure each point of the curve, then search. Ends early when stopped."""
        for calls in self._options.calls:
            if not await self._open(calls):
                return
            for number in range(self._options.repeat):
                if self._context.stopping.is_set():
                    return
                self._context.progress.step(f"{calls} calls, measurement {number + 1} of {self._options.repeat}")
                self._points.append(await self._point(self._load, self._calls))
                self._context.keep(self.result(complete=False))
        if self._options.search is not None:
            await self._search()

    # -- calls -----------------------------------------------------------------------------------------------

    async def _open(self, calls: int) -> bool:
        """Have so many calls in all. Returns whether there are any that could be measured."""
        wanted = calls - self._calls
        if wanted > 0:
            self._context.progress.step(f"setting up {wanted} calls")
            before = self._usage()
            pairs = await self._join(wanted)
            self._traffic.add(pairs)
            self._calls += len(pairs)
            try:
                await self._traffic.check_media()
            except NoMedia as error:
                raise TargetProblem(f"The calls were set up, but media does not pass: {error}.") from error
            after = self._usage()
            cpu = after.cpu - before.cpu if self._pids else float("nan")
            self._set_ups.append(SetUp(self._calls, cpu / (2 * len(pairs)) if pairs else float("nan"), after.rss))
        if not self._calls and self._failed:
            raise TargetProblem(f"No call could be set up: {self._failed.most_common(1)[0][0]}.")
        return self._calls > 0

    async def _join(self, wanted: int) -> list[tuple[MediaPeer, MediaPeer]]:
        allowed, pairs = asyncio.Semaphore(_JOINING), list[tuple[MediaPeer, MediaPeer]]()

        async def one() -> None:
            async with allowed:
                if self._context.stopping.is_set():
                    return
                try:
                    pairs.append(await self._carrier.join())
                except (PeerFailed, TimeoutError) as error:
                    self._failed[str(error) or "no answer of the worker"] += 1
                self._context.progress.at(len(pairs) / wanted)

        await asyncio.gather(*(one() for _ in range(wanted)))
        return pairs

    # -- measuring -------------------------------------------------------------------------------------------

    async def _point(self, load: Load, calls: int) -> Point:
        await asyncio.sleep(_PAUSE)
        seconds = self._traffic.fit(self._options.seconds, load=load, pairs=calls)
        if seconds < self._options.seconds:
            self._shortened = min(seconds, self._shortened or seconds)
        drops = await self._carrier.drops()
        outcome = await self._traffic.run(
            seconds,
            settle=min(0.5, seconds / 4),
            at_edges=self._cpu,
            stopping=self._context.stopping.is_set,
            load=load,
            pairs=calls,
        )
        dropped = await self._carrier.drops() - drops
        return self._as_point(outcome, load, calls, dropped)

    def _as_point(self, outcome: Outcome, load: Load, calls: int, dropped: Counter[str]) -> Point:
        measured = outcome.measured
        return Point(
            calls=calls,
            offered=2 * calls * load.media_rate,
            seconds=outcome.seconds,
            sent=measured.sent,
            received=measured.received,
            forwarded=measured.forwarded,
            duplicates=measured.duplicates,
            bytes=measured.forwarded_bytes,
            cpu=outcome.after - outcome.before if self._pids else None,
            p50=percentile(measured.latency, 50),
            p99=percentile(measured.latency, 99),
            generator_cpu=outcome.generator_cpu,
            lateness=percentile(measured.lateness, 99),
            generator_bound=outcome.generator_bound,
            rss=self._usage().rss if self._pids else None,
            dropped=dict(dropped),
        )

    def _cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in self._pids)

    def _usage(self) -> Usage:
        return usage(self._pids)

    # -- the most --------------------------------------------------------------------------------------------

    async def _search(self) -> None:
        by_calls = self._options.search == "calls"
        limit = _MOST_CALLS if by_calls else _MOST_BY_PEER / self._load.media_rate
        search = Search(float(self._calls) if by_calls else 1.0, limit)
        lowest: Point | None = None
        while (value := search.next) is not None and not self._context.stopping.is_set():
            calls = max(1, round(value)) if by_calls else self._calls
            load = self._load if by_calls else self._load.faster(value)
            if by_calls:
                await self._open(calls)
            self._context.progress.step(f"searching: {2 * calls * load.media_rate:,.0f} packets/s")
            point = await self._point(load, min(calls, self._calls))
            if not point.carried and not self._context.stopping.is_set():
                point = await self._point(load, min(calls, self._calls))
            carried = point.carried
            if not carried and (lowest is None or point.offered < lowest.offered):
                lowest = point
            search.tell(carried)
            self._points.append(point)
            if carried and (self._best is None or point.offered > self._best.offered):
                self._best = point
            self._context.keep(self.result(complete=False))
        if search.at_limit:
            self._limit = "at least: the search went no higher"
        elif lowest is not None and lowest.generator_bound:
            self._limit = "at least: the generator was late at the next load"

    # -- the report ------------------------------------------------------------------------------------------

    def result(self, *, complete: bool) -> ScenarioResult:
        """Return what was found so far."""
        options = self._options
        shown: dict[str, Cell] = {
            "calls": ", ".join(map(str, options.calls)),
            "way in": "a media worker's control socket" if options.direct else "the public API",
            "packet loop": self._context.loop if self._context.url is None else "the server's",
            "video": f"{options.rate:g}/s of {options.size} bytes",
            "audio": f"{options.audio_rate:g}/s of {options.audio_size} bytes",
            "reports every": f"{options.rtcp_every:g} s",
            "profile": options.profile or "the server's choice",
            "seconds": options.seconds,
            "generator": generator(),
        }
        said = notes(self._points, self._failed, self._shortened)
        if not self._context.pinning.server:
            said.append("Server and generator were not kept to cores of their own.")
        return ScenarioResult(
            scenario="forwarding",
            options=shown,
            summary=figures(self._points, self._set_ups, self._best, self._limit),
            tables=tables(self._points),
            charts=charts(self._points, self._set_ups),
            notes=said,
            complete=complete,
        )
