"""From balance transactions to postings: always balanced, always what the provider says."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.bookkeeping import Charged, booked_net, capture, dispute, payout, refund, refund_failure
from billing.gateway import BalanceTransaction
from billing.ledger import PostingKind

AT = datetime(2026, 3, 2, tzinfo=UTC)


def transaction(kind: str, amount: int, fee: int = 0, ours: int = 0, currency: str = "EUR", account: str = "acct_1"):
    return BalanceTransaction("txn_1", account, kind, amount, fee, amount - fee, ours, currency, "src_1", AT, AT)


def charged(amount: int, currency: str = "EUR") -> Charged:
    return Charged("pay_1", "pra_1", amount, currency)


def sums(posting) -> dict[tuple[str, str], int]:
    return {(entry.account, entry.currency): entry.amount for entry in posting.entries}


@pytest.mark.parametrize(("gross", "card_fee", "ours", "net"), [(10000, 175, 1200, 8625), (11600, 199, 1392, 10009)])
def test_mmp_53_a_capture_is_booked_with_the_true_fees(gross, card_fee, ours, net):
    posting = capture("hol_1", charged(gross), transaction("charge", gross, card_fee + ours, ours))
    assert sums(posting) == {
        ("patient:pay_1", "EUR"): -gross,
        ("balance:acct_1", "EUR"): net,
        ("fees:pra_1", "EUR"): card_fee,
        ("commission:pra_1", "EUR"): ours,
        ("balance:platform", "EUR"): ours,
        ("platform", "EUR"): -ours,
    }


def test_a_refund_returns_the_platforms_part_and_not_the_card_fee():
    posting = refund("rfd_1", charged(2500), transaction("refund", -2500, -300, -300))
    assert sums(posting) == {
        ("earned:pra_1", "EUR"): 2500,
        ("balance:acct_1", "EUR"): -2200,
        ("commission:pra_1", "EUR"): -300,
        ("balance:platform", "EUR"): -300,
        ("platform", "EUR"): 300,
    }


def test_a_refund_that_the_bank_sent_back_undoes_the_refund():
    posting = refund_failure(charged(2500), transaction("refund_failure", 2500))
    assert (posting.kind, posting.reference) == (PostingKind.ADJUSTED, "txn_1")
    assert sums(posting) == {("earned:pra_1", "EUR"): -2500, ("balance:acct_1", "EUR"): 2500}


def test_a_dispute_takes_the_amount_and_a_fee_and_gives_the_amount_back_when_it_is_won():
    taken = dispute("pra_1", transaction("adjustment", -10000, 2000))
    assert taken.kind is PostingKind.DISPUTED
    assert sums(taken) == {
        ("balance:acct_1", "EUR"): -12000,
        ("fees:pra_1", "EUR"): 2000,
        ("loss:pra_1", "EUR"): 10000,
    }
    assert dispute("pra_1", transaction("adjustment", 10000)).kind is PostingKind.DISPUTE_WON


def test_a_payout_and_its_return_are_each_others_opposite():
    out, back = payout("pra_1", transaction("payout", -500)), payout("pra_1", transaction("payout_failure", 500))
    assert (out.kind, back.kind) == (PostingKind.PAID_OUT, PostingKind.PAYOUT_RETURNED)
    assert sums(out) == {("balance:acct_1", "EUR"): -500, ("bank:acct_1", "EUR"): 500}
    assert sums(back) == {key: -amount for key, amount in sums(out).items()}


def test_the_platforms_own_payout_is_booked_on_the_platform():
    assert sums(payout("", transaction("payout", -500, account=""))) == {
        ("balance:platform", "EUR"): -500,
        ("bank:platform", "EUR"): 500,
    }


def test_a_payment_in_another_currency_than_the_balance_is_booked_in_both():
    posting = capture("hol_1", charged(11000, "USD"), transaction("charge", 10000, 1375, 1200))
    assert sums(posting)["patient:pay_1", "USD"] == -11000
    assert sums(posting)["balance:acct_1", "EUR"] == 8625
    assert sums(posting)["exchange:acct_1", "USD"] == 11000


BUILDERS = [
    lambda moved, asked: capture("hol_1", asked, moved),
    lambda moved, asked: refund("rfd_1", asked, moved),
    lambda moved, asked: refund_failure(asked, moved),
    lambda moved, _asked: dispute("pra_1", moved),
    lambda moved, _asked: payout("pra_1", moved),
]


@given(
    st.sampled_from(BUILDERS),
    st.integers(-20000, 20000),
    st.integers(-2000, 2000),
    st.integers(-2000, 2000),
    st.sampled_from(["EUR", "USD", "KWD"]),
)
def test_invariant_1_every_posting_balances_and_moves_the_balance_as_the_provider_did(
    build, amount, fee, ours, currency
):
    moved = transaction("payout", amount, fee, ours, currency)
    posting = build(moved, charged(abs(amount)))
    totals: dict[str, int] = {}
    for entry in posting.entries:
        totals[entry.currency] = totals.get(entry.currency, 0) + entry.amount
    assert not any(totals.values())
    assert booked_net(posting.entries, moved) == moved.net
