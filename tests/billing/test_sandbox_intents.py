from datetime import datetime, timedelta

import pytest

from billing.sandbox.errors import ApiError
from tests.billing.sandbox_desk import Desk

WEEK = timedelta(days=7)


@pytest.fixture
def desk(at: datetime) -> Desk:
    return Desk(at)


def test_a_hold_lasts_as_long_as_the_bank_says(desk: Desk) -> None:
    held = desk.now(desk.intent(card="pm_card_visa"))
    card = held["latest_charge"]["payment_method_details"]["card"]
    assert held["status"] == "requires_capture"
    assert held["amount_capturable"] == 10_000
    assert card["capture_before"] == int((desk.at + WEEK).timestamp())
    assert card["brand"] == "visa"
    assert held["latest_charge"]["balance_transaction"] is None


@pytest.mark.parametrize(
    ("card", "lasts"),
    [("pm_card_visa", timedelta(days=4, hours=18)), ("pm_card_mastercard", WEEK), ("pm_card_amex", WEEK)],
)
def test_a_hold_without_the_patient_is_shorter_on_visa(desk: Desk, card: str, lasts: timedelta) -> None:
    saved = desk.intent(card=card)["payment_method"]
    again = desk.now(desk.intent(card=saved, off_session="true", setup_future_usage=None))
    until = again["latest_charge"]["payment_method_details"]["card"]["capture_before"]
    assert until == int((desk.at + lasts).timestamp())


def test_a_hold_that_nobody_takes_lapses_by_itself(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    desk.pass_time(days=6, hours=23, minutes=59)
    assert desk.now(hold)["status"] == "requires_capture"
    desk.pass_time(minutes=1)
    gone = desk.now(hold)
    assert (gone["status"], gone["cancellation_reason"], gone["amount_capturable"]) == ("canceled", "automatic", 0)
    refused = desk.act(hold, "capture")
    assert (refused.status, refused.body["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert {"payment_intent.canceled", "charge.expired"} <= set(desk.events())
    assert desk.balance() == 0


def test_mmp_52_and_53_what_is_left_of_a_hundred_and_of_a_hundred_and_sixteen_euros(desk: Desk) -> None:
    for amount, fee, net in ((10_000, 1_200, 8_625), (11_600, 1_392, 10_009)):
        before = desk.balance()
        desk.act(desk.intent(amount, "pm_card_visa"), "capture", application_fee_amount=fee)
        assert desk.balance() - before == net
    assert desk.balance("") == 1_200 + 1_392


def test_less_than_held_can_be_taken_and_only_once(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    taken = desk.act(hold, "capture", amount_to_capture=4_000, application_fee_amount=480)
    assert (taken.body["amount_received"], taken.body["amount_capturable"]) == (4_000, 0)
    again = desk.act(hold, "capture", amount_to_capture=1_000)
    assert again.body["error"]["code"] == "payment_intent_unexpected_state"
    assert desk.balance() == 4_000 - 480 - 85


@pytest.mark.parametrize(("amount", "code"), [(10_001, "amount_too_large"), (0, "parameter_invalid_integer")])
def test_neither_more_than_held_nor_nothing_is_captured(desk: Desk, amount: int, code: str) -> None:
    hold = desk.intent(card="pm_card_visa")
    assert desk.act(hold, "capture", amount_to_capture=amount).body["error"]["code"] == code
    assert desk.now(hold)["status"] == "requires_capture"


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
def test_a_refused_card_leaves_an_intent_that_can_be_tried_again(
    desk: Desk, card: str, code: str, decline: str
) -> None:
    hold = desk.intent()
    refused = desk.act(hold, "confirm", payment_method=card)
    error = refused.body["error"]
    assert (refused.status, error["code"], error["decline_code"]) == (402, code, decline)
    assert error["payment_intent"]["id"] == hold["id"]
    now = desk.now(hold)
    assert (now["status"], now["last_payment_error"]["decline_code"]) == ("requires_payment_method", decline)
    assert desk.act(hold, "confirm", payment_method="pm_card_visa").body["status"] == "requires_capture"


def test_the_bank_asks_and_the_answer_decides(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_authenticationRequired")
    assert hold["status"] == "requires_action"
    desk.authenticate(hold, success=True)
    assert desk.now(hold)["status"] == "requires_capture"

    other = desk.intent(card="pm_card_authenticationRequired")
    with pytest.raises(ApiError, match="payment_intent_authentication_failure"):
        desk.authenticate(other, success=False)
    assert desk.now(other)["status"] == "requires_payment_method"


def test_without_the_patient_the_bank_that_always_asks_refuses(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_authenticationRequired")
    desk.authenticate(hold, success=True)
    card = desk.now(hold)["payment_method"]
    refused = desk.intent(card=card, off_session="true", setup_future_usage=None)
    assert refused["error"]["code"] == "authentication_required"
    assert refused["error"]["payment_intent"]["status"] == "requires_payment_method"


def test_without_the_patient_the_bank_that_asked_once_agrees(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_authenticationRequiredOnSetup")
    desk.authenticate(hold, success=True)
    card = desk.now(hold)["payment_method"]
    assert desk.intent(card=card, off_session="true", setup_future_usage=None)["status"] == "requires_capture"


def test_a_card_can_be_kept_and_still_refuse_to_pay(desk: Desk) -> None:
    setup = desk.post(
        "/v1/setup_intents",
        {"customer": desk.customer, "payment_method": "pm_card_chargeCustomerFail", "confirm": "true"},
    ).body
    assert setup["status"] == "succeeded"
    refused = desk.intent(card=setup["payment_method"], off_session="true", setup_future_usage=None)
    assert refused["error"]["code"] == "card_declined"


def test_what_was_held_and_not_taken_is_listed_as_given_back_without_a_movement(desk: Desk) -> None:
    taken, let_go = desk.intent(card="pm_card_visa"), desk.intent(card="pm_card_visa")
    desk.act(taken, "capture", amount_to_capture=6_000)
    desk.act(let_go, "cancel")
    given_back = desk.get("/v1/refunds").body["data"]
    assert [(one["amount"], one["metadata"], one["balance_transaction"]) for one in given_back] == [
        (10_000, {}, None),
        (4_000, {}, None),
    ]
    charges = [desk.now(intent)["latest_charge"] for intent in (taken, let_go)]
    assert [(charge["amount_refunded"], charge["refunded"]) for charge in charges] == [(4_000, False), (10_000, True)]


def test_a_hold_grows_where_its_bank_allows_it(desk: Desk) -> None:
    grows, fixed = desk.intent(card="pm_card_mastercard"), desk.intent(card="pm_card_visa")
    more = desk.act(grows, "increment_authorization", amount=15_000).body
    assert (more["amount"], more["amount_capturable"]) == (15_000, 15_000)
    refused = desk.act(fixed, "increment_authorization", amount=15_000)
    assert refused.status == 400
    assert desk.now(fixed)["amount_capturable"] == 10_000
    less = desk.act(grows, "increment_authorization", amount=15_000)
    assert less.body["error"]["param"] == "amount"


def test_a_cancelled_hold_frees_the_money_and_stays_cancelled(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    assert desk.act(hold, "cancel").body["status"] == "canceled"
    for action in ("cancel", "capture", "confirm"):
        assert desk.act(hold, action).body["error"]["code"] == "payment_intent_unexpected_state"
    assert desk.balance() == 0


def test_a_payment_at_once_needs_no_capture(desk: Desk) -> None:
    paid = desk.intent(card="pm_card_visa", capture_method="automatic", application_fee_amount=1_200)
    assert (paid["status"], paid["amount_received"], desk.balance()) == ("succeeded", 10_000, 8_625)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "eur", "amount_too_small"),
        (100_000_000, "eur", "amount_too_large"),
        (100, "xyz", ""),
        (100, "EUR", ""),
        (5_150, "isk", "invalid_charge_amount"),
        (5_001, "kwd", "parameter_invalid_integer"),
    ],
)
def test_amounts_and_currencies_that_stripe_refuses(desk: Desk, amount: int, currency: str, code: str) -> None:
    assert desk.intent(amount, currency=currency)["error"].get("code", "") == code


def test_a_confirmation_token_serves_once(desk: Desk) -> None:
    typed = {"payment_method": "pm_card_discover", "setup_future_usage": "off_session"}
    token = desk.post("/v1/test_helpers/confirmation_tokens", typed).body
    assert token["payment_method_preview"]["card"]["brand"] == "discover"
    first, second = desk.intent(), desk.intent()
    assert desk.act(first, "confirm", confirmation_token=token["id"]).body["status"] == "requires_capture"
    again = desk.act(second, "confirm", confirmation_token=token["id"])
    assert again.body["error"]["code"] == "payment_intent_confirmation_token_invalid"


def test_a_card_of_one_patient_is_not_another_s(desk: Desk) -> None:
    card = desk.intent(card="pm_card_visa")["payment_method"]
    other = desk.post("/v1/customers", {}).body["id"]
    refused = desk.intent(card=card, customer=other)
    assert refused["error"]["message"] == "The card is not this customer's."
