"""Billing with its payment provider: Stripe where there is a key for it, else the sandbox, where no money moves."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from app.people import PEOPLE
from app.settings import Settings
from billing.fees import Rates
from billing.gateway import Gateway
from billing.io.fact_log import FactLog
from billing.io.service import Billing
from billing.io.settings import BillingSettings
from billing.io.stripe_gateway import StripeGateway
from billing.receipt import ReceiptBody
from billing.sandbox.io.server import Sandbox
from store.bus import Bus
from store.io.database import Database
from store.io.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Money:
    """Billing, and the sandbox when it stands for the provider."""

    billing: Billing
    sandbox: Sandbox | None


@asynccontextmanager
async def opened_money(
    settings: Settings, database: Database, outbox: Outbox, bus: Bus, key: bytes
) -> AsyncIterator[Money]:
    """Give billing as long as the context lasts; what happened in the sandbox is kept in the data folder."""
    async with _opened_gateway(settings) as (gateway, sandbox):
        billing = Billing(database, outbox, gateway, FactLog(database), key, now, _settings(settings, key), PEOPLE)
        stop = billing.subscribe(bus)
        try:
            yield Money(billing, sandbox)
        finally:
            stop()


def receipt_printer(settings: Settings) -> Callable[[ReceiptBody, str], bytes]:
    """Return what makes a receipt's PDF, with the practice's logo and what fonts there are."""

    def print_receipt(body: ReceiptBody, language: str) -> bytes:
        # Fonts and pictures take 40 MB, which a web process without a reader of receipts need not have.
        from billing.io.receipt_fonts import east_asian_font  # noqa: PLC0415
        from billing.io.receipt_pdf import receipt_pdf  # noqa: PLC0415

        money = settings.money
        return receipt_pdf(body, language, logo=money.logo, font=east_asian_font(money.font))

    return print_receipt


def now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


@asynccontextmanager
async def _opened_gateway(settings: Settings) -> AsyncIterator[tuple[Gateway, Sandbox | None]]:
    keys = settings.money.stripe
    if keys is not None:
        stripe = StripeGateway(
            keys.secret,
            keys.publishable,
            webhook_secrets=(keys.webhook, keys.connect_webhook),
            incremental=keys.incremental,
        )
        try:
            yield stripe, None
        finally:
            await stripe.close()
        return
    sandbox = Sandbox()
    await sandbox.start(settings.data / "sandbox.sqlite3")
    gateway = sandbox.gateway()
    try:
        yield gateway, sandbox
    finally:
        await gateway.close()
        await sandbox.close()


def _settings(settings: Settings, key: bytes) -> BillingSettings:
    money = settings.money
    return BillingSettings(
        # Named after the key, which is made once and lies in every backup beside the database.
        install=hashlib.sha256(b"installation" + key).hexdigest()[:12],
        rates=Rates(commission=money.commission),
        country=money.country,
        currency=money.currency,
        vat_note=money.vat_note,
    )
