"""The gateway through Stripe's own SDK over a real socket, against the sandbox."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest

from billing.gateway import (
    Account,
    AuthoriseCard,
    BadSignature,
    CaptureHold,
    CreateAccount,
    Dispute,
    GatewayBusy,
    GatewayRefused,
    GatewayUnclear,
    IncreaseHold,
    Intent,
    IntentState,
    NoSuchObject,
    Payout,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox import accounts, records
from billing.sandbox.io.faults import Fault
from billing.sandbox.io.server import Sandbox

MASTERCARD = "5555555555554444"
ALWAYS_ASKS = "4000002760003184"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Practice:
    """A gateway to a sandbox in which a practitioner has an account."""

    def __init__(self, sandbox: Sandbox, gateway: StripeGateway, account: str) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.account = account

    async def hold(self, amount: int = 10_000, currency: str = "EUR", card: str = "4242424242424242") -> Intent:
        asked = AuthoriseCard(self.account, "hold-1", amount, currency, capture=False)
        intent = await self.gateway.perform(asked, f"hold-{len(self.sandbox.books.intents)}")
        assert isinstance(intent, Intent)
        self.sandbox.enter_card(intent.id, card, authenticated=True)
        return await self.find(intent.id)

    async def find(self, intent: str) -> Intent:
        found = await self.gateway.find(self.account, intent)
        assert isinstance(found, Intent)
        return found

    async def capture(self, hold: Intent, amount: int, fee: int, key: str = "capture") -> Intent:
        taken = await self.gateway.perform(CaptureHold(self.account, hold.id, amount, hold.currency, fee), key)
        assert isinstance(taken, Intent)
        return taken


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox()
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def practice(sandbox: Sandbox) -> AsyncIterator[Practice]:
    gateway = sandbox.gateway()
    made = await gateway.perform(CreateAccount("practitioner-1", "p@practice.example", "FR", "EUR"), "account")
    yield Practice(sandbox, gateway, made.id)
    await gateway.close()


# -- operations ----------------------------------------------------------------------------------------------


async def test_a_hold_waits_for_the_card_and_knows_its_row(practice: Practice) -> None:
    asked = AuthoriseCard(practice.account, "row-7", 10_000, "EUR", capture=False, description="Consultation")
    intent = await practice.gateway.perform(asked, "k")
    assert isinstance(intent, Intent)
    assert (intent.state, intent.reference, intent.amount) == (IntentState.NEEDS_CARD, "row-7", 10_000)
    assert intent.client_secret.startswith(intent.id)
    (made,) = practice.sandbox.books.intents
    assert (made.manual, made.keep_card, made.metadata) == (True, True, {"reference": "row-7"})
    assert made.customer == intent.customer != ""


async def test_dat_31_a_hold_says_card_and_end_as_the_provider_does(practice: Practice) -> None:
    held = await practice.hold()
    charge = practice.sandbox.books.known(records.Charge, held.charge)
    assert charge.capture_before is not None
    assert held.capture_before == charge.capture_before.replace(microsecond=0)
    assert (held.state, held.capturable, held.card) == (IntentState.HELD, 10_000, "visa 4242")


async def test_mmp_52_a_capture_brings_the_fee_and_the_rest_is_freed(practice: Practice) -> None:
    hold = await practice.hold(12_000)
    taken = await practice.capture(hold, 10_000, 1_200)
    assert (taken.state, taken.received, taken.fee, taken.capturable) == (IntentState.SUCCEEDED, 10_000, 1_200, 0)
    (moved,) = [t async for t in practice.gateway.transactions(practice.account, LONG_AGO)]
    assert (moved.id, moved.source, moved.kind) == (taken.charge_transaction, taken.charge, "charge")
    assert (moved.amount, moved.fee, moved.application_fee, moved.net) == (10_000, 1_375, 1_200, 8_625)
    (ours,) = [t async for t in practice.gateway.transactions("", LONG_AGO)]
    assert (ours.kind, ours.net) == ("application_fee", 1_200)


async def test_a_second_capture_is_refused_and_changes_nothing(practice: Practice) -> None:
    hold = await practice.hold()
    await practice.capture(hold, 5_000, 600)
    with pytest.raises(GatewayRefused, match="payment_intent_unexpected_state"):
        await practice.capture(hold, 5_000, 600, key="another")
    assert (await practice.find(hold.id)).received == 5_000


async def test_a_payment_at_once_takes_its_fee_with_it(practice: Practice) -> None:
    asked = AuthoriseCard(practice.account, "link-1", 11_600, "EUR", capture=True, fee=1_392)
    intent = await practice.gateway.perform(asked, "k")
    practice.sandbox.enter_card(intent.id)
    paid = await practice.find(intent.id)
    assert (paid.state, paid.received, paid.fee) == (IntentState.SUCCEEDED, 11_600, 1_392)
    assert practice.sandbox.books.balance(practice.account, "eur") == 10_009


async def test_a_saved_card_pays_without_the_patient(practice: Practice) -> None:
    setup = await practice.gateway.perform(SaveCard(practice.account, "setup-1"), "k1")
    practice.sandbox.enter_card(setup.id)
    saved = await practice.find(setup.id)
    assert (saved.state, saved.card, saved.reference) == (IntentState.SUCCEEDED, "visa 4242", "setup-1")
    asked = AuthoriseCard(
        practice.account,
        "hold-2",
        5_000,
        "EUR",
        capture=False,
        customer=saved.customer,
        payment_method=saved.payment_method,
    )
    held = await practice.gateway.perform(asked, "k2")
    assert isinstance(held, Intent)
    assert held.state is IntentState.HELD
    assert held.capture_before is not None
    left = held.capture_before - practice.sandbox.now()
    assert timedelta(days=4, hours=17) < left <= timedelta(days=4, hours=18)


async def test_a_bank_that_wants_the_patient_says_so(practice: Practice) -> None:
    first = await practice.hold(card=ALWAYS_ASKS)
    asked = AuthoriseCard(
        practice.account,
        "hold-2",
        5_000,
        "EUR",
        capture=False,
        customer=first.customer,
        payment_method=first.payment_method,
    )
    with pytest.raises(GatewayRefused) as refused:
        await practice.gateway.perform(asked, "k")
    assert (refused.value.code, refused.value.decline) == ("authentication_required", "authentication_required")


async def test_a_hold_is_increased_only_where_the_card_allows_it(practice: Practice) -> None:
    grows, fixed = await practice.hold(card=MASTERCARD), await practice.hold()
    more = await practice.gateway.perform(IncreaseHold(practice.account, grows.id, 15_000, "EUR"), "k1")
    assert isinstance(more, Intent)
    assert more.capturable == 15_000
    with pytest.raises(GatewayRefused):
        await practice.gateway.perform(IncreaseHold(practice.account, fixed.id, 15_000, "EUR"), "k2")


async def test_releasing_twice_gives_the_same_and_releasing_what_is_paid_is_refused(practice: Practice) -> None:
    hold, paid = await practice.hold(), await practice.hold()
    for key in ("first", "second"):
        gone = await practice.gateway.perform(ReleaseHold(practice.account, hold.id), key)
        assert isinstance(gone, Intent)
        assert (gone.state, gone.expired) == (IntentState.CANCELLED, False)
    await practice.capture(paid, 10_000, 0)
    with pytest.raises(GatewayRefused):
        await practice.gateway.perform(ReleaseHold(practice.account, paid.id), "third")


async def test_a_setup_that_nobody_finished_is_released(practice: Practice) -> None:
    setup = await practice.gateway.perform(SaveCard(practice.account, "setup-1"), "k1")
    gone = await practice.gateway.perform(ReleaseHold(practice.account, setup.id), "k2")
    assert isinstance(gone, Intent)
    assert gone.state is IntentState.CANCELLED


async def test_a_lapsed_hold_is_told_from_a_released_one(practice: Practice) -> None:
    hold = await practice.hold()
    practice.sandbox.advance(timedelta(days=7))
    lapsed = await practice.find(hold.id)
    assert (lapsed.state, lapsed.expired, lapsed.capturable) == (IntentState.CANCELLED, True, 0)
    with pytest.raises(GatewayRefused):
        await practice.capture(hold, 10_000, 1_200)


async def test_refunds_return_the_fee_in_proportion_until_nothing_is_left(practice: Practice) -> None:
    hold = await practice.hold()
    await practice.capture(hold, 10_000, 1_200)
    half = RefundCharge(practice.account, "refund-1", hold.id, 5_000, "EUR")
    back = await practice.gateway.perform(half, "k1")
    assert isinstance(back, Refund)
    assert (back.state, back.amount, back.intent, back.reference) == ("succeeded", 5_000, hold.id, "refund-1")
    assert practice.sandbox.books.balance("", "eur") == 600
    with pytest.raises(GatewayRefused):
        await practice.gateway.perform(msgspec.structs.replace(half, amount=5_001), "k2")
    await practice.gateway.perform(half, "k3")
    assert practice.sandbox.books.balance("", "eur") == 0
    assert await practice.gateway.find(practice.account, back.id) == back


async def test_a_card_of_another_brand_is_refused_before_anything_is_held(practice: Practice) -> None:
    asked = AuthoriseCard(practice.account, "hold-1", 10_000, "EUR", capture=False)
    intent = await practice.gateway.perform(asked, "k")
    discover, visa = [await token(practice, card) for card in ("pm_card_discover", "pm_card_visa")]
    with pytest.raises(GatewayRefused, match="card_brand_not_accepted"):
        await practice.gateway.confirm_card(practice.account, intent.id, discover, "https://practice.example/pay")
    assert practice.sandbox.books.charges == []
    held = await practice.gateway.confirm_card(practice.account, intent.id, visa, "https://practice.example/pay")
    assert held.state is IntentState.HELD


async def test_a_hold_on_another_brand_that_came_by_another_way_is_let_go(practice: Practice) -> None:
    asked = AuthoriseCard(practice.account, "hold-1", 10_000, "EUR", capture=False)
    intent = await practice.gateway.perform(asked, "k")
    await raw(practice, f"/v1/payment_intents/{intent.id}/confirm", payment_method="pm_card_discover")
    found = await practice.find(intent.id)
    assert (found.state, found.declined) == (IntentState.CANCELLED, "card_brand_not_accepted")


async def raw(practice: Practice, path: str, **form: str) -> Any:
    """What somebody else does with the account: Stripe.js in a browser, say."""
    headers = {"Authorization": f"Bearer {practice.sandbox.secret_key}", "Stripe-Account": practice.account}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(practice.sandbox.url + path, data=form) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def token(practice: Practice, card: str) -> str:
    made = await raw(practice, "/v1/test_helpers/confirmation_tokens", payment_method=card)
    return str(made["id"])


@pytest.mark.parametrize(
    ("amount", "currency", "at_stripe"), [(5_000, "JPY", 5_000), (500, "ISK", 50_000), (5_120, "KWD", 5_120)]
)
async def test_amounts_of_other_currencies_arrive_as_stripe_counts_them(
    practice: Practice, amount: int, currency: str, at_stripe: int
) -> None:
    held = await practice.hold(amount, currency)
    assert practice.sandbox.books.known(records.PaymentIntent, held.id).amount == at_stripe
    assert (held.amount, held.capturable, held.currency) == (amount, amount, currency)
    taken = await practice.capture(held, amount, 0)
    assert taken.received == amount
    (moved,) = [t async for t in practice.gateway.transactions(practice.account, LONG_AGO)]
    assert (moved.amount, moved.amount - moved.fee) == (amount, moved.net)


# -- accounts, payouts, disputes -----------------------------------------------------------------------------


async def test_mmp_48_an_account_pays_its_own_card_fees_and_says_what_is_missing(practice: Practice) -> None:
    made = practice.sandbox.books.known(records.Account, practice.account)
    assert made.controller["fees"] == {"payer": "account"}
    assert made.controller["losses"] == {"payments": "stripe"}
    found = await practice.gateway.find("", practice.account)
    assert isinstance(found, Account)
    assert (found.can_charge, found.can_payout, found.missing) == (True, False, accounts.DUE_AT_FIRST)
    assert found.reference == "practitioner-1"
    assert found.deadline is not None


async def test_payouts_and_what_they_consist_of(practice: Practice) -> None:
    for item in accounts.DUE_AT_FIRST:
        accounts.give(practice.sandbox.books, practice.account, item, practice.sandbox.now())
    for _ in range(2):
        await practice.capture(await practice.hold(), 10_000, 1_200, key=f"c{len(practice.sandbox.books.intents)}")
    practice.sandbox.advance(timedelta(days=8))
    (payout,) = [payout async for payout in practice.gateway.payouts(practice.account, LONG_AGO)]
    assert (payout.amount, payout.state, payout.reconciled) == (2 * 8_625, "in_transit", False)
    practice.sandbox.advance(timedelta(days=2))
    paid = await practice.gateway.find(practice.account, payout.id)
    assert isinstance(paid, Payout)
    assert (paid.state, paid.reconciled) == ("paid", True)
    parts = [t async for t in practice.gateway.transactions_of_payout(practice.account, payout.id)]
    assert sorted(part.net for part in parts) == [-17_250, 8_625, 8_625]
    assert {part.payout for part in parts} == {payout.id}


async def test_a_dispute_names_its_payment_and_its_movements(practice: Practice) -> None:
    hold = await practice.hold(card="4000000000000259")
    await practice.capture(hold, 10_000, 1_200)
    (name,) = [dispute.id for dispute in practice.sandbox.books.all(records.Dispute)]
    found = await practice.gateway.find(practice.account, name)
    assert isinstance(found, Dispute)
    assert (found.intent, found.amount, found.state) == (hold.id, 10_000, "needs_response")
    assert len(found.transactions) == 1


async def test_more_than_a_page_is_listed_on_the_right_account(practice: Practice) -> None:
    for number in range(101):
        asked = AuthoriseCard(practice.account, f"r{number}", 5_000, "EUR", capture=False, customer="")
        made = await practice.gateway.perform(asked, f"k{number}")
        practice.sandbox.enter_card(made.id)
        await practice.gateway.perform(CaptureHold(practice.account, made.id, 5_000, "EUR", 0), f"c{number}")
    found = [t async for t in practice.gateway.transactions(practice.account, LONG_AGO)]
    assert len({t.id for t in found}) == 101
    assert found == sorted(found, key=lambda t: t.created_at, reverse=True)
    (first,) = await practice.gateway.find_by_reference(practice.account, "r0", datetime.now(UTC))
    assert first.reference == "r0"


async def test_what_became_of_a_lost_request_is_found_by_its_reference(practice: Practice) -> None:
    began = practice.sandbox.now()
    hold = await practice.hold()
    await practice.capture(hold, 10_000, 0)
    refund = await practice.gateway.perform(RefundCharge(practice.account, "refund-9", hold.id, 100, "EUR"), "k")
    setup = await practice.gateway.perform(SaveCard(practice.account, "setup-9"), "k2")
    found = practice.gateway.find_by_reference
    assert [thing.id for thing in await found(practice.account, "hold-1", began)] == [hold.id]
    assert await found(practice.account, "refund-9", began) == (refund,)
    assert await found(practice.account, "setup-9", began) == (setup,)
    assert await found(practice.account, "hold-1", began + timedelta(hours=1)) == ()


async def test_links_lead_to_onboarding_and_dashboard(practice: Practice) -> None:
    assert (await practice.gateway.onboarding_url(practice.account, "/a", "/b")).startswith("/sandbox/onboarding?link=")
    assert practice.gateway.dashboard_url(practice.account).startswith("/sandbox/dashboard?ticket=")
    real = StripeGateway("sk_test_x", "pk_test_x", webhook_secrets=("whsec_a", "whsec_b"))
    assert real.dashboard_url("acct_1") == "https://dashboard.stripe.com/acct_1"
    assert (real.sandbox, practice.gateway.sandbox) == (False, True)
    with pytest.raises(GatewayRefused, match="url_invalid"):
        await practice.gateway.onboarding_url(practice.account, "https://elsewhere.example/", "/b")


# -- errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sbx_pi_none", "pi_1", "sbx_seti_none", "sbx_re_1", "sbx_du_1", "sbx_po_1", "what"])
async def test_what_is_not_there_is_not_found(practice: Practice, name: str) -> None:
    with pytest.raises(NoSuchObject):
        await practice.gateway.find(practice.account, name)


async def test_another_account_s_hold_is_not_found(practice: Practice) -> None:
    hold = await practice.hold()
    other = await practice.gateway.perform(CreateAccount("practitioner-2", "q@practice.example", "FR", "EUR"), "k2")
    with pytest.raises(NoSuchObject):
        await practice.gateway.find(other.id, hold.id)
    with pytest.raises(GatewayRefused):
        await practice.gateway.perform(CaptureHold(other.id, hold.id, 10_000, "EUR", 0), "k3")


HOLD = AuthoriseCard("", "hold-1", 10_000, "EUR", capture=False, customer="")


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Fault.FAIL_BEFORE, GatewayUnclear, 0),
        (Fault.FAIL_AFTER, GatewayUnclear, 1),
        (Fault.DROP_BEFORE, GatewayUnclear, 0),
        (Fault.DROP_AFTER, GatewayUnclear, 1),
        (Fault.BUSY, GatewayBusy, 0),
        (Fault.KEY_IN_USE, GatewayBusy, 0),
    ],
)
async def test_faults_are_unclear_or_busy_and_are_not_repeated_by_the_sdk(
    practice: Practice, fault: Fault, error: type[Exception], done: int
) -> None:
    practice.sandbox.faults.order(fault, "/v1/payment_intents")
    with pytest.raises(error) as met:
        await practice.gateway.perform(msgspec.structs.replace(HOLD, account=practice.account), "k")
    assert isinstance(met.value, GatewayBusy) == (error is GatewayBusy)
    assert len(practice.sandbox.books.intents) == done


@pytest.mark.parametrize("fault", [Fault.FAIL_BEFORE, Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.BUSY])
async def test_the_same_key_repairs_a_lost_answer(practice: Practice, fault: Fault) -> None:
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    practice.sandbox.faults.order(fault, "/v1/payment_intents")
    with pytest.raises(GatewayUnclear):
        await practice.gateway.perform(asked, "k")
    await practice.gateway.perform(asked, "k")
    assert len(practice.sandbox.books.intents) == 1
    assert len(list(practice.sandbox.books.all(records.Customer))) == 1


async def test_a_500_is_given_again_under_its_key_and_the_object_is_found_by_reference(practice: Practice) -> None:
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    practice.sandbox.faults.order(Fault.FAIL_AFTER, "/v1/payment_intents")
    for _ in range(2):
        with pytest.raises(GatewayUnclear):
            await practice.gateway.perform(asked, "k")
    (found,) = await practice.gateway.find_by_reference(practice.account, "hold-1", practice.sandbox.now())
    assert found.id == practice.sandbox.books.intents[0].id


async def test_a_server_that_says_nothing_is_unclear(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    practice.sandbox.faults.order(Fault.HANG_AFTER, "/v1/payment_intents")
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    monkeypatch.setattr(practice.gateway._http, "_timeout", 0.2)
    with pytest.raises(GatewayUnclear):
        await practice.gateway.perform(asked, "k")
    assert len(practice.sandbox.books.intents) == 1


async def test_nobody_listening_is_unclear(practice: Practice) -> None:
    alone = StripeGateway("sk_sandbox_x", "pk", webhook_secrets=("a", "b"), url="http://127.0.0.1:9")
    with pytest.raises(GatewayUnclear):
        await alone.perform(HOLD, "k")
    await alone.close()


async def test_the_same_key_with_another_amount_is_unclear(practice: Practice) -> None:
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    await practice.gateway.perform(asked, "k")
    with pytest.raises(GatewayUnclear, match="idempotency_error"):
        await practice.gateway.perform(msgspec.structs.replace(asked, amount=10_001), "k")


async def test_a_wrong_key_is_refused(practice: Practice) -> None:
    for key in ("sk_sandbox_wrong", "sk_live_1"):
        wrong = StripeGateway(key, "pk", webhook_secrets=("a", "b"), url=practice.sandbox.url)
        with pytest.raises(GatewayRefused):
            await wrong.perform(msgspec.structs.replace(HOLD, account=practice.account), "k")
        await wrong.close()


async def test_parameters_that_stripe_does_not_know_are_refused(practice: Practice) -> None:
    with pytest.raises(AssertionError, match="parameter_unknown"):
        await raw(practice, "/v1/customers", colour="red")


async def test_neither_errors_nor_logs_tell_secrets(practice: Practice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = await practice.hold(card=ALWAYS_ASKS)
    asked = AuthoriseCard(
        practice.account, "r", 500, "EUR", capture=False, customer=first.customer, payment_method=first.payment_method
    )
    with pytest.raises(GatewayRefused) as refused:
        await practice.gateway.perform(asked, "k")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "_secret_" not in repr(refused.value) + str(refused.value) + caplog.text
    assert practice.sandbox.secret_key not in caplog.text


# -- webhooks ------------------------------------------------------------------------------------------------


def letter(secret: str, at: float, **changes: Any) -> tuple[bytes, str]:
    event = {
        "id": "sbx_evt_1",
        "object": "event",
        "type": "payment_intent.canceled",
        "created": int(at),
        "account": "sbx_acct_1",
        "data": {"object": {"id": "sbx_pi_1"}},
        **changes,
    }
    body = json.dumps(event).encode()
    mac = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={int(at)},v1={mac}"


async def test_a_signed_event_is_a_hint(practice: Practice) -> None:
    account, connect = practice.sandbox.webhook_secrets
    body, signature = letter(connect, time.time())
    notice = practice.gateway.read_notice(body, signature, connect=True)
    assert (notice.id, notice.kind, notice.object) == ("sbx_evt_1", "payment_intent.canceled", "sbx_pi_1")
    assert notice.account == "sbx_acct_1"
    body, signature = letter(account, time.time(), account=None)
    assert practice.gateway.read_notice(body, signature, connect=False).account == ""


@pytest.mark.parametrize("case", ["forged", "stale", "other endpoint", "changed", "unsigned", "no event", "no text"])
async def test_what_is_not_rightly_signed_is_no_event(practice: Practice, case: str) -> None:
    account, connect = practice.sandbox.webhook_secrets
    body, signature = letter(connect, time.time())
    body, signature = {
        "forged": letter("whsec_guess", time.time()),
        "stale": letter(connect, time.time() - 301),
        "other endpoint": letter(account, time.time()),
        "changed": (body.replace(b"sbx_pi_1", b"sbx_pi_2"), signature),
        "unsigned": (body, ""),
        "no event": letter(connect, time.time(), data=None),
        "no text": (b"\xff\xfe", signature),
    }[case]
    with pytest.raises(BadSignature):
        practice.gateway.read_notice(body, signature, connect=True)


async def test_requests_of_many_at_once_keep_apart(practice: Practice) -> None:
    asked = [
        AuthoriseCard(practice.account, f"row-{number}", 5_000 + number, "EUR", capture=False) for number in range(20)
    ]
    made = await asyncio.gather(*(practice.gateway.perform(one, one.reference) for one in asked))
    assert [intent.reference for intent in made] == [one.reference for one in asked]
