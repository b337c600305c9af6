"""Amounts: read, checked, rounded once, shared without a rest."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import (
    BadAmount,
    CurrencyMismatch,
    Money,
    UnknownCurrency,
    checked,
    exponent,
    parse,
    rounded,
    share,
    smallest_charge,
    step,
)

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY", "KWD", "TND", "HUF")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("80", "EUR", 8000),
        (" 80,5 ", "EUR", 8050),
        ("0.00", "EUR", 0),
        ("0,01", "EUR", 1),
        ("86.250", "EUR", 8625),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.250", "KWD", 1250),
        ("100000", "EUR", 10_000_000),
    ],
)
def test_an_amount_is_read_as_people_type_it(text: str, currency: str, minor: int):
    assert parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "EUR"), ("-1", "EUR"), ("1e3", "EUR"), ("1 000", "EUR"), ("1.2.3", "EUR"), ("€5", "EUR"), ("1.", "EUR"),
        (".5", "EUR"), ("1.005", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD"), ("1.255", "KWD"), ("100000.01", "EUR"),
        ("٣", "EUR"), ("9" * 40, "EUR"), ("nan", "EUR"),
    ],
)  # fmt: skip
def test_what_is_no_amount_of_that_currency_is_refused(text: str, currency: str):
    with pytest.raises(BadAmount):
        parse(text, currency)


@pytest.mark.parametrize("code", ["", "eur", "XXX", "EURO", "BTC", "XAU", "E R"])
def test_what_is_no_currency_is_refused(code: str):
    for act in (exponent, smallest_charge, lambda currency: Money(1, currency), lambda currency: parse("1", currency)):
        with pytest.raises(UnknownCurrency):
            act(code)


def test_currencies_have_their_decimals():
    assert [exponent(code) for code in CURRENCIES] == [2, 2, 2, 2, 0, 3, 3, 2]
    assert [step(code) for code in CURRENCIES] == [1, 1, 1, 1, 1, 10, 10, 1]
    assert [smallest_charge(code) for code in CURRENCIES] == [50, 50, 30, 50, 50, 500, 500, 17500]


def test_minor_units_are_checked_as_typed_ones_are():
    assert checked(0, "EUR") == Money(0, "EUR")
    for minor, currency in ((-1, "EUR"), (10_000_001, "EUR"), (5, "KWD")):
        with pytest.raises(BadAmount):
            checked(minor, currency)


def test_two_currencies_do_not_add_up():
    assert Money(5, "EUR") + Money(7, "EUR") - Money(2, "EUR") == Money(10, "EUR")
    assert not Money(0, "EUR")
    with pytest.raises(CurrencyMismatch):
        Money(5, "EUR") + Money(5, "USD")


@given(st.integers(0, 10**9), st.sampled_from(CURRENCIES))
def test_what_is_shown_is_read_back(minor: int, currency: str):
    amount = Money(min(minor, 100_000 * 10 ** exponent(currency)) // step(currency) * step(currency), currency)
    assert parse(f"{amount.decimal:f}", currency) == amount
    assert amount.decimal == Decimal(amount.minor) / 10 ** exponent(currency)


@given(st.fractions(min_value=0, max_value=10**9), st.sampled_from(CURRENCIES))
def test_rounding_is_half_up_to_what_can_be_charged(exact: Fraction, currency: str):
    result, unit = rounded(exact, currency), step(currency)
    assert result % unit == 0
    assert -Fraction(unit, 2) < result - exact <= Fraction(unit, 2)


@given(st.integers(0, 10**9), st.fractions(min_value=0, max_value=100), st.sampled_from(CURRENCIES))
def test_a_share_and_its_rest_are_the_whole(amount: int, percent: Fraction, currency: str):
    amount = amount // step(currency) * step(currency)
    part = share(amount, percent, currency)
    assert 0 <= part <= amount
    assert abs(part - amount * percent / 100) <= step(currency)
