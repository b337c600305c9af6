"""What every gateway does: the sandbox's always, Stripe's test mode with `-m stripe_test` and STRIPE_API_KEY=sk_test_….

In test mode STRIPE_TEST_ACCOUNT names a connected account that may charge (Stripe lets an account charge only after
somebody has filled in its form); without it the platform's own is used, which then takes no application fee. What only
time brings (a hold that lapses, a payout) Stripe's test mode does not hasten: tests/billing/io has it at the sandbox.
"""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from billing.gateway import (
    Account,
    AuthoriseCard,
    BadSignature,
    BalanceTransaction,
    CaptureHold,
    CreateAccount,
    Dispute,
    GatewayRefused,
    GatewayUnclear,
    Intent,
    IntentState,
    NoSuchObject,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
    Unreadable,
)
from tests.contracts.payment_provider import BACK, Provider


async def test_a_hold_is_made_found_and_taken(provider: Provider) -> None:
    intent = await provider.intent()
    assert (intent.state, intent.amount, intent.currency) == (IntentState.NEEDS_CARD, 10_000, "EUR")
    held = await provider.confirmed(intent)
    assert (held.state, held.capturable, held.card) == (IntentState.HELD, 10_000, "visa 4242")
    assert held.capture_before is not None
    assert timedelta(days=4) < held.capture_before - datetime.now(UTC) <= timedelta(days=8)
    taken = await provider.gateway.perform(
        CaptureHold(provider.account, intent.id, 6_000, "EUR", provider.fee(6_000)), provider.key()
    )
    assert isinstance(taken, Intent)
    assert (taken.state, taken.received, taken.fee) == (IntentState.SUCCEEDED, 6_000, provider.fee(6_000))
    assert await provider.find(intent) == taken


async def test_the_same_key_gives_the_same_object(provider: Provider) -> None:
    key, asked = provider.key(), AuthoriseCard(provider.account, "contract", 5_000, "EUR", capture=False)
    first, again = [await provider.gateway.perform(asked, key) for _ in range(2)]
    assert first.id == again.id
    other = AuthoriseCard(provider.account, "contract", 5_001, "EUR", capture=False)
    with pytest.raises(GatewayUnclear):
        await provider.gateway.perform(other, key)


async def test_a_release_is_final(provider: Provider) -> None:
    held = await provider.confirmed(await provider.intent())
    for _ in range(2):
        gone = await provider.gateway.perform(ReleaseHold(provider.account, held.id), provider.key())
        assert isinstance(gone, Intent)
        assert (gone.state, gone.expired, gone.capturable) == (IntentState.CANCELLED, False, 0)
    with pytest.raises(GatewayRefused, match="payment_intent_unexpected_state"):
        await provider.gateway.perform(CaptureHold(provider.account, held.id, 10_000, "EUR", 0), provider.key())


async def test_more_than_held_is_not_taken(provider: Provider) -> None:
    held = await provider.confirmed(await provider.intent())
    with pytest.raises(GatewayRefused):
        await provider.gateway.perform(CaptureHold(provider.account, held.id, 10_001, "EUR", 0), provider.key())
    assert (await provider.find(held)).state is IntentState.HELD


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_a_declined_card_says_why(provider: Provider, card: str, code: str, decline: str) -> None:
    intent = await provider.intent()
    with pytest.raises(GatewayRefused) as refused:
        await provider.confirmed(intent, card)
    assert (refused.value.code, refused.value.decline) == (code, decline)
    found = await provider.find(intent)
    assert (found.state, found.charge) == (IntentState.NEEDS_CARD, "")
    assert (await provider.confirmed(intent)).state is IntentState.HELD


async def test_dat_31_another_brand_is_refused_before_it_is_charged(provider: Provider) -> None:
    intent = await provider.intent()
    with pytest.raises(GatewayRefused, match="card_brand_not_accepted"):
        await provider.confirmed(intent, "pm_card_discover")
    assert (await provider.find(intent)).state is IntentState.NEEDS_CARD


async def test_the_bank_may_ask_for_the_patient(provider: Provider) -> None:
    asked = await provider.confirmed(await provider.intent(), "pm_card_authenticationRequired")
    assert (asked.state, asked.capturable) == (IntentState.NEEDS_ACTION, 0)
    gone = await provider.gateway.perform(ReleaseHold(provider.account, asked.id), provider.key())
    assert isinstance(gone, Intent)
    assert gone.state is IntentState.CANCELLED


async def test_the_bank_may_ask_for_the_patient_who_is_not_there(provider: Provider) -> None:
    customer = (await provider.intent()).customer
    path = "/v1/payment_methods/pm_card_authenticationRequired/attach"
    card = await provider.raw("POST", path, customer=customer)
    with pytest.raises(GatewayRefused) as refused:
        await provider.without_the_patient(customer, card["id"])
    assert (refused.value.code, refused.value.decline) == ("authentication_required", "authentication_required")


async def test_a_saved_card_is_charged_without_the_patient(provider: Provider) -> None:
    setup = await provider.gateway.perform(SaveCard(provider.account, "contract"), provider.key())
    assert isinstance(setup, Intent)
    saved = await provider.confirmed(setup)
    assert (saved.state, saved.card) == (IntentState.SUCCEEDED, "visa 4242")
    held = await provider.without_the_patient(saved.customer, saved.payment_method)
    assert (held.state, held.capturable) == (IntentState.HELD, 5_000)
    assert held.capture_before is not None
    assert held.capture_before > datetime.now(UTC) + timedelta(days=4)


async def test_a_saved_card_may_still_refuse_to_pay(provider: Provider) -> None:
    setup = await provider.gateway.perform(SaveCard(provider.account, "contract"), provider.key())
    assert isinstance(setup, Intent)
    saved = await provider.confirmed(setup, "pm_card_chargeCustomerFail")
    assert saved.state is IntentState.SUCCEEDED
    with pytest.raises(GatewayRefused, match="card_declined"):
        await provider.without_the_patient(saved.customer, saved.payment_method)


async def test_a_card_that_cannot_be_saved_says_why_and_the_attempt_can_be_given_up(provider: Provider) -> None:
    setup = await provider.gateway.perform(SaveCard(provider.account, "contract"), provider.key())
    assert isinstance(setup, Intent)
    with pytest.raises(GatewayRefused, match="card_declined"):
        await provider.confirmed(setup, "pm_card_visa_chargeDeclined")
    assert (await provider.find(setup)).state is IntentState.NEEDS_CARD
    gone = await provider.gateway.perform(ReleaseHold(provider.account, setup.id), provider.key())
    assert isinstance(gone, Intent)
    assert gone.state is IntentState.CANCELLED


async def test_refunds_come_in_parts_and_never_exceed(provider: Provider) -> None:
    reference = f"contract-{uuid.uuid4()}"
    paid = await provider.confirmed(await provider.intent(capture=True))
    assert (paid.state, paid.received, paid.fee) == (IntentState.SUCCEEDED, 10_000, provider.fee(10_000))
    part = RefundCharge(provider.account, reference, paid.id, 6_000, "EUR")
    back = await provider.gateway.perform(part, provider.key())
    assert isinstance(back, Refund)
    assert (back.amount, back.intent, back.reference) == (6_000, paid.id, reference)
    assert back.state in {"pending", "succeeded"}
    with pytest.raises(GatewayRefused):
        await provider.gateway.perform(part, provider.key())
    rest = await provider.gateway.perform(replace(part, amount=4_000), provider.key())
    assert isinstance(rest, Refund)
    with pytest.raises(GatewayRefused, match="charge_already_refunded"):
        await provider.gateway.perform(replace(part, amount=100), provider.key())


async def test_what_was_taken_is_a_movement_on_the_account(provider: Provider) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    held = await provider.confirmed(await provider.intent())
    taken = await provider.gateway.perform(
        CaptureHold(provider.account, held.id, 6_000, "EUR", provider.fee(6_000)), provider.key()
    )
    assert isinstance(taken, Intent)
    moved = [one async for one in provider.gateway.transactions(provider.account, began)]
    assert not [one for one in moved if isinstance(one, Unreadable)]
    (ours,) = [one for one in moved if one.id == taken.charge_transaction]
    assert isinstance(ours, BalanceTransaction)
    assert (ours.source, ours.kind, ours.net) == (taken.charge, "charge", ours.amount - ours.fee)
    if ours.currency == "EUR":
        assert (ours.amount, ours.application_fee) == (6_000, provider.fee(6_000))
    async for payout in provider.gateway.payouts(provider.account, began - timedelta(days=30)):
        assert payout.state in {"pending", "in_transit", "paid", "failed", "canceled"}


async def test_a_dispute_names_its_payment(provider: Provider) -> None:
    paid = await provider.confirmed(await provider.intent(capture=True), "pm_card_createDispute")
    assert paid.state is IntentState.SUCCEEDED
    listed = await provider.listed("/v1/disputes", about=paid.id, payment_intent=paid.id)
    found = await provider.gateway.find(provider.account, listed["id"])
    assert isinstance(found, Dispute)
    assert (found.intent, found.amount, found.state) == (paid.id, 10_000, "needs_response")


async def test_an_event_rightly_signed_is_a_hint_and_a_forged_one_is_not(provider: Provider) -> None:
    intent = await provider.intent()
    body, signed = provider.signed(await provider.listed("/v1/events", about=intent.id))
    notice = provider.gateway.read_notice(body, signed, connect=True)
    assert (notice.object, notice.kind) == (intent.id, "payment_intent.created")
    with pytest.raises(BadSignature):
        provider.gateway.read_notice(body, signed, connect=False)


async def test_a_practitioners_account_is_made_and_led_to_what_is_missing(provider: Provider) -> None:
    reference, began = f"contract-{uuid.uuid4()}", datetime.now(UTC)
    asked = CreateAccount(reference, "p@practice.example", "FR", "EUR")
    made = await provider.gateway.perform(asked, provider.key())
    assert isinstance(made, Account)
    try:
        assert (made.reference, made.currency, made.can_payout) == (reference, "EUR", False)
        assert made.missing
        found = await provider.gateway.find("", made.id)
        assert isinstance(found, Account)
        assert found.reference == reference
        assert [one.id for one in await provider.gateway.find_by_reference("", reference, began)] == [made.id]
        url = await provider.gateway.onboarding_url(made.id, BACK, BACK)
        assert url.startswith("https://")
    finally:
        # At Stripe it would stay among the test accounts for good; the sandbox forgets by itself.
        await provider.raw("DELETE", f"/v1/accounts/{made.id}", account="")


async def test_what_was_made_is_found_by_its_reference(provider: Provider) -> None:
    if not provider.account:
        pytest.skip("on the platform's own account only practitioners' accounts are looked for: STRIPE_TEST_ACCOUNT")
    reference = f"contract-{uuid.uuid4()}"
    intent = await provider.intent(reference=reference)
    (found,) = await provider.gateway.find_by_reference(provider.account, reference, datetime.now(UTC))
    assert found.id == intent.id


async def test_what_is_not_there_is_missing(provider: Provider) -> None:
    with pytest.raises(NoSuchObject):
        await provider.gateway.find(provider.account, "pi_3PnoSuchIntent0000000000")
