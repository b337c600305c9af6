"""The join window of a consultation: whether one may come in, and what is told to one who may not."""

from datetime import datetime, timedelta

from agenda.consultation import Consultation, JoinWindow
from lobby.gate import GateFacts, Obstacle, obstacles
from signalling.protocol import NotYet

# A call that runs over keeps its patient's way back.
TICKET_OUTLIVES_WINDOW = timedelta(hours=1)


def not_yet(
    consultation: Consultation, window: JoinWindow, at: datetime, price: tuple[Obstacle, ...] = ()
) -> NotYet | None:
    """Return what keeps one out, or None while one may come in. `price`: what it puts in the patient's way."""
    facts = GateFacts(
        opens_at=window.opens_at(consultation),
        closes_at=window.closes_at(consultation),
        cancelled=consultation.cancelled_at is not None,
        ended=consultation.ended_at is not None,
        at=at,
        price=price,
    )
    met = obstacles(facts)
    if not met:
        return None
    return NotYet(
        obstacles=[str(obstacle) for obstacle in met],
        opens_at=facts.opens_at.isoformat(),
        closes_at=facts.closes_at.isoformat(),
    )


def ticket_expires_at(consultation: Consultation, window: JoinWindow) -> datetime:
    """Return when a place in the waiting room lapses for good."""
    return window.closes_at(consultation) + TICKET_OUTLIVES_WINDOW
