"""Commissions that only one side has: which one it is does not change while the window moves on."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.gateway import BalanceTransaction
from billing.ledger import Entry
from billing.reconciling import GRACE, commissions
from tests.billing.rows_of_money import AT

HOUR = timedelta(hours=1)
END = AT + timedelta(days=9)


def fee(hours: float, amount: int = 1200) -> BalanceTransaction:
    at = AT + hours * HOUR
    return BalanceTransaction("txn_x", "", "application_fee", amount, 0, amount, 0, "EUR", "fee_x", at, at)


def booked(hours: float, amount: int = 1200):
    return AT + hours * HOUR, Entry("balance:platform", amount, "EUR")


def test_the_one_without_another_half_is_named_and_not_an_equal_one_that_has_its_own():
    ours = [booked(hours) for hours in (1, 2, 3)]
    theirs = [fee(hours) for hours in (1, 2.01, 2.9, 30)]
    [(difference, moment)] = commissions(ours, theirs, AT, END).items()
    assert (moment, difference.ours, difference.theirs) == (AT + 30 * HOUR, "", "12.00 EUR")


def test_equal_amounts_of_other_times_are_no_pair():
    found = commissions([booked(5)], [fee(50)], AT, END)
    assert sorted((one.ours, one.theirs) for one in found) == [("", "12.00 EUR"), ("12.00 EUR", "")]


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(0, 40), st.integers(0, 20))
def test_what_was_paired_stays_so_when_the_window_moves_on(hours: list[int], alone: int, later: int):
    """Equal commissions on the hour; one that nobody booked. A later look at less of it finds that one, or nothing."""
    ours, theirs = [booked(hour) for hour in hours], [fee(hour) for hour in [*hours, alone + 0.5]]
    since = AT + later * HOUR
    found = commissions(
        [one for one in ours if one[0] >= since], [one for one in theirs if one.created_at >= since], since, END
    )
    expected = {AT + (alone + 0.5) * HOUR} if since + GRACE <= AT + (alone + 0.5) * HOUR else set()
    assert set(found.values()) == expected
