import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.amounts import amount_text
from billing.money import Money, exponent, parse


@pytest.mark.parametrize(
    ("minor", "currency", "french", "english"),
    [
        (8625, "EUR", "86,25\xa0€", "€86.25"),
        (123450, "EUR", "1\u202f234,50\xa0€", "€1,234.50"),
        (0, "EUR", "0,00\xa0€", "€0.00"),
        (-5000, "EUR", "-50,00\xa0€", "-€50.00"),
        (12000, "JPY", "12\u202f000\xa0JPY", "JP¥12,000"),
        (12340, "KWD", "12,340\xa0KWD", "KWD\xa012.340"),
        (8600, "CHF", "86,00\xa0CHF", "CHF\xa086.00"),
    ],
)
def test_an_amount_is_written_as_its_readers_write_it(minor: int, currency: str, french: str, english: str) -> None:
    assert amount_text(Money(minor, currency), "fr") == french
    assert amount_text(Money(minor, currency), "en") == english


@given(
    minor=st.integers(0, 10**5),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "AFN", "IQD", "UGX", "CLP"]),
    language=st.sampled_from(["fr", "en"]),
)
def test_no_decimal_is_lost_or_invented(minor: int, currency: str, language: str) -> None:
    """Some currencies are shown with fewer decimals than ISO 4217 gives them, where nobody pays to the cent."""
    places = exponent(currency)
    amount = minor - minor % (10 if places == 3 else 1)
    digits = "".join(c for c in amount_text(Money(amount, currency), language) if c in "0123456789.,")
    plain = digits.replace(",", "") if language == "en" else digits.replace(",", ".")
    assert parse(plain, currency).minor == amount
