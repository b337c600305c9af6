"""Coupons of one database."""

from datetime import datetime

from billing.coupon import Coupon
from store.ids import CouponId
from store.io.database import Database


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
        raise NotImplementedError

    async def list(self) -> list[Coupon]:
        """Return all coupons, newest first."""
        raise NotImplementedError

    async def revoke(self, coupon: CouponId, at: datetime) -> bool:
        """Let nobody use the coupon from now on; who has, keeps it. Return whether there was one to revoke."""
        raise NotImplementedError

    async def find(self, code: str, currency: str, at: datetime) -> Coupon:
        """Return the coupon that can be used now for something in that currency. Raises `BadCoupon`."""
        raise NotImplementedError
