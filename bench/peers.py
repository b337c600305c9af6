"""Janus, bare C loops and our own loops, in one interleaved run on one core: ratios that hold on any machine."""

import argparse
import tempfile
from pathlib import Path

from bench.contest import Bout, charts, figures, tables
from bench.io.bare import Bare
from bench.io.bout import Interrupted, Plan, play
from bench.io.contender import Contender, ContenderMissing, Ground, own_address
from bench.io.context import Context
from bench.io.janus import Janus, JanusRefused
from bench.io.native_pump import generator
from bench.io.own_worker import OwnWorker
from bench.io.peer import PeerFailed
from bench.io.target import TargetProblem
from bench.io.traffic import NoMedia
from bench.plans import Load
from bench.report import ScenarioResult

_LOOPBACK = "127.0.0.1"
# Below the most of the round before, so that a search begins with a load that is carried.
_BEGIN_AT = 0.9


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what this scenario takes."""
    parser.add_argument("--calls", type=int, default=100, help="calls on each server [100]")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server has its turn [5]")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement [3]")
    parser.add_argument(
        "--only", default="", help="servers whose name contains one of these words, separated by commas"
    )


def contenders(only: str = "") -> list[Contender]:
    """Return the servers to compare, in their order within a round."""
    everyone: list[Contender] = [
        Janus(),
        OwnWorker("native"),
        OwnWorker("python"),
        Bare(protects=True),
        Bare(protects=False),
    ]
    words = [word.strip().lower() for word in only.split(",") if word.strip()]
    return [each for each in everyone if not words or any(word in each.name.lower() for word in words)]


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Measure. Raises `TargetProblem` when a server was given: this scenario starts its own."""
    if context.url is not None:
        raise TargetProblem("peers compares servers that it starts itself: it takes no --url.")
    present = contenders(options.only)
    if not present:
        raise TargetProblem(f"No server's name contains “{options.only}”.")
    contest = _Contest(options, context)
    context.pinning.take_generator()
    try:
        for number in range(1, options.rounds + 1):
            for contender in present:
                if contender.name not in contest.left_out:
                    await contest.turn(contender, number)
    except Interrupted:
        return contest.result(complete=False)
    return contest.result(complete=True)


class _Contest:
    def __init__(self, options: argparse.Namespace, context: Context) -> None:
        self._options = options
        self._context = context
        self._host = own_address()
        self._starts: dict[str, float] = {}
        self.bouts: list[Bout] = []
        self.left_out: dict[str, str] = {}

    async def turn(self, contender: Contender, number: int) -> None:
        """Play one server's turn; one that cannot is left out from now on. Raises `Interrupted`."""
        options, context = self._options, self._context
        context.progress.step(f"round {number} of {options.rounds}: {contender.name}")
        load = Load()
        plan = Plan(
            calls=options.calls,
            seconds=options.seconds,
            load=load,
            most_lost=0.001,
            longest_p99=20.0,
            start=self._starts.get(contender.name, 2.0),
            growth=1.2 if contender.name in self._starts else 1.5,
            number=number,
        )
        with tempfile.TemporaryDirectory(prefix="visavis-bench-") as folder:
            ground = Ground(Path(folder), self._host or _LOOPBACK, context.pinning)
            try:
                bout = await play(contender, ground, plan, context.stopping.is_set)
            except ContenderMissing as missing:
                self.left_out[contender.name] = f"{contender.name} is left out: {missing}"
                return
            except (PeerFailed, NoMedia, JanusRefused, TimeoutError) as failure:
                self.left_out[contender.name] = f"{contender.name} failed in round {number}: {failure or 'no answer'}."
                return
        self.bouts.append(bout)
        if bout.most is not None:
            self._starts[contender.name] = _BEGIN_AT * bout.most.offered / (2 * options.calls * load.media_rate)
        context.keep(self.result(complete=False))

    def result(self, *, complete: bool) -> ScenarioResult:
        options = self._options
        notes = list(self.left_out.values())
        if not self._context.pinning.server:
            notes.append("Nothing was pinned to a core: servers with several threads used more than one.")
        return ScenarioResult(
            scenario="peers",
            options={
                "calls": options.calls,
                "rounds": options.rounds,
                "seconds": options.seconds,
                "generator": generator(),
            },
            summary=figures(self.bouts),
            tables=tables(self.bouts),
            charts=charts(self.bouts),
            notes=notes,
            complete=complete,
            skipped="" if self.bouts else " ".join(self.left_out.values()),
        )
