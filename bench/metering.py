"""How many seconds of a call count, replayed from the facts of the worker that carried it.

The same rule as a bill: the time in which both seats had a connected leg. A leg counts from `connected` to the moment
it was last heard, so a gap begins with the silence and not with its discovery. A leg of which no end is told, as after
a crash, counts to the last moment at which both were said to be alive.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.intervals import Span, intersection, length
from store.facts import BothAlive, LegConnected, LegLost, MediaFact
from store.ids import LegId, Seat


@dataclass(slots=True)
class _Boot:
    """What one life of one worker told of one call."""

    open: dict[LegId, tuple[Seat, float]] = field(default_factory=dict)
    spans: dict[Seat, list[Span]] = field(default_factory=lambda: defaultdict(list))
    both_alive: float = 0.0

    def hear(self, fact: MediaFact) -> None:
        at = fact.stamp.monotonic_ms / 1000
        match fact:
            case LegConnected(leg=leg, seat=seat):
                self.open.setdefault(leg, (seat, at))
            case LegLost(leg=leg) if leg in self.open:
                seat, start = self.open.pop(leg)
                self.spans[seat].append((start, fact.last_heard_ms / 1000))
            case BothAlive():
                self.both_alive = at
            case _:
                pass

    def both(self) -> list[Span]:
        for seat, start in self.open.values():
            self.spans[seat].append((start, self.both_alive))
        self.open.clear()
        return intersection(self.spans[Seat.PRACTITIONER], self.spans[Seat.PATIENT])


def metered_seconds(facts: Iterable[MediaFact]) -> float:
    """Return the seconds that count of one call. Facts may come in any order and more than once."""
    boots: dict[str, _Boot] = defaultdict(_Boot)
    once = {(fact.stamp.boot, fact.stamp.seq): fact for fact in facts}
    for (boot, _), fact in sorted(once.items()):
        boots[boot].hear(fact)
    # Clocks of two boots are not comparable, and a call lives on one worker at a time.
    return sum(length(boot.both()) for boot in boots.values())


@dataclass(frozen=True, slots=True)
class Bill:
    """One call: the seconds metered and the seconds that were truly talked; `error` is positive when overcharged."""

    metered: float
    truth: float

    @property
    def error(self) -> float:
        return self.metered - self.truth
