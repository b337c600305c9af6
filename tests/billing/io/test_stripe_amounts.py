import pytest

from billing.gateway import GatewayRefused
from billing.io.stripe_amounts import from_stripe, to_stripe
from billing.money import UnknownCurrency


@pytest.mark.parametrize(
    ("ours", "currency", "stripes"),
    [
        (8_625, "EUR", 8_625),
        (5_000, "JPY", 5_000),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "MGA", 5),
        (5_120, "KWD", 5_120),
        (0, "EUR", 0),
    ],
)
def test_amounts_go_there_and_back(ours: int, currency: str, stripes: int) -> None:
    assert to_stripe(ours, currency) == stripes
    assert from_stripe(stripes, currency) == ours


@pytest.mark.parametrize(("amount", "currency"), [(5_124, "KWD"), (550, "MGA")])
def test_what_stripe_cannot_say_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(GatewayRefused, match="amount_not_chargeable"):
        to_stripe(amount, currency)


def test_negative_amounts_of_refunds_come_back_whole() -> None:
    assert from_stripe(-500, "ISK") == -5
    assert from_stripe(-10_000, "EUR") == -10_000


def test_an_unknown_currency_is_named() -> None:
    with pytest.raises(UnknownCurrency):
        to_stripe(1, "XXX")
