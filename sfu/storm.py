"""Caps a sender that answers loss with ever more retransmissions instead of slowing down (Firefox does).

Chromium's sender falls to a tenth within 2 s of a throttled link and is never capped here. Contract: `report` each
loss figure that the receiver gives, then ask `cap` now and then; a change of its value wants a new offer.
"""

from dataclasses import dataclass

# Sustained loss that a sender with congestion control would have answered by now.
_LOSS, _SUSTAINED = 0.15, 3.0
# A sender that has fallen to this part of its rate is slowing down by itself.
_FALLEN = 0.7
# 250 kbit/s in mid-storm recovered 22 frames/s in 8 s.
_FLOOR = 250_000
_CALM, _CALM_FOR, _GROWTH = 0.02, 8.0, 1.5
# The cap is lifted in steps; the last one goes all the way.
_LIFTED = 0.8


@dataclass(slots=True)
class StormGuard:
    """One sender's cap, in bits/s. Times in monotonic seconds."""

    highest: int
    cap: int
    _storm_since: float | None = None
    _storm_rate: int = 0
    _calm_since: float | None = None

    @classmethod
    def for_rate(cls, highest: int) -> "StormGuard":
        """Return a guard that caps nothing yet."""
        return cls(highest, highest)

    def report(self, lost_fraction: float, bitrate: int, now: float) -> None:
        """Take the receiver's loss (0..1) and the rate that came from the sender over the last second."""
        if lost_fraction < _LOSS:
            self._storm_since = None
        elif self._storm_since is None:
            self._storm_since, self._storm_rate = now, bitrate
        elif now - self._storm_since >= _SUSTAINED:
            if bitrate > _FALLEN * self._storm_rate:
                self.cap = max(_FLOOR, min(self.cap, bitrate) // 2)
            self._storm_since, self._storm_rate = now, bitrate
        self._grow(lost_fraction, now)

    def _grow(self, lost_fraction: float, now: float) -> None:
        if lost_fraction > _CALM or self.cap == self.highest:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= _CALM_FOR:
            grown = int(self.cap * _GROWTH)
            self.cap = self.highest if grown > _LIFTED * self.highest else grown
            self._calm_since = now
