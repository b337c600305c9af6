"""Which seams to die at when there is no time for thousands of lives.

In a hundred lives: each place of each step, the first times of it. In a quarter of them: each kind of seam once, in
whatever step it comes first.
"""

import itertools
from collections import Counter
from collections.abc import Iterator

from tests.billing.crash.plan import Kind, Plan, plan_of
from tests.billing.crash.rig import NEVER, Death, Outcome, Rig

_TIMES = 2


def unhurt(rig: Rig) -> list[Outcome]:
    """Return how the plainest life of each kind goes when nobody dies."""
    return [rig.run(plan_of(kind, 0), itertools.repeat(NEVER)) for kind in Kind]


def swept(rig: Rig, *, brief: bool = False) -> Iterator[Outcome]:
    """Yield a life that died once for each place of the plainest lives, and those lives unhurt; `brief`: each kind."""
    lives = unhurt(rig)
    yield from lives
    for plan, seam in _kinds(lives) if brief else _places(lives):
        yield rig.run(plan, itertools.chain([Death(seam=seam)], itertools.repeat(NEVER)))


def _kinds(lives: list[Outcome]) -> Iterator[tuple[Plan, int]]:
    known: set[str] = set()
    for life in lives:
        for number, place in enumerate(life.seams, 1):
            _, _, kind = place.partition(": ")
            if kind not in known:
                known.add(kind)
                yield life.plan, number


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
