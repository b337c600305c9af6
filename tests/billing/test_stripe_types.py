"""What goes to Stripe and what the sandbox answers, held against Stripe's own description as its SDK carries it."""

import ast
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl

import msgspec
import pytest
from stripe import params as of
from stripe.params import test_helpers

from billing.gateway import (
    AuthoriseCard,
    GatewayRefused,
    IncreaseHold,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from billing.sandbox import accounts, records
from billing.sandbox.api import API_VERSION, Answer, Request
from billing.sandbox.endpoints import ENDPOINTS
from billing.sandbox.io import requests
from billing.sandbox.parameters import decoded
from billing.sandbox.shapes import SHAPES, shown
from tests.billing.io.stripe_practice import LONG_AGO, MASTERCARD, Practice, opened_practice, token
from tests.billing.stripe_types import answer_problems, fields, is_expandable, literals, request_problems, resource

SOURCES = Path(__file__).resolve().parents[2] / "billing"
BACK = "https://practice.example/pay"
DISPUTED = "4000000000000259"

# What the gateway calls in the SDK, and what the wire shows of it.
CALLS: dict[str, tuple[str, str]] = {
    "account_links.create": ("POST", "/v1/account_links"),
    "accounts.create": ("POST", "/v1/accounts"),
    "accounts.list": ("GET", "/v1/accounts"),
    "accounts.retrieve": ("GET", "/v1/accounts/:id"),
    "balance_transactions.list": ("GET", "/v1/balance_transactions"),
    "confirmation_tokens.retrieve": ("GET", "/v1/confirmation_tokens/:id"),
    "customers.create": ("POST", "/v1/customers"),
    "disputes.retrieve": ("GET", "/v1/disputes/:id"),
    "payment_intents.cancel": ("POST", "/v1/payment_intents/:id/cancel"),
    "payment_intents.capture": ("POST", "/v1/payment_intents/:id/capture"),
    "payment_intents.confirm": ("POST", "/v1/payment_intents/:id/confirm"),
    "payment_intents.create": ("POST", "/v1/payment_intents"),
    "payment_intents.increment_authorization": ("POST", "/v1/payment_intents/:id/increment_authorization"),
    "payment_intents.list": ("GET", "/v1/payment_intents"),
    "payment_intents.retrieve": ("GET", "/v1/payment_intents/:id"),
    "payouts.list": ("GET", "/v1/payouts"),
    "payouts.retrieve": ("GET", "/v1/payouts/:id"),
    "refunds.create": ("POST", "/v1/refunds"),
    "refunds.list": ("GET", "/v1/refunds"),
    "refunds.retrieve": ("GET", "/v1/refunds/:id"),
    "setup_intents.cancel": ("POST", "/v1/setup_intents/:id/cancel"),
    "setup_intents.confirm": ("POST", "/v1/setup_intents/:id/confirm"),
    "setup_intents.create": ("POST", "/v1/setup_intents"),
    "setup_intents.list": ("GET", "/v1/setup_intents"),
    "setup_intents.retrieve": ("GET", "/v1/setup_intents/:id"),
}
# What else the sandbox offers: to Stripe.js, and to whoever looks at an account from outside.
OTHERS: dict[tuple[str, str], type] = {
    ("GET", "/v1/application_fees"): of.ApplicationFeeListParams,
    ("GET", "/v1/balance"): of.BalanceRetrieveParams,
    ("GET", "/v1/balance_transactions/:id"): of.BalanceTransactionRetrieveParams,
    ("GET", "/v1/charges"): of.ChargeListParams,
    ("GET", "/v1/charges/:id"): of.ChargeRetrieveParams,
    ("GET", "/v1/customers/:id"): of.CustomerRetrieveParams,
    ("GET", "/v1/disputes"): of.DisputeListParams,
    ("GET", "/v1/events"): of.EventListParams,
    ("GET", "/v1/events/:id"): of.EventRetrieveParams,
    ("GET", "/v1/payment_methods/:id"): of.PaymentMethodRetrieveParams,
    ("POST", "/v1/disputes/:id"): of.DisputeModifyParams,
    ("POST", "/v1/disputes/:id/close"): of.DisputeCloseParams,
    ("POST", "/v1/payment_methods"): of.PaymentMethodCreateParams,
    ("POST", "/v1/payment_methods/:id/attach"): of.PaymentMethodAttachParams,
    ("POST", "/v1/test_helpers/confirmation_tokens"): test_helpers.ConfirmationTokenCreateParams,
}
# Stripe answers with these, though its description does not list them.
UNLISTED_CODES = {"payment_intent_confirmation_token_invalid", "setup_intent_confirmation_token_invalid"}
# The sandbox's own: it takes no key of Stripe's, and speaks one version.
OWN_CODES = {"api_key_not_sandbox", "api_key_invalid", "api_version_invalid"}
# What only the hosted card form says, which at Stripe is Stripe.js.
FORM_CODES = {"brand", "live_mode_test_card"}
OWN_PATHS = {"/v1/sandbox/advance"}


def params_of(call: str) -> type:
    """Return the SDK's description of a call: `payment_intents.create` → `PaymentIntentCreateParams`."""
    resource_name, _, method = call.partition(".")
    words = f"{resource_name.removesuffix('s')}_{method}".split("_")
    return getattr(of, "".join(word.capitalize() for word in words) + "Params")


REFUSAL = resource("payment_intent").LastPaymentError  # type: ignore[attr-defined]
PARAMS = {wire: params_of(call) for call, wire in CALLS.items()} | OTHERS


class Wire:
    """Everything that went over the wire, both ways."""

    def __init__(self) -> None:
        self.seen: list[tuple[Request, Answer]] = []

    def calls(self) -> set[tuple[str, str]]:
        return {(request.method, _path(request)) for request, _ in self.seen}


def _expands(path: str, answer: Answer) -> bool:
    listed = answer.body["object"] == "list"
    kinds = {one["object"] for one in (answer.body["data"] if listed else [answer.body])}
    return all(is_expandable(path.removeprefix("data.") if listed else path, resource(kind)) for kind in kinds)


def _path(request: Request) -> str:
    return re.sub(r"sbx_\w+|pm_card\w+", ":id", request.path)


async def story(practice: Practice) -> None:
    """Do everything that the gateway can, through the SDK and a socket."""
    await earned(practice)
    await typed(practice)
    await saved(practice)
    await looked_at(practice)


async def earned(practice: Practice) -> None:
    gateway, account = practice.gateway, practice.account
    await gateway.onboarding_url(account, "/back", "/again")
    await gateway.find("", account)
    for item in accounts.DUE_AT_FIRST:
        accounts.give(practice.sandbox.books, account, item, practice.sandbox.now())

    hold = await practice.hold(12_000, card=MASTERCARD)
    await gateway.perform(IncreaseHold(account, hold.id, 15_000, "EUR"), "more")
    await practice.capture(hold, 10_000, 1_200)
    refund = await gateway.perform(RefundCharge(account, "refund-1", hold.id, 5_000, "EUR"), "refund")
    await gateway.find(account, refund.id)
    disputed = await practice.hold(card=DISPUTED)
    await practice.capture(disputed, 10_000, 1_200, key="capture disputed")
    (dispute,) = practice.sandbox.books.all(records.Dispute)
    await gateway.find(account, dispute.id)


async def typed(practice: Practice) -> None:
    gateway, account = practice.gateway, practice.account
    paid = AuthoriseCard(
        account, "paid", 5_000, "EUR", capture=True, fee=600, description="Consultation", save_card=True
    )
    first, second = await gateway.perform(paid, "paid"), await gateway.perform(paid, "paid too")
    await gateway.confirm_card(account, first.id, await token(practice, "pm_card_visa"), BACK)
    with pytest.raises(GatewayRefused):
        await gateway.confirm_card(account, second.id, await token(practice, "pm_card_visa_chargeDeclined"), BACK)
    with pytest.raises(GatewayRefused):
        await gateway.confirm_card(account, second.id, await token(practice, "pm_card_discover"), BACK)
    await gateway.confirm_card(account, second.id, await token(practice, "pm_card_authenticationRequired"), BACK)
    await gateway.find(account, second.id)
    await gateway.perform(ReleaseHold(account, second.id), "released")


async def saved(practice: Practice) -> None:
    gateway, account = practice.gateway, practice.account
    setup, given_up = [await gateway.perform(SaveCard(account, name), name) for name in ("setup", "given up")]
    kept = await gateway.confirm_card(account, setup.id, await token(practice, "pm_card_visa"), BACK)
    quiet = AuthoriseCard(
        account, "quiet", 5_000, "EUR", capture=False, customer=kept.customer, payment_method=kept.payment_method
    )
    await gateway.perform(quiet, "quiet")
    with pytest.raises(GatewayRefused):
        await gateway.confirm_card(account, given_up.id, await token(practice, "pm_card_visa_chargeDeclined"), BACK)
    await gateway.find(account, given_up.id)
    await gateway.perform(ReleaseHold(account, given_up.id), "given up, then")


async def looked_at(practice: Practice) -> None:
    gateway, account = practice.gateway, practice.account
    practice.sandbox.advance(timedelta(days=12))
    await gateway.find_by_reference(account, "hold-1", LONG_AGO)
    await gateway.find_by_reference("", "practitioner-1", LONG_AGO)
    for whose in (account, ""):
        assert [one async for one in gateway.transactions(whose, LONG_AGO)]
    payouts = [one async for one in gateway.payouts(account, LONG_AGO)]
    await gateway.find(account, payouts[0].id)
    assert [one async for one in gateway.transactions_of_payout(account, payouts[0].id)]


@pytest.fixture
async def told(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Wire, Practice]]:
    wire, respond = Wire(), requests.respond

    def listening(books: Any, request: Request, *rest: Any, **more: Any) -> Answer:
        answer = respond(books, request, *rest, **more)
        wire.seen.append((request, answer))
        return answer

    monkeypatch.setattr(requests, "respond", listening)
    async with opened_practice(incremental=True) as practice:
        await story(practice)
        yield wire, practice


def test_what_stripe_does_not_describe_is_found() -> None:
    form = {
        "amount": "many",
        "colour": "red",
        "capture_method": "later",
        "payment_method_options": {"card": {"x": "y"}},
    }
    assert request_problems(form, of.PaymentIntentCreateParams) == [
        "PaymentIntentCreateParams.amount: 'many' is no <class 'int'>",
        "PaymentIntentCreateParams.colour: Stripe has no such field",
        "PaymentIntentCreateParams.capture_method: 'later' is none of Stripe's words",
        "PaymentIntentCreateParams.payment_method_options.card.x: Stripe has no such field",
        "PaymentIntentCreateParams.currency: is missing",
    ]
    shape = {"object": "refund", "id": "re_1", "amount": "1", "created": 1, "currency": None, "livemode": False}
    assert is_expandable("latest_charge.balance_transaction", resource("payment_intent"))
    assert not is_expandable("status", resource("payment_intent"))
    assert answer_problems(shape) == [
        "refund.amount: '1' is no <class 'int'>",
        "refund.currency: is null",
        "refund.livemode: Stripe has no such field",
    ]


def test_every_call_of_the_gateway_is_known_here() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((SOURCES / "io").glob("stripe_*.py")))
    assert set(re.findall(r"(\w+\.\w+)_async\(", text)) - {"_http.close"} == set(CALLS)


async def test_what_the_gateway_sends_and_gets_is_what_stripe_describes(told: tuple[Wire, Practice]) -> None:
    wire, practice = told
    assert set(CALLS.values()) <= wire.calls()
    problems = set()
    for request, answer in wire.seen:
        form = decoded(parse_qsl(request.form, keep_blank_values=True))
        problems |= set(request_problems(form, PARAMS[request.method, _path(request)]))
        if answer.status == 200:
            problems |= set(answer_problems(answer.body))
            problems |= {f"{path} is not expandable" for path in form.get("expand", []) if not _expands(path, answer)}
        assert request.version == API_VERSION
    books = practice.sandbox.books
    for event in books.all(records.Event):
        problems |= set(answer_problems({**shown(event, books), "api_version": API_VERSION}))
        problems |= set(answer_problems(event.data))
    for kind in SHAPES:
        met = list(books.all(kind))
        assert met, kind
        problems |= {problem for record in met for problem in answer_problems(shown(record, books))}
    assert problems == set()


async def test_what_the_sandbox_refuses_looks_as_stripe_describes_it(told: tuple[Wire, Practice]) -> None:
    wire, _ = told
    errors = [answer.body["error"] for _, answer in wire.seen if answer.status != 200]
    assert {error["type"] for error in errors} == {"card_error"}
    about = [error[kind] for error in errors for kind in ("payment_intent", "setup_intent") if kind in error]
    assert [answer_problems(intent) for intent in about] == [[]] * len(errors)
    assert {name for error in errors for name in error} <= set(fields(REFUSAL))


def test_the_sandbox_s_error_codes_are_stripe_s() -> None:
    known = literals(fields(REFUSAL)["code"]) | UNLISTED_CODES | OWN_CODES | FORM_CODES
    found = {code for path in sorted((SOURCES / "sandbox").rglob("*.py")) for code in _codes(path)}
    assert found - known == set()


def _codes(path: Path) -> set[str]:
    """Return the codes that a source file gives to `ApiError` in so many letters."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "ApiError"]
    given = [call.args[1] for call in made if len(call.args) > 1]
    return {code.value for code in given if isinstance(code, ast.Constant) and isinstance(code.value, str)} - {""}


@pytest.mark.parametrize(
    "endpoint",
    [endpoint for endpoint in ENDPOINTS if endpoint.path not in OWN_PATHS],
    ids=lambda endpoint: f"{endpoint.method} {endpoint.path}",
)
def test_the_sandbox_takes_nothing_that_stripe_does_not(endpoint: Any) -> None:
    assert _unknown(endpoint.takes, PARAMS[endpoint.method, endpoint.path]) == set()


def _unknown(takes: type, params: type) -> set[str]:
    known, found = fields(params), set()
    for name, hint in get_type_hints(takes).items():
        if name not in known:
            found.add(name)
        elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            found |= {f"{name}.{inner}" for kind in _objects(known[name]) for inner in _unknown(hint, kind)}
    return found


def _objects(hint: Any) -> list[type]:
    return [one for one in (get_args(hint) or (hint,)) if hasattr(one, "__required_keys__")]
