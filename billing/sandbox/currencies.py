"""In which units Stripe counts a currency, and what it takes (https://docs.stripe.com/currencies)."""

from billing.money import UnknownCurrency, exponent
from billing.sandbox.errors import ApiError

_WITHOUT_DECIMALS = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
_THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Written with two zeros though their countries have no coins.
_EVEN_HUNDREDS = frozenset({"isk", "ugx"})
_NOT_OFFERED = frozenset({"iqd", "lyd", "irr", "kpw", "syp", "cup"})

_LARGEST = 99_999_999


def checked(amount: int, currency: str) -> None:
    """Raise `ApiError` for an amount or a currency that Stripe refuses."""
    try:
        known = currency == currency.lower() and exponent(currency.upper()) >= 0 and currency not in _NOT_OFFERED
    except UnknownCurrency:
        known = False
    if not known:
        raise ApiError(400, "", f"Invalid currency: {currency}.", param="currency")
    if currency in _EVEN_HUNDREDS and amount % 100:
        raise ApiError(
            400,
            "invalid_charge_amount",
            "This currency has become effectively zero-decimal: amounts must be evenly divisible by 100.",
            param="amount",
        )
    if currency in _THREE_DECIMALS and amount % 10:
        raise ApiError(400, "parameter_invalid_integer", "The last digit must be 0.", param="amount")
    if amount < smallest(currency):
        raise ApiError(400, "amount_too_small", "Amount must convert to at least 50 cents.", param="amount")
    if amount > _LARGEST:
        raise ApiError(400, "amount_too_large", "Amount must be no more than 99999999.", param="amount")


def smallest(currency: str) -> int:
    """Return the least that can be charged, in Stripe's units: half a euro, and the like of it elsewhere."""
    return 30 if currency == "gbp" else _scaled(50, currency)


def places(currency: str) -> int:
    """Return how many decimals Stripe's units have."""
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def fixed_fee(currency: str) -> int:
    """Return the part of Stripe's fee that does not depend on the amount: 0.25 €, and the like of it elsewhere."""
    return _scaled(25, currency)


def _scaled(cents: int, currency: str) -> int:
    if currency in _EVEN_HUNDREDS:
        return cents * 100
    return cents * 10 if currency in _THREE_DECIMALS else cents


def card_fee(amount: int, currency: str) -> int:
    """Return Stripe's fee: 1.5 % and the fixed part, half up, to the last digit that the currency can have."""
    unit = 100 if currency in _EVEN_HUNDREDS else 10 if currency in _THREE_DECIMALS else 1
    exact = amount * 15 + fixed_fee(currency) * 1000
    return min(amount, (exact + 500 * unit) // (1000 * unit) * unit)
