"""The sandbox as a server on a loopback port: the API for our gateway, the hosted pages for people."""

import asyncio
import contextlib
import ipaddress
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web as aioweb
from msgspec.structs import replace

from billing.sandbox import accounts, balance, clock, hosted_form, records, tickets
from billing.sandbox.books import Books
from billing.sandbox.io.faults import Faults
from billing.sandbox.io.gateway import SandboxGateway
from billing.sandbox.io.hosted import HostedPages
from billing.sandbox.io.memory import Memory
from billing.sandbox.io.requests import ApiServer
from billing.sandbox.io.webhooks import Weather, WebhookSender
from billing.sandbox.records import Event

# How often time does its work when nobody asks for anything.
_TICK_SECONDS = 30.0


class NotLoopback(ValueError):
    """Ours: the sandbox has no protection against a network."""


def _now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """Start it, give `gateway()` to billing, close it. `books` shows everything that it holds.

    `incremental`: its accounts may raise holds, as those on IC+ pricing at Stripe may.
    """

    books: Books
    faults: Faults

    def __init__(self, *, incremental: bool = False) -> None:
        self.faults = Faults()
        self._incremental = incremental
        self.url = ""

    async def start(
        self,
        state_path: Path | None = None,
        now: Callable[[], datetime] = _now,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Listen, with what was saved under `state_path`. Raises `NotLoopback`, `OSError`, `sqlite3.Error`."""
        if not ipaddress.ip_address(host).is_loopback:
            raise NotLoopback(host)
        self._clock = now
        self._memory = Memory(state_path)
        self.books = self._remembered()
        self._keep()
        self._api = ApiServer(self.books, self.faults, self.now, self._changed)
        pages = HostedPages(self.books, self.page_time, self.now, self._changed)
        app = aioweb.Application(client_max_size=64 * 1024)
        app.add_routes([*pages.routes(), *self._api.routes()])
        self._runner = aioweb.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        try:
            await aioweb.TCPSite(self._runner, host, port).start()
        except OSError:
            await self._runner.cleanup()
            self._memory.close()
            raise
        self._sender = WebhookSender(self.books, self._keep)
        bound = self._runner.addresses[0][1]
        self.url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        self._ticking = asyncio.create_task(self._tick())

    async def close(self) -> None:
        """Stop listening. What was answered is saved already."""
        self._ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticking
        self._api.let_go()
        await self._runner.cleanup()
        await self._sender.close()
        self._keep()
        self._memory.close()

    # -- how to reach it -------------------------------------------------------------------------------------

    @property
    def secret_key(self) -> str:
        return self.books.install.secret_key

    @property
    def publishable_key(self) -> str:
        return self.books.install.publishable_key

    @property
    def webhook_secrets(self) -> tuple[str, str]:
        """The signing secrets of the account's and of the Connect endpoint."""
        return self.books.install.account_secret, self.books.install.connect_secret

    @property
    def weather(self) -> Weather:
        """How webhooks travel."""
        return self._sender.weather

    def set_webhook_urls(self, account_url: str, connect_url: str) -> None:
        """Say where the events go: the platform's own, and the connected accounts'."""
        self._sender.urls = {"account": account_url, "connect": connect_url}
        self._sender.offer([])

    def set_public_origin(self, origin: str) -> None:
        """Say under which address browsers see the hosted pages (`https://practice.example`)."""
        self.books.put(replace(self.books.install, public_origin=origin.rstrip("/")))
        self._changed()

    def gateway(self) -> SandboxGateway:
        """Return a gateway to this sandbox; close it before the sandbox."""
        return SandboxGateway(
            self.secret_key,
            self.publishable_key,
            webhook_secrets=self.webhook_secrets,
            url=self.url,
            clock=self._clock,
            incremental=self._incremental,
        )

    def card_form_url(self, client_secret: str, return_url: str, lang: str = "") -> str:
        """Return the relative address of the card form. Raises `LookupError`, or `ValueError` for the return."""
        if not tickets.may_return_to(return_url, self.books.install.public_origin):
            raise ValueError("the card form leads back to our own site only")
        attempts = [*self.books.all(records.PaymentIntent), *self.books.all(records.SetupIntent)]
        for attempt in attempts:
            if attempt.client_secret == client_secret:
                return tickets.page_url(
                    tickets.Ticket(
                        purpose=tickets.Purpose.CARD,
                        object=attempt.id,
                        account=attempt.account,
                        return_url=return_url,
                        lang=lang,
                        expires=self.page_time() + tickets.LIVES,
                    ),
                    self.secret_key,
                )
        raise LookupError("no intent has this client secret")

    def enter_card(self, intent: str, number: str = "4242424242424242", *, authenticated: bool | None = None) -> None:
        """Do what a person does on the card form. Raises `ApiError` for a refusal, which is remembered as such.

        `authenticated` answers the bank's question, if there is one; None leaves it open.
        """
        known = self.books.named(intent)
        account = known.account if known is not None else ""
        typed = {"number": number, "expiry": f"12/{self.now().year + 3}", "cvc": "1234" if number[0] == "3" else "123"}
        try:
            hosted_form.enter(self.books, hosted_form.attempt(self.books, account, intent), typed, self.now())
            if authenticated is not None:
                found = hosted_form.attempt(self.books, account, intent)
                hosted_form.answer(self.books, found, self.now(), success=authenticated)
        finally:
            self._changed()

    # -- time and what others do -----------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the sandbox's time, which may be ahead."""
        return self._clock() + timedelta(seconds=self.books.install.ahead_seconds)

    def page_time(self) -> datetime:
        """Return the time without the lead: a tester who lets a week pass keeps the page that is open."""
        return self._clock()

    def advance(self, delta: timedelta) -> None:
        """Let time pass: holds lapse, payouts are sent and arrive."""
        asked = clock.Advance(seconds=delta.total_seconds())
        clock.advance(self.books, "", "", asked, self.now())
        self._changed()

    def require(self, account: str, items: tuple[str, ...], *, can_charge: bool = True) -> None:
        """Let the provider ask an account for more, or stop its charges. Raises `KeyError`."""
        accounts.require(self.books, account, items, self.now(), can_charge=can_charge)
        self._changed()

    def fail_next_payout(self, account: str) -> str:
        """Let the bank refuse the payout that is on its way; return its id. Raises `ApiError`."""
        payout = balance.make_next_payout_fail(self.books, account)
        self._changed()
        return payout.id

    def return_payout(self, payout: str) -> None:
        """Let the bank send a payout back, a paid one too. Raises `KeyError`, `ApiError`."""
        balance.bounce(self.books, self.books.known(records.Payout, payout), self.now())
        self._changed()

    async def flush_webhooks(self) -> None:
        """Send the waiting events now."""
        await self._sender.flush()

    # -- inside ----------------------------------------------------------------------------------------------

    def _remembered(self) -> Books:
        saved = list(self._memory.load())
        install = next((record for record in saved if isinstance(record, records.Install)), None)
        books = Books(install or self._fresh(), lambda: secrets.token_hex(12), incremental=self._incremental)
        for record in saved:
            books.restore(record)
        return books

    def _fresh(self) -> records.Install:
        at = self._clock()
        return records.Install(
            id="install",
            created=at,
            secret_key=f"sk_sandbox_{secrets.token_hex(24)}",
            publishable_key=f"pk_sandbox_{secrets.token_hex(24)}",
            account_secret=f"whsec_{secrets.token_hex(24)}",
            connect_secret=f"whsec_{secrets.token_hex(24)}",
            settled_until=at,
        )

    def _keep(self) -> list[records.AnyRecord]:
        changed = self.books.take_changes()
        self._memory.save(changed)
        return changed

    def _changed(self) -> None:
        self._sender.offer([record for record in self._keep() if isinstance(record, Event)])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            clock.settle(self.books, self.now())
            self._changed()
