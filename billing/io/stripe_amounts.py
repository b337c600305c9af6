"""Amounts in Stripe's units (https://docs.stripe.com/currencies#minor-units), which are not always ISO 4217's."""

from billing.gateway import GatewayRefused
from billing.money import exponent

# Written with two zeros, for old times' sake: Iceland and Uganda have no coins any more.
_TWO_DECIMALS_AT_STRIPE = frozenset({"ISK", "UGX"})
# ISO 4217 gives the ariary two decimals, Stripe none.
_NO_DECIMALS_AT_STRIPE = frozenset({"MGA"})


def _places(currency: str) -> int:
    if currency in _TWO_DECIMALS_AT_STRIPE:
        return 2
    return 0 if currency in _NO_DECIMALS_AT_STRIPE else exponent(currency)


def to_stripe(minor: int, currency: str) -> int:
    """Return our minor units in Stripe's. Raises `GatewayRefused` for what Stripe cannot say."""
    amount, rest = divmod(minor * _unit(_places(currency)), _unit(exponent(currency)))
    if rest or (_places(currency) == 3 and amount % 10):
        raise GatewayRefused("amount_not_chargeable")
    return amount


def from_stripe(amount: int, currency: str) -> int:
    """Return Stripe's units in our minor units; `currency` in capitals. Half units, which do not occur, are cut."""
    return amount * _unit(exponent(currency)) // _unit(_places(currency))


def _unit(places: int) -> int:
    return int(10**places)
