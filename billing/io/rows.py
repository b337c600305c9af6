"""Payments, holds and prices as rows. Every change is compare-and-swap on the row's version.

Who changes both a payment and its holds locks the payment first, so that two never wait for each other.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.agreement import Hold, Payment, Price, Purpose, Timeline, When
from billing.hold import HoldState
from billing.io.money_tables import coupons, holds, payments, prices
from billing.payment import PaymentState
from billing.problems import StalePayment
from billing.tariff import Discount, Tariff
from store.ids import ConsultationId, HoldId, PaymentId, Prefix, is_id

_JSON = frozenset({"tariff", "timeline", "heads"})


def encoded(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values as the tables keep them: tariffs, timelines and heads as JSON."""
    return {
        name: msgspec.json.encode(value).decode() if name in _JSON and value is not None else value
        for name, value in values.items()
    }


async def price(tx: AsyncConnection, consultation: ConsultationId, *, lock: bool = False) -> Price | None:
    """Return the consultation's price, or None."""
    found = select(prices).where(prices.c.consultation == consultation)
    row = (await tx.execute(found.with_for_update() if lock else found)).one_or_none()
    if row is None:
        return None
    return Price(
        row.consultation,
        row.practitioner,
        msgspec.json.decode(row.tariff, type=Tariff),
        When(row.when),
        row.starts_at,
        row.planned_seconds,
        row.locked,
        row.created_at,
        row.called_off_at,
    )


async def call_off(tx: AsyncConnection, consultation: ConsultationId, at: datetime) -> None:
    """Note that nobody can agree to the consultation's price any more."""
    open_one = (prices.c.consultation == consultation, prices.c.called_off_at.is_(None))
    await tx.execute(update(prices).where(*open_one).values(called_off_at=at))


async def payment(tx: AsyncConnection, name: PaymentId, *, lock: bool = False) -> Payment | None:
    """Return the payment, or None."""
    return await _payment(tx, _PAYMENTS.where(payments.c.id == name), lock=lock)


async def payment_of(tx: AsyncConnection, consultation: ConsultationId, *, lock: bool = False) -> Payment | None:
    """Return the consultation's payment, or None."""
    return await _payment(tx, _PAYMENTS.where(payments.c.consultation == consultation), lock=lock)


async def holds_of(tx: AsyncConnection, name: PaymentId) -> list[Hold]:
    """Return the payment's attempts, oldest first."""
    every = select(holds).where(holds.c.payment == name).order_by(holds.c.created_at, holds.c.id)
    return [_hold(row) for row in (await tx.execute(every)).all()]


async def hold(tx: AsyncConnection, name: HoldId) -> Hold | None:
    """Return the attempt, or None."""
    row = (await tx.execute(select(holds).where(holds.c.id == name))).one_or_none()
    return None if row is None else _hold(row)


async def hold_named(tx: AsyncConnection, intent: str, reference: str) -> Hold | None:
    """Return the attempt that an intent of the provider belongs to, or None: it is nobody's here."""
    row = (await tx.execute(select(holds).where(holds.c.intent == intent))).one_or_none()
    if row is not None:
        return _hold(row)
    return await hold(tx, HoldId(reference)) if is_id(reference, Prefix.HOLD) else None


async def change_payment(tx: AsyncConnection, before: Payment, values: Mapping[str, object]) -> Payment:
    """Return the payment with the new values. Raises `StalePayment` when another has changed it."""
    as_seen = (payments.c.id == before.id, payments.c.version == before.version)
    done = await tx.execute(update(payments).where(*as_seen).values(encoded(values) | {"version": before.version + 1}))
    after = await payment(tx, before.id)
    if done.rowcount != 1 or after is None:
        raise StalePayment
    return after


async def change_hold(tx: AsyncConnection, before: Hold, values: Mapping[str, object], at: datetime) -> Hold:
    """Return the attempt with the new values. Raises `StalePayment` when another has changed it."""
    as_seen = (holds.c.id == before.id, holds.c.version == before.version)
    done = await tx.execute(
        update(holds).where(*as_seen).values({**values, "version": before.version + 1, "changed_at": at})
    )
    after = await hold(tx, before.id)
    if done.rowcount != 1 or after is None:
        raise StalePayment
    return after


def values_of(attempt: Hold) -> dict[str, object]:
    """Return a new attempt as the table keeps it."""
    return asdict(attempt)


_PAYMENTS: Select[Any] = select(
    payments,
    coupons.c.organisation,
    coupons.c.percent.label("coupon_percent"),
    coupons.c.amount.label("coupon_amount"),
).select_from(payments.outerjoin(coupons, payments.c.coupon == coupons.c.id))


async def _payment(tx: AsyncConnection, found: Select[Any], *, lock: bool) -> Payment | None:
    row = (await tx.execute(found.with_for_update(of=payments) if lock else found)).one_or_none()
    return None if row is None else payment_row(row)


def payment_row(row: Row[Any]) -> Payment:
    """Return a row of payments joined with its coupon."""
    kept = dict(row._mapping)  # noqa: SLF001 — SQLAlchemy's public way to a row's names
    percent, amount = kept.pop("coupon_percent"), kept.pop("coupon_amount")
    timeline, heads = kept["timeline"], kept["heads"]
    return Payment(
        **kept
        | {
            "state": PaymentState(row.state),
            "when": When(row.when),
            "tariff": msgspec.json.decode(row.tariff, type=Tariff),
            "timeline": None if timeline is None else msgspec.json.decode(timeline, type=Timeline),
            "heads": {} if heads is None else msgspec.json.decode(heads, type=dict[str, str]),
            "discount": None if percent is None else Discount(percent, amount),
        }
    )


def _hold(row: Row[Any]) -> Hold:
    kept = dict(row._mapping)  # noqa: SLF001 — as above
    return Hold(**kept | {"purpose": Purpose(row.purpose), "state": HoldState(row.state)})
