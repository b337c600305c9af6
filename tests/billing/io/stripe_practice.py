"""A practice whose money goes through the gateway and Stripe's own SDK, over a real socket, to the sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp

from billing.gateway import (
    AuthoriseCard,
    CaptureHold,
    CreateAccount,
    Intent,
)
from billing.io.stripe_gateway import StripeGateway
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


@asynccontextmanager
async def opened_practice(*, incremental: bool = False) -> AsyncIterator[Practice]:
    """A sandbox, its gateway, and one practitioner's account; `incremental`: it may raise holds."""
    sandbox = Sandbox(incremental=incremental)
    await sandbox.start()
    gateway = sandbox.gateway()
    made = await gateway.perform(CreateAccount("practitioner-1", "p@practice.example", "FR", "EUR"), "account")
    yield Practice(sandbox, gateway, made.id)
    await gateway.close()
    await sandbox.close()


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
    made = await raw(
        practice, "/v1/test_helpers/confirmation_tokens", payment_method=card, setup_future_usage="off_session"
    )
    return str(made["id"])
