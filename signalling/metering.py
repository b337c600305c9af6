"""What a call costs so far, as the two in it are told: from the facts, by the function that makes the invoice too."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agenda.consultation import Consultation
from lobby.gate import Obstacle
from signalling.protocol import Meter
from store.ids import CallId, ConsultationId


@dataclass(frozen=True, slots=True)
class MeterReading:
    """`seconds` billable so far; amounts in minor units of `currency`, which has `exponent` decimals.

    `next_costs` are the costs one, two, three … seconds later, for as long as a page may count on by itself. `ends_in`:
    billable seconds until no hold covers what follows; None without such an end.
    """

    seconds: int
    running: bool
    paused: bool
    currency: str
    exponent: int
    cost: int
    next_costs: tuple[int, ...]
    ends_in: int | None


class Meters(Protocol):
    """What signalling needs of billing; `app.wiring` provides it."""

    async def obstacles(self, consultation: Consultation, at: datetime) -> tuple[Obstacle, ...]:
        """Return what the price puts in the patient's way: the agreement to it, the hold."""
        ...

    async def reading(self, consultation: ConsultationId, call: CallId, at: datetime) -> MeterReading | None:
        """Return what is shown during the call; None for one that is free."""
        ...


class FreeOfCharge:
    """No meter at all: nothing costs anything."""

    async def obstacles(self, consultation: Consultation, at: datetime) -> tuple[Obstacle, ...]:  # noqa: ARG002
        """Return nothing."""
        return ()

    async def reading(self, consultation: ConsultationId, call: CallId, at: datetime) -> MeterReading | None:  # noqa: ARG002
        """Return None."""
        return None


def told(reading: MeterReading) -> Meter:
    """Return the reading as a message."""
    return Meter(
        seconds=reading.seconds,
        running=reading.running,
        paused=reading.paused,
        currency=reading.currency,
        exponent=reading.exponent,
        cost=reading.cost,
        next_costs=list(reading.next_costs),
        ends_in=reading.ends_in,
    )
