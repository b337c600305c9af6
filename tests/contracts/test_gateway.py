"""What every gateway does: the sandbox's always, Stripe's test mode with `-m stripe_test` and STRIPE_API_KEY=sk_test_….

In test mode STRIPE_TEST_ACCOUNT names a connected account that may charge (Stripe lets an account charge only after
somebody has filled in its form); without it the platform's own is used, which then takes no application fee.
"""

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from billing.gateway import (
    AuthoriseCard,
    CaptureHold,
    CreateAccount,
    Gateway,
    GatewayRefused,
    GatewayUnclear,
    Intent,
    IntentState,
    NoSuchObject,
    Refund,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox.io.server import Sandbox

BACK = "https://practice.example/pay"


@dataclass
class Provider:
    """A gateway, an account that may charge, and what a browser does with a card there."""

    gateway: Gateway
    account: str
    url: str
    secret_key: str
    takes_fees: bool

    def key(self) -> str:
        return f"visavis-contract:{uuid.uuid4()}"

    async def token(self, card: str) -> str:
        """Hand a card over as Stripe.js does; in test mode Stripe has an endpoint for that."""
        headers = {"Authorization": f"Bearer {self.secret_key}"}
        if self.account:
            headers["Stripe-Account"] = self.account
        async with (
            aiohttp.ClientSession(headers=headers) as browser,
            browser.post(f"{self.url}/v1/test_helpers/confirmation_tokens", data={"payment_method": card}) as answer,
        ):
            made: dict[str, Any] = await answer.json()
        return str(made["id"])

    async def intent(self, amount: int = 10_000, *, capture: bool = False, reference: str = "contract") -> Intent:
        asked = AuthoriseCard(self.account, reference, amount, "EUR", capture=capture)
        made = await self.gateway.perform(asked, self.key())
        assert isinstance(made, Intent)
        return made

    async def confirmed(self, intent: Intent, card: str = "pm_card_visa") -> Intent:
        return await self.gateway.confirm_card(self.account, intent.id, await self.token(card), BACK)

    async def find(self, intent: Intent) -> Intent:
        found = await self.gateway.find(self.account, intent.id)
        assert isinstance(found, Intent)
        return found

    def fee(self, amount: int) -> int:
        return amount * 12 // 100 if self.takes_fees else 0


async def _sandbox() -> AsyncIterator[Provider]:
    sandbox = Sandbox()
    await sandbox.start()
    gateway = sandbox.gateway()
    made = await gateway.perform(CreateAccount("contract", "p@practice.example", "FR", "EUR"), "account")
    yield Provider(gateway, made.id, sandbox.url, sandbox.secret_key, takes_fees=True)
    await gateway.close()
    await sandbox.close()


async def _stripe() -> AsyncIterator[Provider]:
    key = os.environ.get("STRIPE_API_KEY", "")
    if not key.startswith("sk_test_"):
        pytest.skip("STRIPE_API_KEY=sk_test_… is not set")
    gateway = StripeGateway(key, "", webhook_secrets=("", ""))
    account = os.environ.get("STRIPE_TEST_ACCOUNT", "")
    yield Provider(gateway, account, "https://api.stripe.com", key, takes_fees=bool(account))
    await gateway.close()


@pytest.fixture(params=["sandbox", pytest.param("stripe", marks=pytest.mark.stripe_test)])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    async for made in _sandbox() if request.param == "sandbox" else _stripe():
        yield made


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
    assert asked.state is IntentState.NEEDS_ACTION


async def test_a_saved_card_is_charged_without_the_patient(provider: Provider) -> None:
    setup = await provider.gateway.perform(SaveCard(provider.account, "contract"), provider.key())
    assert isinstance(setup, Intent)
    saved = await provider.confirmed(setup)
    assert saved.state is IntentState.SUCCEEDED
    asked = AuthoriseCard(
        provider.account,
        "contract",
        5_000,
        "EUR",
        capture=False,
        customer=saved.customer,
        payment_method=saved.payment_method,
    )
    held = await provider.gateway.perform(asked, provider.key())
    assert isinstance(held, Intent)
    assert held.state is IntentState.HELD


async def test_refunds_come_in_parts_and_never_exceed(provider: Provider) -> None:
    paid = await provider.confirmed(await provider.intent(capture=True))
    assert paid.state is IntentState.SUCCEEDED
    if not provider.takes_fees:
        pytest.skip("a refund returns the application fee, and the platform itself pays none")
    half = RefundCharge(provider.account, "contract", paid.id, 6_000, "EUR")
    back = await provider.gateway.perform(half, provider.key())
    assert isinstance(back, Refund)
    assert (back.amount, back.intent) == (6_000, paid.id)
    with pytest.raises(GatewayRefused):
        await provider.gateway.perform(half, provider.key())


async def test_what_was_made_is_found_by_its_reference(provider: Provider) -> None:
    reference = f"contract-{uuid.uuid4()}"
    intent = await provider.intent(reference=reference)
    (found,) = await provider.gateway.find_by_reference(provider.account, reference, datetime.now(UTC))
    assert found.id == intent.id


async def test_what_is_not_there_is_missing(provider: Provider) -> None:
    with pytest.raises(NoSuchObject):
        await provider.gateway.find(provider.account, "pi_3PnoSuchIntent0000000000")
