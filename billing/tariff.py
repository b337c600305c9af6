"""The tariff: what seconds cost. One function makes the live counter, the quote before the call and the invoice.

The order of the steps: free seconds → minimum duration → granularity → rate → fixed part → minimum amount → coupon →
cap at the live holds → nothing below the least that a card can be charged. Fractions inside, one rounding (half up)
before the coupon; what a coupon leaves is a difference.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import msgspec

from billing.money import LARGEST_MAJOR, BadAmount, checked, exponent, rounded, share, smallest_charge

LONGEST_FREE = 4 * 3600
# Billing by the hour is the coarsest that anybody means.
COARSEST = 3600


class Basis(StrEnum):
    """What the price depends on."""

    FREE = "free"
    FIXED = "fixed"
    PER_MINUTE = "per_minute"
    AT_END = "at_end"


class BadTariff(ValueError):
    """Theirs: a tariff that makes no sense; the argument is the field's name."""

    code = "bad_tariff"


class Tariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price. Amounts in minor units of `currency`, durations in seconds.

    `fixed` is the whole price with the basis FIXED, a part on top with PER_MINUTE, and the suggestion with AT_END.
    `cap` bounds the price whatever the time; None leaves it open.
    """

    currency: str = "EUR"
    basis: Basis = Basis.FREE
    fixed: int = 0
    per_minute: int = 0
    free_seconds: int = 0
    minimum_seconds: int = 0
    granularity: int = 1
    minimum: int = 0
    cap: int | None = None


FREE = Tariff()


class Discount(msgspec.Struct, frozen=True):
    """What a coupon pays of a price: `percent` (0 to 100) and `amount` minor units. The rest is the patient's."""

    percent: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """A price made of its parts, in minor units of `currency`.

    `price` = `covered` (a coupon's part) + `waived` (over the cap of the live holds, or too little for a card to be
    charged) + `due` (the patient's). `billed_seconds` are those that the rate was applied to.
    """

    currency: str
    seconds: int
    billed_seconds: int
    price: int
    covered: int
    waived: int
    due: int


def check(tariff: Tariff) -> Tariff:
    """Return the tariff. Raises `BadTariff` with the field's name, or `UnknownCurrency`."""
    exponent(tariff.currency)
    for name in ("fixed", "per_minute", "minimum", "cap"):
        value: int | None = getattr(tariff, name)
        if value is None:
            continue
        try:
            checked(value, tariff.currency)
        except BadAmount:
            raise BadTariff(name) from None
    if not 0 <= tariff.free_seconds <= LONGEST_FREE:
        raise BadTariff("free_seconds")
    if not 0 <= tariff.minimum_seconds <= LONGEST_FREE:
        raise BadTariff("minimum_seconds")
    if not 1 <= tariff.granularity <= COARSEST:
        raise BadTariff("granularity")
    least = smallest_charge(tariff.currency)
    # What no card can be charged would be agreed to, and then be free.
    if tariff.basis is Basis.FIXED and tariff.fixed < least:
        raise BadTariff("fixed")
    if tariff.basis is not Basis.FREE and tariff.cap is not None and tariff.cap < least:
        raise BadTariff("cap")
    if tariff.basis is Basis.PER_MINUTE and tariff.per_minute == 0:
        raise BadTariff("per_minute")
    return tariff


def billed_seconds(tariff: Tariff, seconds: int) -> int:
    """Return the seconds that the rate applies to. A call that never was (0 seconds) has none."""
    if seconds <= 0:
        return 0
    rest = max(seconds - tariff.free_seconds, 0)
    if rest == 0:
        return 0
    rest = max(rest, tariff.minimum_seconds)
    return -(-rest // tariff.granularity) * tariff.granularity


def quote(tariff: Tariff, seconds: int, discount: Discount | None = None, ceiling: int | None = None) -> Quote:
    """Return the price of so many whole billable seconds; `ceiling`: the sum of the live holds, None without any cap.

    FIXED and AT_END cost the same whatever the time, but nothing when there was no second at all.
    """
    billed = billed_seconds(tariff, seconds)
    return with_price(tariff, seconds, billed, _price(tariff, seconds, billed), discount, ceiling)


def edited(tariff: Tariff, seconds: int, price: int, discount: Discount | None, ceiling: int | None) -> Quote:
    """Return the quote for an amount that the practitioner entered. Raises `BadAmount`."""
    checked(price, tariff.currency)
    if 0 < price < smallest_charge(tariff.currency):
        raise BadAmount("less than a card can be charged")
    return with_price(tariff, seconds, billed_seconds(tariff, seconds), price, discount, ceiling)


def with_price(
    tariff: Tariff, seconds: int, billed: int, price: int, discount: Discount | None, ceiling: int | None
) -> Quote:
    """Return the price's parts: the coupon's, what no hold covers, the patient's."""
    covered = _covered(discount, price, tariff.currency)
    rest = price - covered
    due = rest if ceiling is None else min(rest, ceiling)
    if due < smallest_charge(tariff.currency):
        due = 0
    return Quote(tariff.currency, seconds, billed, price, covered, rest - due, due)


def most(tariff: Tariff, planned_seconds: int) -> int:
    """Return the most that a call of the planned length can cost, in minor units: told before the patient agrees."""
    if tariff.basis is Basis.AT_END:
        return tariff.fixed if tariff.cap is None else tariff.cap
    return quote(tariff, max(planned_seconds, 1)).price


def seconds_for(tariff: Tariff, amount: int, longest: int = 24 * 3600) -> int:
    """Return for how many whole seconds `amount` is enough (the price without any coupon), `longest` at the most."""
    low, high = 0, longest
    if quote(tariff, longest).price <= amount:
        return longest
    while high - low > 1:
        middle = (low + high) // 2
        if quote(tariff, middle).price <= amount:
            low = middle
        else:
            high = middle
    return low


def _price(tariff: Tariff, seconds: int, billed: int) -> int:
    if seconds <= 0 or tariff.basis is Basis.FREE:
        return 0
    if tariff.basis is Basis.PER_MINUTE:
        if billed == 0:
            return 0
        exact = Fraction(tariff.per_minute * billed, 60) + tariff.fixed
        price = max(rounded(exact, tariff.currency), tariff.minimum)
    else:
        price = max(tariff.fixed, tariff.minimum)
    price = min(price, LARGEST_MAJOR * int(10 ** exponent(tariff.currency)))
    return price if tariff.cap is None else min(price, tariff.cap)


def _covered(discount: Discount | None, price: int, currency: str) -> int:
    if discount is None:
        return 0
    return min(price, discount.amount + share(price, Fraction(discount.percent), currency))
