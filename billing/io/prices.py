"""What consultations cost, as their practitioners or a platform set it."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing import tariff as tariffs
from billing.agreement import Price, When, check_price
from billing.io import rows
from billing.io.money_tables import billed_calls, payments, prices
from billing.problems import CalledOff, PriceFixed, PriceLocked
from billing.tariff import Basis, Tariff
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

        Raises `BadTariff`, `UnknownCurrency`, `PriceLocked`, `CalledOff`, or `PriceFixed` once agreed to or once a call
        has begun.
        """
        new = Price(consultation, practitioner, tariffs.check(tariff), when, starts_at, planned_seconds, locked, at)
        check_price(new)
        row = {
            "consultation": consultation,
            "practitioner": practitioner,
            "tariff": tariff,
            "when": when,
            "starts_at": starts_at,
            "planned_seconds": planned_seconds,
            "locked": locked,
            "created_at": at,
        }
        async with self._database.transaction() as tx:
            before = await rows.price(tx, consultation, lock=True)
            if before is not None and before.called_off_at is not None:
                raise CalledOff
            if before is not None and before.locked and not by_platform:
                raise PriceLocked
            if await _in_use(tx, consultation):
                raise PriceFixed
            await tx.execute(delete(prices).where(prices.c.consultation == consultation))
            if tariff.basis is not Basis.FREE:
                await tx.execute(insert(prices).values(rows.encoded(row)))
        return new

    async def of(self, consultation: ConsultationId) -> Price | None:
        """Return the price, or None: the consultation is free."""
        async with self._database.reading() as tx:
            return await rows.price(tx, consultation)


async def _in_use(tx: AsyncConnection, consultation: ConsultationId) -> bool:
    agreed = select(func.count()).select_from(payments).where(payments.c.consultation == consultation)
    begun = select(func.count()).select_from(billed_calls).where(billed_calls.c.consultation == consultation)
    return bool(await tx.scalar(agreed)) or bool(await tx.scalar(begun))
