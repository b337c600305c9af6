"""The test cards, with Stripe's numbers (https://docs.stripe.com/testing), and what each does."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from billing.sandbox.errors import ApiError


class Challenge(Enum):
    """When the bank wants the cardholder (3-D Secure)."""

    NEVER = "never"
    UNLESS_SET_UP = "unless_set_up"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class TestCard:
    """`decline` is what an attempt to charge answers, `setup_decline` what saving it does; "" is a yes.

    `grows`: its bank grants incremental authorisations. `disputed`: its holder disputes each payment.
    """

    __test__ = False  # pytest: a card, no test

    alias: str
    brand: str
    challenge: Challenge = Challenge.NEVER
    decline: str = ""
    setup_decline: str = ""
    grows: bool = False
    disputed: bool = False


def _refused(alias: str, decline: str) -> TestCard:
    return TestCard(alias, "visa", decline=decline, setup_decline=decline)


CARDS: dict[str, TestCard] = {
    "4242424242424242": TestCard("pm_card_visa", "visa"),
    "5555555555554444": TestCard("pm_card_mastercard", "mastercard", grows=True),
    "378282246310005": TestCard("pm_card_amex", "amex"),
    "6011111111111117": TestCard("pm_card_discover", "discover"),
    "4000000000000002": _refused("pm_card_visa_chargeDeclined", "generic_decline"),
    "4000000000009995": _refused("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    "4000000000000069": _refused("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    "4000000000000341": TestCard("pm_card_chargeCustomerFail", "visa", decline="generic_decline"),
    "4000002500003155": TestCard("pm_card_authenticationRequiredOnSetup", "visa", Challenge.UNLESS_SET_UP),
    "4000002760003184": TestCard("pm_card_authenticationRequired", "visa", Challenge.ALWAYS),
    "4000000000000259": TestCard("pm_card_createDispute", "visa", disputed=True),
}

ALIASES: dict[str, str] = {card.alias: number for number, card in CARDS.items()}

# What the practice takes; the sandbox's card form refuses the rest, as Stripe's page does when it is told so.
ACCEPTED_BRANDS = frozenset({"visa", "mastercard", "amex"})


def digits_add_up(number: str) -> bool:
    """Return whether the last digit is the one that ISO/IEC 7812-1 (Luhn) asks for."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def checked(number: str, month: int, year: int, cvc: str, at: datetime) -> str:
    """Return the number without its spaces. Raises `ApiError` with Stripe's code for what is wrong with a card."""
    number = number.replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19) or not digits_add_up(number):
        raise ApiError(402, "incorrect_number", "Your card number is incorrect.", kind="card_error", param="number")
    if number not in CARDS:
        raise ApiError(
            402, "live_mode_test_card", "The sandbox takes test cards only.", kind="card_error", param="number"
        )
    if not 1 <= month <= 12:
        raise ApiError(402, "invalid_expiry_month", "No such month.", kind="card_error", param="exp_month")
    if year < at.year or (year == at.year and month < at.month) or year > at.year + 50:
        raise ApiError(402, "invalid_expiry_year", "The card is past its date.", kind="card_error", param="exp_year")
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) == (4 if CARDS[number].brand == "amex" else 3)):
        raise ApiError(402, "invalid_cvc", "Your card's security code is invalid.", kind="card_error", param="cvc")
    return number
