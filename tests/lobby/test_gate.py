"""The gate: obstacles before the waiting room."""

from datetime import datetime, timedelta

import pytest

from lobby.gate import GateFacts, Obstacle, obstacles

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def facts(at: datetime, now: datetime, *, cancelled: bool = False, ended: bool = False) -> GateFacts:
    return GateFacts(opens_at=at, closes_at=at + HOUR, cancelled=cancelled, ended=ended, at=now)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (-TICK, (Obstacle.TOO_EARLY,)),
        (timedelta(0), ()),
        (HOUR - TICK, ()),
        (HOUR, (Obstacle.TOO_LATE,)),
    ],
)
def test_the_doors_are_open_from_the_first_moment_to_before_the_last(
    at: datetime, offset: timedelta, expected: tuple[Obstacle, ...]
):
    """CLI-8."""
    assert obstacles(facts(at, at + offset)) == expected


def test_every_obstacle_is_named_what_is_final_first(at: datetime):
    assert obstacles(facts(at, at - TICK, cancelled=True)) == (Obstacle.CANCELLED, Obstacle.TOO_EARLY)
    assert obstacles(facts(at, at + HOUR, ended=True)) == (Obstacle.ENDED, Obstacle.TOO_LATE)
    assert obstacles(facts(at, at, cancelled=True)) == (Obstacle.CANCELLED,)
