"""When calls begin and how long they last: a ramp up to a number of calls, then churn for a while."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call of a run: seconds from its start, seconds of talk, and of the silence in the midst of it."""

    index: int
    starts_at: float
    talks_for: float
    silent_for: float = 0.0


def schedule(calls: int, ramp: float, talk: float, duration: float, silence: float = 0.0) -> list[PlannedCall]:
    """Return the calls in order of their start.

    `calls` places are filled evenly during `ramp` seconds. Each place holds one call after the other of `talk` seconds,
    until no further one would be over by `duration`; it holds one at least. So after the ramp the number of
    calls stays, while they come and go.
    """
    planned = []
    for place in range(calls):
        start = ramp * place / calls
        rounds = max(1, int((duration - start) // talk)) if talk > 0 else 1
        planned += [(start + turn * talk, place) for turn in range(rounds)]
    return [PlannedCall(index, start, talk, silence) for index, (start, _) in enumerate(sorted(planned))]
