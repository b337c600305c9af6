"""Synthetic calls over real ICE and DTLS-SRTP: what a forwarded packet costs, and how many there may be."""

import argparse

from bench.io.context import Context
from bench.report import ScenarioResult


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--calls`."""
    parser.add_argument("--calls", default="1", help="how many calls; several with commas make a curve")


async def run(options: argparse.Namespace, context: Context) -> ScenarioResult:
    """Measure."""
    async with await context.target() as target:
        planned = await target.plan()
        return ScenarioResult(scenario="forwarding", options={"calls": options.calls}, summary=[], notes=[planned.id])
