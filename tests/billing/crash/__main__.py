"""Thousands of killed lives: `python -m tests.billing.crash --runs 2000`; `--runs 1 --seed N` repeats one."""

import argparse
import gc
import itertools
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

from tests.billing.crash.plan import Kind, plan_of
from tests.billing.crash.rig import NEVER, Death, Outcome, Rig, opened_rig
from tests.billing.crash.sweep import swept
from tests.postgres_server import PostgresServer

_KINDS = list(Kind)
_FAULTS = ("fail_before", "fail_after", "drop_before", "drop_after", "busy")
_SEAMS = 230
_SECONDS = 0.8


def main() -> int:
    """Return how the process ends: 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.billing.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--step", type=int, default=1, help="between two seeds, for several of these side by side")
    parser.add_argument("--sweep", action="store_true", help="instead: one death at each place")
    parser.add_argument("--brief", action="store_true", help="of a sweep: one death at each kind of seam only")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--places", action="store_true", help="say where they died")
    asked = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer()) if asked.postgresql else None
        rig = stack.enter_context(opened_rig(server))
        rig.warm(plan_of(Kind.EXTENDED, 0))
        gc.freeze()
        seeds = (asked.seed + number * asked.step for number in range(asked.runs))
        lives, died, found = _told(
            swept(rig, brief=asked.brief) if asked.sweep else (_killed(rig, seed) for seed in seeds)
        )
    seconds = time.monotonic() - began
    print(f"{lives} lives, {died.total()} deaths at {len(died)} places, {found} with findings, {seconds:.0f} s")
    if asked.places:
        print("\n".join(f"{count:5} {place}" for place, count in died.most_common()))
    return 1 if found else 0


def _told(outcomes: Iterator[Outcome]) -> tuple[int, Counter[str], int]:
    """Say what was found, as it is; return how many lives there were, where they died, and how many went wrong."""
    lives, died, found = 0, Counter[str](), 0
    for outcome in outcomes:
        lives += 1
        died.update(outcome.deaths)
        if outcome.findings:
            found += 1
            print(f"{outcome.plan}, network {outcome.fault or 'well'}, died at {outcome.deaths}", flush=True)
            print("\n".join(f"    {finding}" for finding in outcome.findings), flush=True)
    return lives, died, found


def _killed(rig: Rig, seed: int) -> Outcome:
    chance = random.Random(f"fault {seed}")  # noqa: S311
    fault = chance.choice(_FAULTS) if chance.random() < 0.3 else ""
    return rig.run(plan_of(_KINDS[seed % len(_KINDS)], seed), _deaths(seed), fault)


def _deaths(seed: int) -> Iterator[Death]:
    """Yield one to three deaths, then none: most at a seam, some from outside at any moment."""
    chance = random.Random(f"deaths {seed}")  # noqa: S311
    for number in range(chance.randint(1, 3)):
        if chance.random() < 0.2:
            yield Death(after=chance.uniform(0.01, _SECONDS))
        elif number == 0:
            yield Death(seam=chance.randrange(1, _SEAMS))
        else:
            # After a restart most is done already: the first seams are the interesting ones.
            yield Death(seam=round(math.exp(chance.uniform(0, math.log(_SEAMS)))))
    yield from itertools.repeat(NEVER)


if __name__ == "__main__":
    sys.exit(main())
