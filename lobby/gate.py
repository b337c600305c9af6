"""The gate: what stands between somebody with an invitation and the waiting room."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Obstacle(StrEnum):
    """Why one cannot come in."""

    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    CANCELLED = "cancelled"
    ENDED = "ended"
    AGREEMENT = "agreement"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What the gate decides on. The doors are open in [opens_at, closes_at).

    `price`: what the price puts in the patient's way (AGREEMENT, HOLD); whoever knows prices says so.
    """

    opens_at: datetime
    closes_at: datetime
    cancelled: bool
    ended: bool
    at: datetime
    price: tuple[Obstacle, ...] = ()


def obstacles(facts: GateFacts) -> tuple[Obstacle, ...]:
    """Return everything that keeps one out at `facts.at`; nothing means that the doors are open."""
    met = (
        (Obstacle.CANCELLED, facts.cancelled),
        (Obstacle.ENDED, facts.ended),
        (Obstacle.TOO_EARLY, facts.at < facts.opens_at),
        (Obstacle.TOO_LATE, facts.at >= facts.closes_at),
    )
    return (*(obstacle for obstacle, stands in met if stands), *facts.price)
