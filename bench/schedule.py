"""When calls begin and how long they last: a ramp up to a number of calls, then churn for a while."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """`calls` places are filled evenly during `ramp` seconds; each holds calls of `talk` seconds, one after the other.

    No further call begins that would not be over by `duration`, but every place holds one. `silence` seconds long the
    patient's network is dead in the midst of each.
    """

    calls: int
    ramp: float
    talk: float
    duration: float = 0.0
    silence: float = 0.0

    def starts(self) -> list[float]:
        """Return when each place holds its first call, in seconds from the start."""
        return [self.ramp * place / self.calls for place in range(self.calls)]

    def goes_on(self, at: float) -> bool:
        """Whether a place whose call is over at `at` holds another one."""
        return at + self.talk <= self.duration

    @property
    def length(self) -> float:
        """About how long it takes altogether, in seconds."""
        return max(self.duration, self.ramp + self.talk)
