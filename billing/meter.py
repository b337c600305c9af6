"""The meter: media facts in, billable time out. The one function behind the live counter, the quote and the invoice.

Contract: `hear` every fact of one call, in any order and as often as you like, and take a `reading` whenever you like.

Billable is the time in which both seats had a connected leg, less the pauses. Within one boot (a worker's life) times
are that worker's monotonic milliseconds; boots are added up and their clocks never compared. Whatever is unknown
counts for the patient: a leg that was lost counts to when it was last heard, and one of which no end is told, as after
a crash, to the last moment at which both are known to have been heard. So a reading never runs ahead of what happened,
and hearing more of the worker's story never makes it smaller.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.meter_boot import Boot
from billing.spans import Span
from store.facts import MediaFact, Stamp


@dataclass(frozen=True, slots=True)
class Interval:
    """Billable time without a break, in milliseconds of one boot's clock; the UTC moments are for the record."""

    boot: str
    start_ms: int
    end_ms: int
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Metered:
    """What the facts of one call come to.

    `open`: as far as is known both are connected now. `paused`: the practitioner has stopped the meter. `first_at` and
    `last_at`: UTC of the first and the last fact. `gaps`: how many facts must be missing, because others do not make
    sense without them; the reading is then on the low side.
    """

    billable_ms: int
    intervals: tuple[Interval, ...]
    open: bool
    paused: bool
    first_at: datetime | None
    last_at: datetime | None
    gaps: int

    @property
    def seconds(self) -> int:
        """Whole billable seconds; the one that has begun does not count."""
        return self.billable_ms // 1000

    @property
    def running(self) -> bool:
        """Whether seconds are being added now, as far as is known."""
        return self.open and not self.paused


class Meter:
    """See the module's text."""

    def __init__(self) -> None:
        self._boots: dict[str, Boot] = {}

    def hear(self, fact: MediaFact) -> bool:
        """Take note of a fact. Returns False when it was known already."""
        stamp = fact.stamp
        boot = self._boots.get(stamp.boot)
        if boot is None:
            boot = self._boots[stamp.boot] = Boot()
        return boot.hear(fact)

    @property
    def met(self) -> bool:
        """Whether the two were ever connected at the same time, with the meter stopped or not."""
        return any(boot.met for boot in self._boots.values())

    def reading(self) -> Metered:
        """Return what the facts heard so far come to."""
        # A pause outlives the worker that stamped it. UTC orders the boots, which no arithmetic needs.
        boots = sorted(self._boots.items(), key=lambda named: (named[1].first.at, named[0]))
        intervals: list[Interval] = []
        paused = is_open = False
        for name, boot in boots:
            intervals += (_interval(name, boot.first, span) for span in boot.billable(paused=paused))
            paused, is_open = boot.paused_after(paused=paused), boot.both_open
        stamps = [stamp for boot in self._boots.values() for stamp in (boot.first, boot.last)]
        return Metered(
            billable_ms=sum(interval.end_ms - interval.start_ms for interval in intervals),
            intervals=tuple(intervals),
            open=is_open,
            paused=paused,
            first_at=min((stamp.at for stamp in stamps), default=None),
            last_at=max((stamp.at for stamp in stamps), default=None),
            gaps=sum(boot.gaps for _, boot in boots),
        )


def replay(facts: Iterable[MediaFact]) -> Metered:
    """Return what the facts of one call come to, in whatever order they are."""
    meter = Meter()
    for fact in facts:
        meter.hear(fact)
    return meter.reading()


def _interval(boot: str, anchor: Stamp, span: Span) -> Interval:
    start, end = span
    began = anchor.at + timedelta(milliseconds=start - anchor.monotonic_ms)
    return Interval(boot, start, end, began, began + timedelta(milliseconds=end - start))
