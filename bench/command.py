"""The bench's command: `python -m bench SCENARIO …` and `visavis bench SCENARIO …`."""

import argparse
import asyncio
import contextlib
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from bench import browsers, calls, forwarding, lobby, metering, peers, signalling, soak
from bench.io.context import Context
from bench.io.machine import machine, versions
from bench.io.processes import Pinning
from bench.io.progress import Progress
from bench.io.target import TargetProblem
from bench.page import to_html
from bench.report import Report, ScenarioResult, lines, to_json


class Scenario(Protocol):
    """A module of this package. Its docstring's first line is its help."""

    __doc__: str | None

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this scenario alone."""
        ...

    async def run(self, options: argparse.Namespace, context: Context) -> ScenarioResult:
        """Measure. Raises `TargetProblem` when the server cannot be used."""
        ...


SCENARIOS: dict[str, Scenario] = {
    "forwarding": forwarding,
    "peers": peers,
    "calls": calls,
    "lobby": lobby,
    "signalling": signalling,
    "metering": metering,
    "soak": soak,
    "browsers": browsers,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one scenario. Returns the exit status: 0 done, 1 nothing to measure, 2 not understood, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    for path in (options.json, options.html):
        if path is not None and not path.parent.is_dir():
            print(f"There is no folder for {path}.", file=sys.stderr)
            return 1
    # The product's own log lines would tear the progress bar.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    progress = Progress()
    try:
        result = asyncio.run(_measure(options, progress))
    except TargetProblem as problem:
        progress.done()
        print(problem, file=sys.stderr)
        return 1
    if result is None:
        progress.done()
        print("Interrupted before anything was measured.", file=sys.stderr)
        return 130
    report = Report(
        machine=machine(),
        versions=versions(),
        when=datetime.now(UTC),
        command=shlex.join(["visavis", "bench", *_without_key(arguments)]),
        results=[result],
    )
    _write(report, options)
    return 0 if result.complete else 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="visavis bench", description="Measures what a deployment carries.", allow_abbrev=False
    )
    scenarios = parser.add_subparsers(metavar="SCENARIO", title="scenarios", dest="scenario", required=True)
    for name, scenario in SCENARIOS.items():
        words = (scenario.__doc__ or name).strip().splitlines()[0]
        sub = scenarios.add_parser(name, help=words, description=words, allow_abbrev=False)
        _add_common(sub)
        scenario.add_options(sub)
        sub.set_defaults(run=scenario.run)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="measure the server at this address instead of one started here")
    parser.add_argument(
        "--key", default=os.environ.get("VISAVIS_BENCH_KEY"), help="an API key of that server [VISAVIS_BENCH_KEY]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as one HTML page")
    parser.add_argument(
        "--loop", choices=("auto", "native", "python"), default="auto", help="the packet loop of a server started here"
    )
    parser.add_argument("--no-pin", action="store_true", help="do not keep server and generator to cores of their own")


async def _measure(options: argparse.Namespace, progress: Progress) -> ScenarioResult | None:
    """Return the scenario's result; after an interruption what there was until then, None for nothing."""
    pinning = Pinning.off() if options.no_pin or options.url else Pinning.on()
    context = Context(url=options.url, key=options.key, loop=options.loop, pinning=pinning, progress=progress)
    began = time.monotonic()
    work = asyncio.ensure_future(options.run(options, context))

    def interrupt() -> None:
        if context.stopping.is_set():
            work.cancel()
        context.stopping.set()

    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
    result: ScenarioResult | None
    try:
        result = await work
    except asyncio.CancelledError:
        result = msgspec.structs.replace(context.kept, complete=False) if context.kept is not None else None
    finally:
        progress.done()
    return result and msgspec.structs.replace(result, seconds=time.monotonic() - began)


def _without_key(arguments: list[str]) -> list[str]:
    """Return the command line as it may be shown: a key is a secret."""
    shown, secret = [], False
    for argument in arguments:
        shown.append("…" if secret else "--key=…" if argument.startswith("--key=") else argument)
        secret = argument == "--key"
    return shown


def _write(report: Report, options: argparse.Namespace) -> None:
    for result in report.results:
        print("\n".join(lines(result)))
    if options.json is not None:
        options.json.write_bytes(to_json(report))
    if options.html is not None:
        options.html.write_text(to_html(report), encoding="utf-8")
