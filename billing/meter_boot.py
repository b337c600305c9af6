"""What one life of one worker told of a call, folded in the order of its numbers. `billing.meter` adds the lives up."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

from billing.spans import Span, difference, intersection, union
from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import LegId, Seat

_EVER = 1 << 62


@dataclass(slots=True)
class _Leg:
    """A connected leg: since when, and until when it is known to have been heard."""

    start: int
    known: int


@dataclass(slots=True)
class _Story:
    """What the facts come to, in the order in which they were stamped."""

    legs: dict[Seat, dict[LegId, _Leg]] = field(default_factory=lambda: {seat: {} for seat in Seat})
    spans: dict[Seat, list[Span]] = field(default_factory=lambda: {seat: [] for seat in Seat})
    pauses: list[Span] = field(default_factory=list)
    paused_at: int | None = None
    # When the meter was first let go on: until then a pause of an earlier boot holds.
    resumed_at: int | None = None
    gaps: int = 0

    def alive(self, heard: int) -> None:
        """Both were heard until then: the newest leg of each seat, which is the one that carries media."""
        if not all(self.legs.values()):
            self.gaps += 1
            return
        for legs in self.legs.values():
            newest = next(reversed(legs.values()))
            newest.known = max(newest.known, heard)

    def turn(self, fact: MediaFact) -> None:
        """Take a fact that changes what the following ones mean."""
        at = fact.stamp.monotonic_ms
        match fact:
            case LegConnected(leg=leg, seat=seat):
                if leg in self.legs[seat]:  # the end that came between is missing
                    self.gaps += 1
                    self._end(seat, leg, 0)
                self.legs[seat][leg] = _Leg(at, at)
            case LegLost(leg=leg, seat=seat, last_heard_ms=heard):
                # A lost leg is told again when it closes; the first telling counts.
                if leg in self.legs[seat]:
                    self._end(seat, leg, min(heard, at))
            case MeterPaused():
                if self.paused_at is None:
                    self.paused_at = at
            case MeterResumed():
                if self.paused_at is not None:
                    self.pauses.append((self.paused_at, at))
                    self.paused_at = None
                if self.resumed_at is None:
                    self.resumed_at = at

    def _end(self, seat: Seat, leg: LegId, heard: int) -> None:
        ended = self.legs[seat].pop(leg)
        self.spans[seat].append((ended.start, max(heard, ended.known)))

    @property
    def met(self) -> bool:
        """Whether both seats are known to have been heard at the same time."""
        return bool(self._both())

    def billable(self, *, paused: bool) -> list[Span]:
        """Return the billable spans; `paused`: the meter was stopped before the first fact."""
        both = self._both()
        pauses = list(self.pauses)
        if self.paused_at is not None:
            pauses.append((self.paused_at, _EVER))
        if paused:
            pauses.append((-_EVER, _EVER if self.resumed_at is None else self.resumed_at))
        return difference(both, union(pauses))

    def _both(self) -> list[Span]:
        return intersection(*(self._connected(seat) for seat in Seat))

    def _connected(self, seat: Seat) -> list[Span]:
        return union([*self.spans[seat], *((leg.start, leg.known) for leg in self.legs[seat].values())])


class Boot:
    """Hears facts in any order; after one that came late the story is told again.

    Of a long call nearly all facts are `BothAlive`: they are kept as two numbers each, 16 bytes.
    """

    def __init__(self) -> None:
        self.first: Stamp
        self.last: Stamp
        self._told = _Story()
        self._late = False
        self._turns: dict[int, MediaFact] = {}
        self._alive_seqs = array("q")
        self._alive_heard = array("q")

    @property
    def gaps(self) -> int:
        """How many facts must be missing."""
        return self._story().gaps

    @property
    def both_open(self) -> bool:
        """Whether both seats have a connected leg."""
        return all(self._story().legs.values())

    @property
    def met(self) -> bool:
        """Whether both seats were connected at the same time, with the meter stopped or not."""
        return self.both_open or self._story().met

    def billable(self, *, paused: bool) -> list[Span]:
        """Return the billable spans; `paused`: the meter was stopped before this boot."""
        return self._story().billable(paused=paused)

    def paused_after(self, *, paused: bool) -> bool:
        """Whether the meter is stopped at the end; `paused`: it was before this boot."""
        story = self._story()
        return story.paused_at is not None or (paused and story.resumed_at is None)

    def hear(self, fact: MediaFact) -> bool:
        """Take note of a fact of this boot. Returns False when it was known already."""
        stamp, empty = fact.stamp, not self._turns and not self._alive_seqs
        place = bisect_left(self._alive_seqs, stamp.seq)
        if stamp.seq in self._turns or (place < len(self._alive_seqs) and self._alive_seqs[place] == stamp.seq):
            return False
        if empty or stamp.seq < self.first.seq:
            self.first = stamp
        if empty or stamp.seq > self.last.seq:
            self.last = stamp
        else:
            self._late = True
        if isinstance(fact, BothAlive):
            heard = min(fact.heard_ms, stamp.monotonic_ms)
            self._alive_seqs.insert(place, stamp.seq)
            self._alive_heard.insert(place, heard)
            if not self._late:
                self._told.alive(heard)
        else:
            self._turns[stamp.seq] = fact
            if not self._late:
                self._told.turn(fact)
        return True

    def _story(self) -> _Story:
        if self._late:
            self._told, self._late = self._tell(), False
        return self._told

    def _tell(self) -> _Story:
        story, done = _Story(), 0
        for seq in sorted(self._turns):
            until = bisect_left(self._alive_seqs, seq)
            for heard in self._alive_heard[done:until]:
                story.alive(heard)
            story.turn(self._turns[seq])
            done = until
        for heard in self._alive_heard[done:]:
            story.alive(heard)
        return story
