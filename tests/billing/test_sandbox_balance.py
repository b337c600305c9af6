from datetime import datetime

import pytest

from billing.sandbox import accounts, balance, records
from billing.sandbox.cards import CARDS, digits_add_up
from tests.billing.sandbox_desk import Desk


@pytest.fixture
def desk(at: datetime) -> Desk:
    return Desk(at)


def paid(desk: Desk, amount: int = 10_000, card: str = "pm_card_visa", fee: int = 1_200) -> str:
    hold = desk.intent(amount, card)
    taken = desk.act(hold, "capture", application_fee_amount=fee)
    assert taken.status == 200, taken.body
    name: str = hold["id"]
    return name


def verified(desk: Desk) -> None:
    for item in accounts.DUE_AT_FIRST:
        accounts.give(desk.books, desk.account, item, desk.at)


def payouts(desk: Desk) -> list[records.Payout]:
    return list(desk.books.of(records.Payout, desk.account))


def test_fac_1_to_8_payouts_wait_until_nothing_is_missing(desk: Desk) -> None:
    paid(desk)
    desk.pass_time(days=20)
    assert payouts(desk) == []
    for count, item in enumerate(accounts.DUE_AT_FIRST, start=1):
        accounts.give(desk.books, desk.account, item, desk.at)
        shown = desk.get(f"/v1/accounts/{desk.account}", account="").body
        assert shown["requirements"]["currently_due"] == list(accounts.DUE_AT_FIRST[count:])
        assert shown["payouts_enabled"] is (count == 3)
        assert shown["charges_enabled"] is True
    desk.pass_time(days=1)
    assert [payout.amount for payout in payouts(desk)] == [8_625]


def test_an_account_whose_charges_are_stopped_makes_none(desk: Desk) -> None:
    accounts.require(desk.books, desk.account, ("individual.dob",), desk.at, can_charge=False)
    assert desk.intent(card="pm_card_visa")["error"]["code"] == "capability_not_active"


def test_money_is_available_after_seven_days_and_arrives_two_days_later(desk: Desk) -> None:
    verified(desk)
    paid(desk)
    desk.pass_time(days=6)
    assert payouts(desk) == []
    desk.pass_time(days=1)
    (sent,) = payouts(desk)
    assert (sent.status, sent.amount, desk.balance()) == ("in_transit", 8_625, 0)
    desk.pass_time(days=2)
    shown = desk.get(f"/v1/payouts/{sent.id}").body
    assert (shown["status"], shown["reconciliation_status"]) == ("paid", "completed")
    parts = desk.get("/v1/balance_transactions", {"payout": sent.id}).body["data"]
    assert {part["type"]: part["net"] for part in parts} == {"charge": 8_625, "payout": -8_625}


def test_a_month_in_one_step_is_a_month_in_many(at: datetime) -> None:
    def told(steps: int) -> list[tuple[str, str, datetime]]:
        desk = Desk(at)
        verified(desk)
        paid(desk)
        desk.intent(card="pm_card_visa")
        for _ in range(steps):
            desk.pass_time(days=30 / steps)
        return [(event.type, event.object, event.created) for event in desk.books.all(records.Event)]

    assert told(1) == told(30) == told(90)


def test_a_payout_that_the_bank_refuses_comes_back_and_is_sent_again(desk: Desk) -> None:
    verified(desk)
    paid(desk)
    desk.pass_time(days=7)
    balance.make_next_payout_fail(desk.books, desk.account)
    desk.pass_time(days=2)
    first = payouts(desk)[0]
    assert first.status == "failed"
    assert "payout.failed" in desk.events()
    desk.pass_time(days=4)
    assert [payout.status for payout in payouts(desk)] == ["failed", "paid"]
    assert desk.balance() == 0


def test_a_payout_can_be_returned_after_it_was_paid(desk: Desk) -> None:
    verified(desk)
    paid(desk)
    desk.pass_time(days=10)
    (arrived,) = payouts(desk)
    assert arrived.status == "paid"
    balance.bounce(desk.books, arrived, desk.at)
    assert payouts(desk)[0].status == "failed"
    assert desk.balance() == 8_625


def test_a_refund_returns_the_commission_in_proportion_and_never_stripe_s_fee(desk: Desk) -> None:
    name = paid(desk)
    refund = {"payment_intent": name, "refund_application_fee": "true"}
    desk.post("/v1/refunds", {**refund, "amount": 2_500})
    assert (desk.balance(), desk.balance("")) == (8_625 - 2_500 + 300, 900)
    desk.post("/v1/refunds", refund)
    assert (desk.balance(), desk.balance("")) == (-175, 0)


@pytest.mark.parametrize("amount", [0, 10_001])
def test_neither_nothing_nor_more_than_was_paid_is_refunded(desk: Desk, amount: int) -> None:
    name = paid(desk)
    assert desk.post("/v1/refunds", {"payment_intent": name, "amount": amount}).status == 400
    assert desk.balance() == 8_625


def test_what_is_refunded_whole_or_was_never_taken_cannot_be_refunded(desk: Desk) -> None:
    name = paid(desk)
    desk.post("/v1/refunds", {"payment_intent": name})
    again = desk.post("/v1/refunds", {"payment_intent": name})
    assert again.body["error"]["code"] == "charge_already_refunded"
    hold = desk.intent(card="pm_card_visa")["id"]
    assert desk.post("/v1/refunds", {"payment_intent": hold}).status == 400


@pytest.mark.parametrize(
    ("evidence", "state", "back"), [("winning_evidence", "won", 10_000), ("losing_evidence", "lost", 0)]
)
def test_a_dispute_takes_the_money_and_may_be_won(desk: Desk, evidence: str, state: str, back: int) -> None:
    name = paid(desk, card="pm_card_createDispute")
    (dispute,) = desk.get("/v1/disputes", {"payment_intent": name}).body["data"]
    assert dispute["status"] == "needs_response"
    assert desk.balance() == 8_625 - 10_000 - 2_000
    refused = desk.post("/v1/refunds", {"payment_intent": name})
    assert refused.body["error"]["code"] == "charge_disputed"
    desk.post(f"/v1/disputes/{dispute['id']}", {"evidence[uncategorized_text]": evidence})
    assert desk.get(f"/v1/disputes/{dispute['id']}").body["status"] == state
    assert desk.balance() == 8_625 - 10_000 - 2_000 + back


def test_a_dispute_can_be_accepted_once(desk: Desk) -> None:
    paid(desk, card="pm_card_createDispute")
    (dispute,) = desk.get("/v1/disputes").body["data"]
    assert desk.post(f"/v1/disputes/{dispute['id']}/close", {}).body["status"] == "lost"
    assert desk.post(f"/v1/disputes/{dispute['id']}/close", {}).status == 400


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [(5_000, "jpy", 100), (10_000, "kwd", 400), (500_000, "isk", 10_000), (10_000, "usd", 175)],
)
def test_the_card_fee_follows_the_currency(desk: Desk, amount: int, currency: str, fee: int) -> None:
    desk.intent(amount, "pm_card_visa", currency=currency, capture_method="automatic")
    assert amount - desk.books.balance(desk.account, currency) == fee


def test_every_test_card_has_a_number_that_adds_up() -> None:
    assert all(digits_add_up(number) for number in CARDS)
    assert not digits_add_up("4242424242424241")
