from datetime import datetime

import pytest

from billing.sandbox import records
from tests.billing.sandbox_desk import Desk


@pytest.fixture
def desk(at: datetime) -> Desk:
    return Desk(at)


def test_the_same_key_gives_the_same_answer_and_does_it_once(desk: Desk) -> None:
    parameters = {"amount": 5_000, "currency": "eur", "metadata[reference]": "hold-1"}
    first = desk.post("/v1/payment_intents", parameters, key="k")
    again = desk.post("/v1/payment_intents", parameters, key="k")
    assert (first.replayed, again.replayed, again.body) == (False, True, first.body)
    assert len(desk.books.intents) == 1
    assert sum(operation.key == "k" for operation in desk.books.operations) == 1


def test_the_same_key_gives_a_refusal_again_though_the_card_would_pay_now(desk: Desk) -> None:
    hold = desk.intent()
    path = f"/v1/payment_intents/{hold['id']}/confirm"
    refused = desk.post(path, {"payment_method": "pm_card_visa_chargeDeclined"}, key="k")
    again = desk.post(path, {"payment_method": "pm_card_visa_chargeDeclined"}, key="k")
    assert (again.status, again.body) == (402, refused.body)
    assert len(list(desk.books.all(records.Charge))) == 1


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/payment_intents", {"amount": 5_001, "currency": "eur"}),
        ("/v1/refunds", {"amount": 5_000, "payment_intent": "x"}),
    ],
)
def test_the_same_key_with_something_else_is_an_error(desk: Desk, path: str, parameters: dict[str, object]) -> None:
    desk.post("/v1/payment_intents", {"amount": 5_000, "currency": "eur"}, key="k")
    answer = desk.post(path, parameters, key="k")
    assert (answer.status, answer.body["error"]["type"]) == (400, "idempotency_error")


def test_a_key_is_an_account_s_own(desk: Desk) -> None:
    other = desk.post("/v1/accounts", {"country": "FR"}, account="").body["id"]
    first = desk.post("/v1/customers", {}, key="k")
    second = desk.post("/v1/customers", {}, key="k", account=other)
    assert first.body["id"] != second.body["id"]


def test_a_key_is_forgotten_after_a_day(desk: Desk) -> None:
    first = desk.post("/v1/customers", {}, key="k")
    desk.pass_time(hours=24)
    assert desk.post("/v1/customers", {}, key="k").body["id"] != first.body["id"]


def test_a_request_refused_for_its_parameters_leaves_the_key_free(desk: Desk) -> None:
    assert desk.post("/v1/customers", {"colour": "red"}, key="k").status == 400
    assert desk.post("/v1/customers", {}, key="k").status == 200


@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [
        ({"amount": 5_000, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 5_000, "currency": "eur", "payment_method_options[card][colour]": "red"},
            "parameter_unknown",
            "payment_method_options[card][colour]",
        ),
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": "many", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        (
            {"amount": 5_000, "currency": "eur", "payment_method_types[0]": "card"},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
    ],
)
def test_parameters_are_checked_as_stripe_checks_them(
    desk: Desk, parameters: dict[str, object], code: str, param: str
) -> None:
    answer = desk.post("/v1/payment_intents", parameters)
    assert (answer.status, answer.body["error"]["code"], answer.body["error"]["param"]) == (400, code, param)
    assert not desk.books.intents


@pytest.mark.parametrize(
    ("bearer", "code"),
    [
        ("sk_live_51abc", "api_key_not_sandbox"),
        ("sk_test_51abc", "api_key_not_sandbox"),
        ("", "api_key_not_sandbox"),
        ("sk_sandbox_other", "api_key_invalid"),
    ],
)
def test_no_key_but_the_sandbox_s_own_is_taken(desk: Desk, bearer: str, code: str) -> None:
    answer = desk.get("/v1/balance", bearer=bearer)
    assert (answer.status, answer.body["error"]["code"]) == (401, code)


def test_another_api_version_is_refused(desk: Desk) -> None:
    assert desk.get("/v1/balance", version="2024-06-20").status == 400


def test_another_account_s_objects_are_not_there(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    other = desk.post("/v1/accounts", {"country": "FR"}, account="").body["id"]
    for answer in (
        desk.get(f"/v1/payment_intents/{hold['id']}", account=other),
        desk.post(f"/v1/payment_intents/{hold['id']}/capture", {}, account=other),
        desk.get(f"/v1/payment_intents/{hold['id']}", account=""),
    ):
        assert (answer.status, answer.body["error"]["code"]) == (404, "resource_missing")
    assert desk.get("/v1/balance", account="sbx_acct_none").status == 403


def test_an_unknown_address_is_not_found(desk: Desk) -> None:
    assert desk.get("/v1/subscriptions").status == 404


def test_a_list_is_paged_newest_first(desk: Desk) -> None:
    made = [desk.post("/v1/payment_intents", {"amount": 100 + n, "currency": "eur"}).body["id"] for n in range(5)]
    first = desk.get("/v1/payment_intents", {"limit": 2}).body
    assert ([item["id"] for item in first["data"]], first["has_more"]) == (made[4:2:-1], True)
    rest = desk.get("/v1/payment_intents", {"limit": 3, "starting_after": made[3]}).body
    assert ([item["id"] for item in rest["data"]], rest["has_more"]) == (made[2::-1], False)
    assert desk.get("/v1/payment_intents", {"starting_after": "sbx_pi_none"}).status == 404
    assert desk.get("/v1/payment_intents", {"limit": 101}).status == 400


def test_a_list_is_narrowed_by_time(desk: Desk) -> None:
    desk.intent()
    desk.pass_time(hours=1)
    late = desk.intent()
    since = {"created[gte]": int(desk.at.timestamp())}
    assert [item["id"] for item in desk.get("/v1/payment_intents", since).body["data"]] == [late["id"]]


def test_objects_come_in_the_place_of_their_ids_when_asked_for(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    desk.act(hold, "capture", application_fee_amount=100)
    path = f"/v1/payment_intents/{hold['id']}"
    deep = desk.get(path, {"expand[0]": "latest_charge.balance_transaction", "expand[1]": "payment_method"}).body
    assert deep["latest_charge"]["balance_transaction"]["net"] == desk.balance()
    assert deep["payment_method"]["card"]["last4"] == "4242"
    listed = desk.get("/v1/payment_intents", {"expand[0]": "data.latest_charge"}).body
    assert listed["data"][0]["latest_charge"]["captured"] is True
    assert desk.get(path, {"expand[0]": "colour"}).body["error"]["message"] == "colour cannot be expanded."


def test_no_answer_shows_a_card_number(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    shown = str(desk.get(f"/v1/payment_intents/{hold['id']}", {"expand[0]": "payment_method"}).body)
    assert "4242424242424242" not in shown
    assert "4242424242424242" not in str(desk.get("/v1/events", {"limit": 100}).body)


def test_time_passes_when_asked_to_and_never_goes_back(desk: Desk) -> None:
    hold = desk.intent(card="pm_card_visa")
    answer = desk.post("/v1/sandbox/advance", {"seconds": 7 * 86_400}, account="")
    assert answer.body["now"] == int(desk.at.timestamp()) + 7 * 86_400
    assert desk.now(hold)["status"] == "canceled"
    assert desk.post("/v1/sandbox/advance", {"seconds": -1}, account="").status == 400


def test_an_account_on_which_nobody_pays_the_fees_is_refused(desk: Desk) -> None:
    asked = {"country": "FR", "controller[losses][payments]": "application"}
    assert desk.post("/v1/accounts", asked, account="").status == 400
