"""What signalling needs of billing: the price at the waiting room's door, the meter on both screens."""

from collections.abc import Sequence
from datetime import datetime

from agenda.consultation import Consultation
from billing.io.service import Billing
from billing.money import exponent
from lobby.gate import Obstacle
from signalling.io.reception import Reception
from signalling.metering import MeterReading
from store.facts import HoldChanged, MediaFact
from store.ids import CallId, ConsultationId

# A sign of life comes every 5 s, and may be late once.
_COUNTED_ON = 8


class BilledMeters:
    """`signalling.metering.Meters` over billing."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing

    async def obstacles(self, consultation: Consultation, at: datetime) -> tuple[Obstacle, ...]:
        """Return what the price puts in the patient's way."""
        return tuple(Obstacle(word) for word in await self._billing.holds.obstacles(consultation.id, at))

    async def reading(self, consultation: ConsultationId, call: CallId, at: datetime) -> MeterReading | None:  # noqa: ARG002
        """Return the consultation's meter, all its calls together."""
        reading = await self._billing.invoices.reading(consultation, at)
        if reading is None:
            return None
        counting = reading.running and not reading.paused
        return MeterReading(
            seconds=reading.quote.seconds,
            running=counting,
            paused=reading.paused,
            currency=reading.quote.currency,
            exponent=exponent(reading.quote.currency),
            cost=reading.quote.due,
            next_costs=tuple(reading.costs_after(second) for second in range(1, _COUNTED_ON + 1)) if counting else (),
            ends_in=reading.ends_in_seconds,
        )


class FactSink:
    """Where the workers' facts go: into the log first, then onto the screens. Only then the workers forget them."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self.reception: Reception | None = None

    async def take(self, facts: Sequence[MediaFact]) -> None:
        """Record the facts; raises what the database raises, and they come again."""
        await self._billing.facts.append(facts)
        if self.reception is not None:
            self.reception.meters.heard(dict.fromkeys(fact.call for fact in facts))

    async def hold_changed(self, fact: HoldChanged) -> None:
        """Let those who wait, or are in the call, know what a hold now allows."""
        if self.reception is not None:
            await self.reception.price_changed(fact.consultation)
