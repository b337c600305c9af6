"""The gateway to Stripe, and to whatever speaks as Stripe does. Nobody but `stripe_*` in this folder imports `stripe`.

Direct charges: each request carries the practitioner's account (`Stripe-Account`), whose controller has the account
itself pay the card fees. The SDK's own repetitions are off: our outbox repeats, with the key that it has stored.

Cards: a PaymentIntent has no parameter for brands; only Checkout and Payment Links have (`brands_blocked`). So the page
hands over a ConfirmationToken, and `confirm_card` looks at its brand before anything is charged. A hold that came about
by another way on another brand is cancelled when it is looked at.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

import stripe
import structlog

from billing import gateway
from billing.gateway import Answer, BadSignature, Found, Intent, IntentState, NoSuchObject, Operation
from billing.io import stripe_objects as objects
from billing.io.stripe_errors import translated
from billing.io.stripe_operations import StripeOperations, on

_TIMEOUT_SECONDS = 20
_TOLERANCE_SECONDS = 300
# Between our clock and Stripe's.
_SKEW = timedelta(minutes=5)
_DASHBOARD = "https://dashboard.stripe.com/"

_Theirs = TypeVar("_Theirs")
_Ours = TypeVar("_Ours")
_log = structlog.get_logger("billing.stripe")

# What the SDK logs below this level holds bodies, and so client secrets.
logging.getLogger("stripe").setLevel(logging.WARNING)


class StripeGateway:
    """`webhook_secrets`: of the account's and of the Connect endpoint. `url` for another server than Stripe's.

    `incremental`: ask for holds that can be raised. Stripe grants that to accounts on IC+ pricing, and refuses *every*
    card of another account that asks for it (https://docs.stripe.com/payments/incremental-authorization).
    """

    sandbox = False

    def __init__(
        self,
        secret_key: str,
        publishable_key: str,
        *,
        webhook_secrets: tuple[str, str],
        url: str = "",
        incremental: bool = False,
    ) -> None:
        self.publishable_key = publishable_key
        self._webhook_secrets = webhook_secrets
        self._http = stripe.AIOHTTPClient(timeout=_TIMEOUT_SECONDS)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": url} if url else {},
            http_client=self._http,
            max_network_retries=0,
        )
        self._operations = StripeOperations(self._client, incremental=incremental)
        self._finders: dict[str, Callable[[str, str], Coroutine[Any, Any, Found]]] = {
            "pi": self._payment_intent,
            "seti": self._setup_intent,
            "re": self._refund,
            "pyr": self._refund,
            "du": self._dispute,
            "dp": self._dispute,
            "acct": self._account,
            "po": self._payout,
        }

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK's has no types

    # -- change ----------------------------------------------------------------------------------------------

    async def perform(self, operation: Operation, key: str) -> Answer:
        with translated():
            return await self._operations.perform(operation, key)

    async def confirm_card(self, account: str, intent: str, token: str, return_url: str) -> Intent:
        with translated():
            return await self._operations.confirm(account, intent, token, return_url)

    async def onboarding_url(self, account: str, return_url: str, refresh_url: str) -> str:
        with translated():
            link = await self._client.v1.account_links.create_async(
                {
                    "account": account,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        return link.url

    # -- look up ---------------------------------------------------------------------------------------------

    async def find(self, account: str, name: str) -> Found:
        finder = self._finders.get(name.removeprefix("sbx_").partition("_")[0])
        if finder is None:
            raise NoSuchObject("unknown kind of id")
        with translated(looking_up=True):
            return await finder(account, name)

    async def _payment_intent(self, account: str, name: str) -> Intent:
        found = await self._client.v1.payment_intents.retrieve_async(name, {"expand": ["latest_charge"]}, on(account))
        intent = objects.payment_intent(account, found)
        if intent.state is IntentState.HELD and intent.card and not gateway.accepts(intent.card):
            return await self._operations.reject(intent)
        return intent

    async def _setup_intent(self, account: str, name: str) -> Intent:
        found = await self._client.v1.setup_intents.retrieve_async(name, {"expand": ["payment_method"]}, on(account))
        return objects.setup_intent(account, found)

    async def _refund(self, account: str, name: str) -> gateway.Refund:
        return objects.refund(account, await self._client.v1.refunds.retrieve_async(name, options=on(account)))

    async def _dispute(self, account: str, name: str) -> gateway.Dispute:
        return objects.dispute(account, await self._client.v1.disputes.retrieve_async(name, options=on(account)))

    async def _account(self, _account: str, name: str) -> gateway.Account:
        return objects.account(await self._client.v1.accounts.retrieve_async(name))

    async def _payout(self, account: str, name: str) -> gateway.Payout:
        return objects.payout(account, await self._client.v1.payouts.retrieve_async(name, options=on(account)))

    async def find_by_reference(
        self, account: str, reference: str, since: datetime
    ) -> tuple[Intent | gateway.Refund | gateway.Account, ...]:
        # Lists, not Stripe's search: a search lags behind by up to a minute.
        span = _since(since - _SKEW)
        client, options = self._client.v1, on(account)
        found: list[Intent | gateway.Refund | gateway.Account] = []

        def ours(one: object) -> bool:
            # Others' are not even read: what they say may be something that we do not know.
            return objects.reference_of(one) == reference

        if not account:
            with translated():
                made = await client.accounts.list_async({"created": span, "limit": 100})
                found += [objects.account(one) async for one in made.auto_paging_iter() if ours(one)]
            return tuple(found)
        with translated():
            payments = await client.payment_intents.list_async(
                {"created": span, "limit": 100, "expand": ["data.latest_charge"]}, options
            )
            found += [objects.payment_intent(account, one) async for one in payments.auto_paging_iter() if ours(one)]
            setups = await client.setup_intents.list_async(
                {"created": span, "limit": 100, "expand": ["data.payment_method"]}, options
            )
            found += [objects.setup_intent(account, one) async for one in setups.auto_paging_iter() if ours(one)]
            refunds = await client.refunds.list_async({"created": span, "limit": 100}, options)
            found += [objects.refund(account, one) async for one in refunds.auto_paging_iter() if ours(one)]
        return tuple(found)

    async def transactions(
        self, account: str, since: datetime
    ) -> AsyncIterator[gateway.BalanceTransaction | gateway.Unreadable]:
        with translated():
            page = await self._client.v1.balance_transactions.list_async(
                {"created": _since(since), "limit": 100}, on(account)
            )
            async for found in page.auto_paging_iter():
                read = _read(found, lambda one: objects.balance_transaction(account, one))
                yield read or gateway.Unreadable(found.id, account, objects.moment(found.created))

    async def payouts(self, account: str, since: datetime) -> AsyncIterator[gateway.Payout]:
        with translated():
            page = await self._client.v1.payouts.list_async({"created": _since(since), "limit": 100}, on(account))
            async for found in page.auto_paging_iter():
                if (read := _read(found, lambda one: objects.payout(account, one))) is not None:
                    yield read

    async def transactions_of_payout(self, account: str, payout: str) -> AsyncIterator[gateway.BalanceTransaction]:
        with translated():
            page = await self._client.v1.balance_transactions.list_async({"payout": payout, "limit": 100}, on(account))
            async for found in page.auto_paging_iter():
                read = _read(found, lambda one: objects.balance_transaction(account, one, payout))
                if read is not None:
                    yield read

    # -- what pages and webhooks need ------------------------------------------------------------------------

    def card_form_url(self, intent: Intent, return_url: str, lang: str) -> str:  # noqa: ARG002 — the sandbox's has one
        return ""

    def dashboard_url(self, account: str) -> str:
        return f"{_DASHBOARD}{account}"

    def read_notice(self, body: bytes, signature: str, *, connect: bool) -> gateway.Notice:
        secret = self._webhook_secrets[1 if connect else 0]
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, _TOLERANCE_SECONDS)
            return objects.notice(json.loads(body))
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError):
            raise BadSignature from None


def _read(found: _Theirs, read: Callable[[_Theirs], _Ours]) -> _Ours | None:
    """Return what the provider listed as ours, None for what says something that we do not know."""
    try:
        return read(found)
    except gateway.GatewayUnclear as problem:
        _log.error("not readable", object=objects.id_of(found), reason=str(problem))
        return None


def _since(at: datetime) -> Any:
    return {"gte": int(at.timestamp())}
