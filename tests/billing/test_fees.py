"""What is left for the practitioner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.fees import Net, Rates, commission, estimate, settled


@pytest.mark.parametrize(("gross", "net"), [(10_000, 8_625), (11_600, 10_009)])
def test_mmp_52_and_53_the_net_of_a_hundred_and_of_a_hundred_and_sixteen_euros(gross: int, net: int):
    assert estimate(gross, Rates(), "EUR").net == net


def test_the_truth_of_the_card_fee_replaces_the_estimate():
    assert settled(10_000, 290, 1_200) == Net(10_000, 290, 1_200, 8_510, estimated=False)


def test_nothing_is_taken_of_nothing():
    assert estimate(0, Rates(), "EUR") == Net(0, 0, 0, 0, estimated=True)


@given(st.integers(0, 10**7), st.sampled_from(("EUR", "JPY", "KWD")))
def test_the_parts_are_the_whole_and_none_is_negative(gross: int, currency: str):
    gross = gross // 10 * 10
    parts = estimate(gross, Rates(), currency)
    assert parts.gross == parts.card_fee + parts.commission + parts.net
    assert min(parts.card_fee, parts.commission, parts.net) >= 0
    assert commission(gross, Rates(), currency) <= gross
