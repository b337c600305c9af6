"""Coupons of one database."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.coupon import Coupon, check, normal, usable
from billing.io.money_tables import coupons, organisations
from billing.problems import BadCoupon, CouponTaken
from store.ids import CouponId, OrganisationId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from store.names import person_name


class Coupons:
    """Made and revoked by administrators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        code: str,
        organisation: str,
        at: datetime,
        *,
        percent: int = 0,
        amount: int = 0,
        currency: str = "",
        most_uses: int | None = None,
        expires_at: datetime | None = None,
    ) -> Coupon:
        """Return a new coupon that the organisation of that name pays for; `percent` or `amount`, not both.

        Raises `BadCoupon` (coupon_invalid, coupon_unknown for what can be no code), `CouponTaken` or `BadName`.
        """
        check(percent, amount, currency, most_uses)
        if expires_at is not None and expires_at <= at:
            raise BadCoupon("coupon_invalid")
        row: dict[str, object] = {
            "id": new_id(Prefix.COUPON),
            "code": normal(code),
            "percent": percent,
            "amount": amount,
            "currency": currency if amount else "",
            "most_uses": most_uses,
            "uses": 0,
            "expires_at": expires_at,
            "created_at": at,
        }
        name = person_name(organisation)
        try:
            async with self._database.transaction() as tx:
                row["organisation"] = await _organisation(tx, name, at)
                await tx.execute(insert(coupons).values(row))
        except IntegrityError:
            raise CouponTaken from None
        return await self.find(code, currency, at)

    async def list(self) -> list[Coupon]:
        """Return all coupons, newest first."""
        async with self._database.reading() as tx:
            every = (await tx.execute(_COUPONS.order_by(coupons.c.created_at.desc(), coupons.c.id))).all()
        return [_coupon(row) for row in every]

    async def revoke(self, coupon: CouponId, at: datetime) -> bool:
        """Let nobody use the coupon from now on; who has, keeps it. Return whether there was one to revoke."""
        good = (coupons.c.id == coupon, coupons.c.revoked_at.is_(None))
        async with self._database.transaction() as tx:
            done = await tx.execute(update(coupons).where(*good).values(revoked_at=at))
        return done.rowcount == 1

    async def find(self, code: str, currency: str, at: datetime) -> Coupon:
        """Return the coupon that can be used now for something in that currency. Raises `BadCoupon`."""
        async with self._database.reading() as tx:
            return await find(tx, code, currency, at)


async def find(tx: AsyncConnection, code: str, currency: str, at: datetime) -> Coupon:
    """Return the coupon that can be used now for something in that currency. Raises `BadCoupon`."""
    row = (await tx.execute(_COUPONS.where(coupons.c.code == normal(code)))).one_or_none()
    if row is None:
        raise BadCoupon("coupon_unknown")
    return usable(_coupon(row), currency, at)


async def named(tx: AsyncConnection, code: str) -> CouponId | None:
    """Return which coupon has this code, whatever has become of it; None when there is none."""
    try:
        found = select(coupons.c.id).where(coupons.c.code == normal(code))
    except BadCoupon:
        return None
    return await tx.scalar(found)


async def reserve(tx: AsyncConnection, coupon: CouponId) -> None:
    """Count one use, if there is one left. Raises `BadCoupon`."""
    left = (coupons.c.id == coupon, or_(coupons.c.most_uses.is_(None), coupons.c.uses < coupons.c.most_uses))
    done = await tx.execute(update(coupons).where(*left).values(uses=coupons.c.uses + 1))
    if done.rowcount != 1:
        raise BadCoupon("coupon_used_up")


async def give_back(tx: AsyncConnection, coupon: CouponId) -> None:
    """Count one use less: it has paid for nothing."""
    await tx.execute(update(coupons).where(coupons.c.id == coupon).values(uses=coupons.c.uses - 1))


_COUPONS: Select[Any] = select(coupons, organisations.c.name.label("organisation_name")).select_from(
    coupons.join(organisations, coupons.c.organisation == organisations.c.id)
)


async def _organisation(tx: AsyncConnection, name: str, at: datetime) -> OrganisationId:
    """Return the organisation of that name, a new one if there is none."""
    same = select(organisations.c.id).where(organisations.c.name == name)
    if (known := await tx.scalar(same)) is not None:
        return OrganisationId(known)
    new = OrganisationId(new_id(Prefix.ORGANISATION))
    try:
        async with tx.begin_nested():
            await tx.execute(insert(organisations).values(id=new, name=name, created_at=at))
    except IntegrityError:
        return OrganisationId((await tx.execute(same)).scalar_one())
    return new


def _coupon(row: Row[Any]) -> Coupon:
    return Coupon(**row._mapping)  # noqa: SLF001 — SQLAlchemy's public way to a row's names
