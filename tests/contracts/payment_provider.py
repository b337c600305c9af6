"""What the scenarios of test_gateway.py need: a gateway, an account that may charge, and what a browser does there."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from billing.gateway import AuthoriseCard, CreateAccount, Gateway, Intent
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox.io.server import Sandbox
from billing.sandbox.io.webhooks import signature

ORIGIN = "https://practice.example"
BACK = f"{ORIGIN}/pay"
SECRETS = ("whsec_contract_account", "whsec_contract_connect")
# Stripe makes some things a little later: the events, and the disputes of its test cards.
_PATIENCE_SECONDS = 60


@dataclass
class Provider:
    """A gateway, an account that may charge ("": the platform's own), and what others do with it."""

    gateway: Gateway
    account: str
    url: str
    secret_key: str
    secrets: tuple[str, str]

    @property
    def takes_fees(self) -> bool:
        return bool(self.account)

    def key(self) -> str:
        return f"visavis-contract:{uuid.uuid4()}"

    async def raw(self, method: str, path: str, *, account: str | None = None, **form: str) -> dict[str, Any]:
        """Return what the provider answers to a request that is not the gateway's."""
        headers = {"Authorization": f"Bearer {self.secret_key}"}
        if acting := self.account if account is None else account:
            headers["Stripe-Account"] = acting
        sent = {"params": form} if method == "GET" else {"data": form}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.url}{path}", **sent) as answer,
        ):
            made: dict[str, Any] = await answer.json()
        return made

    async def listed(self, path: str, *, about: str, **query: str) -> dict[str, Any]:
        """Return the first of a list in which that id stands, as soon as there is one."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            listed = await self.raw("GET", path, limit="100", **query)
            for one in listed["data"]:
                if f'"{about}"' in json.dumps(one):
                    return dict(one)
            await asyncio.sleep(1)
        raise AssertionError(f"{path} lists nothing about {about}")

    async def token(self, card: str) -> str:
        """Hand a card over as Stripe.js does; in test mode Stripe has an endpoint for that.

        `setup_future_usage` as the intent has it: Stripe.js takes it from there, and Stripe compares both.
        """
        typed = {"payment_method": card, "return_url": BACK, "setup_future_usage": "off_session"}
        made = await self.raw("POST", "/v1/test_helpers/confirmation_tokens", **typed)
        assert "id" in made, made
        return str(made["id"])

    async def intent(self, amount: int = 10_000, *, capture: bool = False, reference: str = "contract") -> Intent:
        fee = self.fee(amount) if capture else 0
        asked = AuthoriseCard(self.account, reference, amount, "EUR", capture=capture, fee=fee)
        made = await self.gateway.perform(asked, self.key())
        assert isinstance(made, Intent)
        return made

    async def confirmed(self, intent: Intent, card: str = "pm_card_visa") -> Intent:
        return await self.gateway.confirm_card(self.account, intent.id, await self.token(card), BACK)

    async def find(self, intent: Intent) -> Intent:
        found = await self.gateway.find(self.account, intent.id)
        assert isinstance(found, Intent)
        return found

    async def without_the_patient(self, customer: str, card: str) -> Intent:
        """Hold 50.00 € on a card that was saved before."""
        asked = AuthoriseCard(
            self.account, "contract", 5_000, "EUR", capture=False, customer=customer, payment_method=card
        )
        held = await self.gateway.perform(asked, self.key())
        assert isinstance(held, Intent)
        return held

    def fee(self, amount: int) -> int:
        return amount * 12 // 100 if self.takes_fees else 0

    def signed(self, event: dict[str, Any]) -> tuple[bytes, str]:
        """Return an event as the endpoint for connected accounts gets it: body and signature."""
        body = json.dumps(event).encode()
        return body, signature(body, self.secrets[1], int(time.time()))


async def opened_provider(kind: str) -> AsyncIterator[Provider]:
    """Give the sandbox or, with `kind` "stripe" and a key for it, Stripe's test mode."""
    async for made in _sandbox() if kind == "sandbox" else _stripe():
        yield made


async def _sandbox() -> AsyncIterator[Provider]:
    sandbox = Sandbox()
    await sandbox.start()
    sandbox.set_public_origin(ORIGIN)
    gateway = sandbox.gateway()
    made = await gateway.perform(CreateAccount("contract", "p@practice.example", "FR", "EUR"), "account")
    yield Provider(gateway, made.id, sandbox.url, sandbox.secret_key, sandbox.webhook_secrets)
    await gateway.close()
    await sandbox.close()


async def _stripe() -> AsyncIterator[Provider]:
    key = os.environ.get("STRIPE_API_KEY", "")
    if not key.startswith("sk_test_"):
        pytest.skip("STRIPE_API_KEY=sk_test_… is not set")
    gateway = StripeGateway(key, "", webhook_secrets=SECRETS)
    account = os.environ.get("STRIPE_TEST_ACCOUNT", "")
    yield Provider(gateway, account, "https://api.stripe.com", key, SECRETS)
    await gateway.close()
