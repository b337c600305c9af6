"""What consultations cost, as their practitioners or a platform set it."""

from datetime import datetime

from billing.agreement import Price, When
from billing.tariff import Tariff
from store.ids import ConsultationId, PractitionerId
from store.io.database import Database


class Prices:
    """The prices of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(
        self,
        consultation: ConsultationId,
        practitioner: PractitionerId,
        tariff: Tariff,
        when: When,
        starts_at: datetime,
        planned_seconds: int,
        at: datetime,
        *,
        locked: bool = False,
        by_platform: bool = False,
    ) -> Price:
        """Return the price, set or set anew. FREE takes it away. `locked`: only `by_platform` may change it later.

        Raises `BadTariff`, `UnknownCurrency`, `PriceLocked`, or `PriceFixed` once agreed to or once a call has begun.
        """
        raise NotImplementedError

    async def of(self, consultation: ConsultationId) -> Price | None:
        """Return the price, or None: the consultation is free."""
        raise NotImplementedError
