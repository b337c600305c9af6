import pytest

from bench.bill import Bill


def test_too_much_billed_is_a_positive_error():
    assert Bill(metered=62, truth=60).error == pytest.approx(2)
