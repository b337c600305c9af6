"""When a worker counts as hung: it takes connections, its process is there, and its media loop stands still.

Contract: `heard` with every message of the worker, whatever it says, as it speaks from the loop that carries media; and
`beat` every `EVERY` seconds, and ping it. Times are monotonic seconds of the side that listens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

# Between pings, and how long none of them may be answered. A browser shows a frozen picture after about as long.
EVERY, PATIENCE = 0.5, 1.5
# A worker that has just greeted may still be loading, on a machine that has just been started.
GRACE = 10.0
# Those found hung within an hour count: each doubles the grace of the next, so that a machine which is too slow for all
# of this is not made slower by killing its workers again and again.
_MEMORY = 3600.0
_DOUBLINGS = 6
# A listener that is itself so late has stood still, and cannot tell who else has.
_LATE = 0.25


def grace_after(hangs: Sequence[float], now: float) -> float:
    """Return the seconds for which a new worker is not judged, when those before it were found hung at `hangs`."""
    return GRACE * float(2 ** min(_DOUBLINGS, sum(now - at < _MEMORY for at in hangs)))


@dataclass(slots=True)
class Pulse:
    """See the module's text. The worker greeted at `since` and is not judged for `grace` seconds."""

    since: float
    grace: float
    _heard_at: float = field(init=False)
    _beat_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._heard_at = self.since + self.grace
        self._beat_at = self.since

    def heard(self, now: float) -> None:
        """Note a message of the worker."""
        self._heard_at = max(self._heard_at, now)

    def beat(self, now: float) -> bool:
        """Whether the worker is hung."""
        if now - self._beat_at > EVERY + _LATE:
            self.heard(now)
        self._beat_at = now
        return now - self._heard_at > PATIENCE
