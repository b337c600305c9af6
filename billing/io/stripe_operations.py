"""The operations that change something at Stripe, each under its idempotency key."""

from collections.abc import Awaitable, Callable
from typing import Any

import stripe
from msgspec.structs import replace
from stripe import RequestOptions
from stripe.params import PaymentIntentCaptureParams, PaymentIntentCreateParams, RefundCreateParams

from billing import gateway
from billing.gateway import (
    Answer,
    AuthoriseCard,
    CaptureHold,
    CreateAccount,
    GatewayRefused,
    IncreaseHold,
    Intent,
    IntentState,
    Operation,
    RefundCharge,
    ReleaseHold,
    SaveCard,
)
from billing.io import stripe_objects as objects
from billing.io.stripe_amounts import to_stripe

_WITH_CHARGE = ["latest_charge"]
_WITH_CARD = ["payment_method"]


class StripeOperations:
    """Raises the SDK's errors; whoever calls translates them. `incremental`: holds may be raised, see the gateway."""

    def __init__(self, client: stripe.StripeClient, *, incremental: bool) -> None:
        self._client = client.v1
        self._incremental = incremental
        self._acts: dict[type, Callable[[Any, str], Awaitable[Answer]]] = {
            AuthoriseCard: self._authorise,
            SaveCard: self._save_card,
            CaptureHold: self._capture,
            IncreaseHold: self._increase,
            ReleaseHold: self._release,
            RefundCharge: self._refund,
            CreateAccount: self._create_account,
        }

    async def perform(self, operation: Operation, key: str) -> Answer:
        return await self._acts[type(operation)](operation, key)

    async def _customer(self, account: str, reference: str, key: str) -> str:
        made = await self._client.customers.create_async(
            {"metadata": {"reference": reference}}, on(account, f"{key}:customer")
        )
        return made.id

    async def _authorise(self, asked: AuthoriseCard, key: str) -> Intent:
        amount, fee = to_stripe(asked.amount, asked.currency), to_stripe(asked.fee, asked.currency)
        customer = asked.customer or await self._customer(asked.account, asked.reference, key)
        wanted: PaymentIntentCreateParams = {
            "amount": amount,
            "currency": asked.currency.lower(),
            "customer": customer,
            "allowed_payment_method_types": ["card"],
            "capture_method": "automatic" if asked.capture else "manual",
            "metadata": {"reference": asked.reference},
            "expand": _WITH_CHARGE,
        }
        if asked.description:
            wanted["description"] = asked.description
        if asked.capture and fee:
            wanted["application_fee_amount"] = fee
        if not asked.capture and self._incremental:
            wanted["payment_method_options"] = {"card": {"request_incremental_authorization": "if_available"}}
        if asked.payment_method:
            # The card was saved for this before; Stripe refuses to save and to charge off-session in one.
            wanted |= {"payment_method": asked.payment_method, "confirm": True, "off_session": True}
        elif asked.save_card:
            wanted["setup_future_usage"] = "off_session"
        made = await self._client.payment_intents.create_async(wanted, on(asked.account, key))
        return objects.payment_intent(asked.account, made)

    async def _save_card(self, asked: SaveCard, key: str) -> Intent:
        customer = asked.customer or await self._customer(asked.account, asked.reference, key)
        made = await self._client.setup_intents.create_async(
            {
                "customer": customer,
                "allowed_payment_method_types": ["card"],
                "usage": "off_session",
                "metadata": {"reference": asked.reference},
                "expand": _WITH_CARD,
            },
            on(asked.account, key),
        )
        return objects.setup_intent(asked.account, made)

    async def _capture(self, asked: CaptureHold, key: str) -> Intent:
        wanted: PaymentIntentCaptureParams = {
            "amount_to_capture": to_stripe(asked.amount, asked.currency),
            "expand": _WITH_CHARGE,
        }
        if asked.fee:
            wanted["application_fee_amount"] = to_stripe(asked.fee, asked.currency)
        taken = await self._client.payment_intents.capture_async(asked.intent, wanted, on(asked.account, key))
        return objects.payment_intent(asked.account, taken)

    async def _increase(self, asked: IncreaseHold, key: str) -> Intent:
        more = await self._client.payment_intents.increment_authorization_async(
            asked.intent,
            {"amount": to_stripe(asked.amount, asked.currency), "expand": _WITH_CHARGE},
            on(asked.account, key),
        )
        return objects.payment_intent(asked.account, more)

    async def _release(self, asked: ReleaseHold, key: str) -> Intent:
        try:
            return await self._cancel(asked.account, asked.intent, key)
        except stripe.InvalidRequestError as error:
            if error.code not in {"payment_intent_unexpected_state", "setup_intent_unexpected_state"}:
                raise
            intent = await self._now(asked.account, asked.intent)
        if intent.state is IntentState.CANCELLED:
            return intent
        raise GatewayRefused("payment_intent_unexpected_state")

    async def _cancel(self, account: str, intent: str, key: str) -> Intent:
        options = on(account, key)
        if _saves_card(intent):
            saved = await self._client.setup_intents.cancel_async(intent, {"expand": _WITH_CARD}, options)
            return objects.setup_intent(account, saved)
        gone = await self._client.payment_intents.cancel_async(intent, {"expand": _WITH_CHARGE}, options)
        return objects.payment_intent(account, gone)

    async def _now(self, account: str, intent: str) -> Intent:
        options = on(account)
        if _saves_card(intent):
            saved = await self._client.setup_intents.retrieve_async(intent, {"expand": _WITH_CARD}, options)
            return objects.setup_intent(account, saved)
        found = await self._client.payment_intents.retrieve_async(intent, {"expand": _WITH_CHARGE}, options)
        return objects.payment_intent(account, found)

    async def _refund(self, asked: RefundCharge, key: str) -> gateway.Refund:
        wanted: RefundCreateParams = {
            "payment_intent": asked.intent,
            "amount": to_stripe(asked.amount, asked.currency),
            "metadata": {"reference": asked.reference},
        }
        paid = await self._client.payment_intents.retrieve_async(asked.intent, options=on(asked.account))
        if paid.application_fee_amount:
            # Where there is none (no commission, a part too small for one) Stripe refuses to give it back.
            wanted["refund_application_fee"] = True
        made = await self._client.refunds.create_async(wanted, on(asked.account, key))
        return objects.refund(asked.account, made)

    async def _create_account(self, asked: CreateAccount, key: str) -> gateway.Account:
        made = await self._client.accounts.create_async(
            {
                "country": asked.country,
                "email": asked.email,
                "business_type": "individual",
                "default_currency": asked.currency.lower(),
                # The account pays its card fees, Stripe bears its losses and asks for its papers, and its dashboard is
                # Stripe's own: https://docs.stripe.com/connect/direct-charges-fee-payer-behavior
                "controller": {
                    "fees": {"payer": "account"},
                    "losses": {"payments": "stripe"},
                    "requirement_collection": "stripe",
                    "stripe_dashboard": {"type": "full"},
                },
                "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}},
                "metadata": {"reference": asked.reference},
            },
            on("", key),
        )
        return objects.account(made)

    async def confirm(self, account: str, intent: str, token: str, return_url: str) -> Intent:
        """Charge or save the card of a ConfirmationToken, if it is of a brand that is taken."""
        typed = await self._client.confirmation_tokens.retrieve_async(token, options=on(account))
        card = typed.payment_method_preview.card if typed.payment_method_preview is not None else None
        if card is None or not gateway.accepts(card.brand):
            raise GatewayRefused("card_brand_not_accepted")
        options = on(account, f"confirm:{token}")
        if _saves_card(intent):
            saved = await self._client.setup_intents.confirm_async(
                intent, {"confirmation_token": token, "return_url": return_url, "expand": _WITH_CARD}, options
            )
            return objects.setup_intent(account, saved)
        held = await self._client.payment_intents.confirm_async(
            intent, {"confirmation_token": token, "return_url": return_url, "expand": _WITH_CHARGE}, options
        )
        return objects.payment_intent(account, held)

    async def reject(self, intent: Intent) -> Intent:
        """Free a hold on a card that is not taken; return it cancelled, with the reason."""
        gone = await self._cancel(intent.account, intent.id, f"brand:{intent.id}")
        return replace(gone, declined="card_brand_not_accepted")


def on(account: str, key: str = "") -> RequestOptions:
    """Return the options of a request on a connected account ("" is the platform itself), under a key if it changes."""
    options: RequestOptions = {}
    if account:
        options["stripe_account"] = account
    if key:
        options["idempotency_key"] = key
    return options


def _saves_card(intent: str) -> bool:
    return intent.removeprefix("sbx_").startswith("seti_")
