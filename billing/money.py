"""Money: a whole number of a currency's smallest units, never a float."""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

# ISO 4217 (list one of 2026): the currencies that do not have two decimals. UGX and ISK have none since their reforms;
# Stripe asks for both with two zeros, which is the gateway's matter (https://docs.stripe.com/currencies#zero-decimal).
_NO_DECIMALS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905 — reads as the list it is
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_TWO_DECIMALS = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
    HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS
    VES WST XCD YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 — a list of a hundred strings would fill a page
)

# The least that a card can be charged (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts), in minor
# units; half a unit of every other currency with decimals.
_SMALLEST = {
    "AED": 200, "CZK": 1500, "DKK": 250, "GBP": 30, "HKD": 400, "HUF": 17500, "MXN": 1000, "MYR": 200, "NOK": 300,
    "PLN": 200, "RON": 200, "SEK": 300, "THB": 1000,
}  # fmt: skip
_HALF = 50

# Far above any consultation: a slip of the keyboard is refused before it becomes a hold.
LARGEST_MAJOR = 100_000

_AMOUNT = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,9}))?")


class UnknownCurrency(ValueError):
    """Theirs: no ISO 4217 code of a currency that people pay with."""

    code = "unknown_currency"


class BadAmount(ValueError):
    """Theirs: negative, no number, more decimals than the currency has, or absurdly much."""

    code = "bad_amount"


class CurrencyMismatch(ValueError):
    """Ours: two currencies in one sum."""


def exponent(currency: str) -> int:
    """Return how many decimals the currency has (ISO 4217): 0, 2 or 3. Raises `UnknownCurrency`."""
    if currency in _TWO_DECIMALS:
        return 2
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    raise UnknownCurrency(currency)


def step(currency: str) -> int:
    """Return the smallest amount that can be charged, in minor units: 10 with three decimals, else 1.

    Card networks settle three-decimal currencies to the second decimal (https://docs.stripe.com/currencies#three-decimal).
    """
    return 10 if exponent(currency) == 3 else 1


def smallest_charge(currency: str) -> int:
    """Return the least that a card can be charged, in minor units. Raises `UnknownCurrency`."""
    return _SMALLEST.get(currency, _HALF * step(currency))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`minor` units of `currency`. Raises `UnknownCurrency`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.minor

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact: 8625 minor units of EUR are 86.25."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))


def parse(text: str, currency: str) -> Money:
    """Return what was typed, with a point or a comma before the decimals. 0 is an amount.

    Raises `BadAmount` or `UnknownCurrency`.
    """
    places = exponent(currency)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise BadAmount("not an amount")
    whole, decimals = match[1], match[2] or ""
    if len(decimals.rstrip("0")) > places:
        raise BadAmount("more decimals than the currency has")
    minor = int(whole) * 10**places + int(decimals.rstrip("0").ljust(places, "0") or "0")
    return checked(minor, currency)


def checked(minor: int, currency: str) -> Money:
    """Return an amount that came as minor units. Raises `BadAmount` or `UnknownCurrency`."""
    if minor < 0:
        raise BadAmount("negative")
    if minor > LARGEST_MAJOR * 10 ** exponent(currency):
        raise BadAmount("absurdly much")
    if minor % step(currency):
        raise BadAmount("more decimals than can be charged")
    return Money(minor, currency)


def rounded(amount: Fraction, currency: str) -> int:
    """Return minor units, rounded once, half up, to what the currency can charge. `amount` is not negative."""
    unit = step(currency)
    return int((amount / unit + Fraction(1, 2)) // 1) * unit


def share(amount: int, percent: Fraction, currency: str) -> int:
    """Return that part of `amount` (minor units); the rest is what the subtraction leaves, so that parts sum up."""
    return min(amount, rounded(Fraction(amount) * percent / 100, currency))
