"""Which seams to die at when there is time for a hundred lives only: each place of each step, the first times of it."""

import itertools
from collections import Counter
from collections.abc import Iterator

from tests.billing.crash.plan import Kind, Plan, plan_of
from tests.billing.crash.rig import NEVER, Death, Outcome, Rig

_TIMES = 2


def unhurt(rig: Rig) -> list[Outcome]:
    """Return how the plainest life of each kind goes when nobody dies."""
    return [rig.run(plan_of(kind, 0), itertools.repeat(NEVER)) for kind in Kind]


def swept(rig: Rig) -> Iterator[Outcome]:
    """Yield a life that died once for each place of the plainest lives, and those lives unhurt."""
    lives = unhurt(rig)
    yield from lives
    for plan, seam in _places(lives):
        yield rig.run(plan, itertools.chain([Death(seam=seam)], itertools.repeat(NEVER)))


def _places(lives: list[Outcome]) -> Iterator[tuple[Plan, int]]:
    known: set[tuple[str, int]] = set()
    for life in lives:
        times: Counter[str] = Counter()
        for number, place in enumerate(life.seams, 1):
            times[place] += 1
            one = (place, times[place])
            if times[place] <= _TIMES and one not in known:
                known.add(one)
                yield life.plan, number
