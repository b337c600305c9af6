"""A coupon: a code with which an organisation pays all or part of a price (MMP-25, MMP-30)."""

import re
from dataclasses import dataclass
from datetime import datetime

from billing.money import BadAmount, UnknownCurrency, checked
from billing.problems import BadCoupon
from billing.tariff import Discount
from store.ids import CouponId, OrganisationId

# Long enough that nobody finds one by trying at the pace we allow; short enough to be read out on the telephone.
_CODE = re.compile(r"[A-Z0-9]{4,32}")


@dataclass(frozen=True, slots=True)
class Coupon:
    """`percent` (0 to 100) of the price, and `amount` minor units of `currency` ("" when it is a percentage only)."""

    id: CouponId
    code: str
    organisation: OrganisationId
    organisation_name: str
    percent: int
    amount: int
    currency: str
    most_uses: int | None
    uses: int
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime

    @property
    def discount(self) -> Discount:
        """What it pays."""
        return Discount(self.percent, self.amount)


def normal(code: str) -> str:
    """Return the code as it is kept: capitals, without spaces and hyphens. Raises `BadCoupon` (coupon_unknown)."""
    kept = "".join(code.upper().split()).replace("-", "")
    if _CODE.fullmatch(kept) is None:
        raise BadCoupon("coupon_unknown")
    return kept


def check(percent: int, amount: int, currency: str, most_uses: int | None) -> None:
    """Raise `BadCoupon` (coupon_invalid) unless a coupon can be so: it pays something, and no more than all."""
    if not 0 <= percent <= 100 or (percent == 0) == (amount == 0):
        raise BadCoupon("coupon_invalid")
    if most_uses is not None and most_uses < 1:
        raise BadCoupon("coupon_invalid")
    if amount:
        try:
            checked(amount, currency)
        except (BadAmount, UnknownCurrency):
            raise BadCoupon("coupon_invalid") from None


def usable(coupon: Coupon, currency: str, at: datetime) -> Coupon:
    """Return the coupon. Raises `BadCoupon` when it cannot pay for something in that currency now."""
    if coupon.revoked_at is not None:
        raise BadCoupon("coupon_unknown")
    if coupon.expires_at is not None and coupon.expires_at <= at:
        raise BadCoupon("coupon_expired")
    if coupon.most_uses is not None and coupon.uses >= coupon.most_uses:
        raise BadCoupon("coupon_used_up")
    if coupon.amount and coupon.currency != currency:
        raise BadCoupon("coupon_currency")
    return coupon
