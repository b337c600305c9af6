"""What is left of a payment for the practitioner (MMP-52, MMP-53).

The commission is ours and exact. The card fee is the provider's: an estimate before, the truth comes with the charge.
"""

from dataclasses import dataclass
from fractions import Fraction

from billing.money import rounded, share


@dataclass(frozen=True, slots=True)
class Rates:
    """`commission` in percent; an example of a card fee: `card_percent` of the amount and `card_fixed` minor units."""

    commission: Fraction = Fraction(12)
    card_percent: Fraction = Fraction(3, 2)
    card_fixed: int = 25


@dataclass(frozen=True, slots=True)
class Net:
    """The parts of `gross`, in minor units: gross = card_fee + commission + net. `estimated`: the card fee is."""

    gross: int
    card_fee: int
    commission: int
    net: int
    estimated: bool


def commission(gross: int, rates: Rates, currency: str) -> int:
    """Return the application fee in minor units, never more than the amount."""
    return share(gross, rates.commission, currency)


def estimate(gross: int, rates: Rates, currency: str) -> Net:
    """Return the parts with the card fee estimated; nothing is left of an amount below the fees."""
    ours = commission(gross, rates, currency)
    card = rounded(Fraction(gross) * rates.card_percent / 100 + rates.card_fixed, currency) if gross else 0
    card = min(card, gross - ours)
    return Net(gross, card, ours, gross - ours - card, estimated=True)


def settled(gross: int, card_fee: int, ours: int) -> Net:
    """Return the parts as the provider says them."""
    return Net(gross, card_fee, ours, gross - card_fee - ours, estimated=False)
