"""The gateway's operations through Stripe's own SDK over a real socket, against the sandbox."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from billing.gateway import (
    AuthoriseCard,
    GatewayRefused,
    IncreaseHold,
    Intent,
    IntentState,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox import records
from tests.billing.io.stripe_practice import ALWAYS_ASKS, LONG_AGO, MASTERCARD, Practice, opened_practice, raw, token

BACK = "https://practice.example/pay"


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    async with opened_practice() as practice:
        yield practice


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


async def test_a_hold_is_increased_only_where_account_and_card_allow_it(practice: Practice) -> None:
    async with opened_practice(incremental=True) as large:
        grows, fixed = await large.hold(card=MASTERCARD), await large.hold()
        more = await large.gateway.perform(IncreaseHold(large.account, grows.id, 15_000, "EUR"), "k1")
        assert isinstance(more, Intent)
        assert more.capturable == 15_000
        with pytest.raises(GatewayRefused):
            await large.gateway.perform(IncreaseHold(large.account, fixed.id, 15_000, "EUR"), "k2")
    usual = await practice.hold(card=MASTERCARD)
    with pytest.raises(GatewayRefused):
        await practice.gateway.perform(IncreaseHold(practice.account, usual.id, 15_000, "EUR"), "k3")


async def test_an_account_that_may_not_increase_holds_and_asks_for_it_holds_nothing(practice: Practice) -> None:
    """What Stripe answers to most accounts: so nobody asks for it who does not say that they may."""
    sandbox = practice.sandbox
    asks = StripeGateway(sandbox.secret_key, "pk", webhook_secrets=("a", "b"), url=sandbox.url, incremental=True)
    intent = await asks.perform(AuthoriseCard(practice.account, "hold-1", 10_000, "EUR", capture=False), "k")
    with pytest.raises(GatewayRefused, match="payment_intent_invalid_parameter"):
        await asks.confirm_card(practice.account, intent.id, await token(practice, "pm_card_visa"), BACK)
    await asks.close()


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


async def test_a_payment_without_commission_is_refunded_too(practice: Practice) -> None:
    hold = await practice.hold()
    await practice.capture(hold, 10_000, 0)
    back = await practice.gateway.perform(RefundCharge(practice.account, "refund-1", hold.id, 4_000, "EUR"), "k")
    assert isinstance(back, Refund)
    assert (back.state, back.amount) == ("succeeded", 4_000)


async def test_a_card_typed_to_be_used_once_is_not_saved_for_later(practice: Practice) -> None:
    """Stripe compares what the card form was told with what the intent wants."""
    intent = await practice.gateway.perform(AuthoriseCard(practice.account, "r", 10_000, "EUR", capture=False), "k")
    once = await raw(practice, "/v1/test_helpers/confirmation_tokens", payment_method="pm_card_visa")
    with pytest.raises(GatewayRefused):
        await practice.gateway.confirm_card(practice.account, intent.id, once["id"], BACK)
    assert practice.sandbox.books.charges == []


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
