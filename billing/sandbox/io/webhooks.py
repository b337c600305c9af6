"""Sends events to the two webhook endpoints, signed as Stripe signs (https://docs.stripe.com/webhooks/signature).

As with Stripe an event may come twice, late, out of order or, for as long as the endpoint is away, not at all; how
much of that, `Weather` says, and tests change it while it runs.
"""

import asyncio
import contextlib
import hashlib
import hmac
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec
from msgspec.structs import replace

from billing.sandbox.api import API_VERSION
from billing.sandbox.books import Books
from billing.sandbox.records import Event
from billing.sandbox.shapes import shown

_TIMEOUT = aiohttp.ClientTimeout(total=10)
# Together some three days, as long as Stripe tries.
_MOST_ATTEMPTS = 80
_LONGEST_PAUSE = 3600.0


@dataclass(slots=True)
class Weather:
    """`copies` of each event; a share (`drop`, 0 to 1) is never sent; `delay` in seconds; `paused` keeps all."""

    copies: int = 1
    drop: float = 0.0
    delay: float = 0.0
    shuffled: bool = False
    paused: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 — weather, no secret


def signature(body: bytes, secret: str, at: int) -> str:
    """Return the `Stripe-Signature` of a body sent at that second."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


class WebhookSender:
    """`saved` is called after events have changed."""

    def __init__(self, books: Books, saved: Callable[[], object]) -> None:
        self.weather = Weather()
        self.urls = {"account": "", "connect": ""}
        self._books = books
        self._saved = saved
        # A dictionary for its order: that in which the events arose.
        self._waiting = {event.id: None for event in books.all(Event) if event.waiting}
        self._not_before: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        self._task = asyncio.create_task(self._run())

    def offer(self, events: list[Event]) -> None:
        """Take new events."""
        self._waiting.update((event.id, None) for event in events if event.waiting)
        self._wake.set()

    async def flush(self) -> None:
        """Try every waiting event once, now, and those that arise meanwhile."""
        tried: set[str] = set()
        while new := self._ready(time.monotonic(), patient=False) - tried:
            await self._deliver(new)
            tried |= new

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._session.close()

    def _ready(self, now: float, *, patient: bool) -> set[str]:
        if self.weather.paused or not any(self.urls.values()):
            return set()
        return {
            name
            for name in self._waiting
            if self._url(self._books.known(Event, name)) and (not patient or self._not_before.get(name, 0) <= now)
        }

    def _url(self, event: Event) -> str:
        return self.urls["connect" if event.account else "account"]

    async def _run(self) -> None:
        while True:
            pause = min(self._not_before.values(), default=time.monotonic() + _LONGEST_PAUSE) - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.05, pause))
            self._wake.clear()
            if self.weather.delay:
                await asyncio.sleep(self.weather.delay)
            await self._deliver(self._ready(time.monotonic(), patient=True))

    async def _deliver(self, names: set[str]) -> None:
        if not names:
            return
        async with self._turn:
            events = [self._books.known(Event, name) for name in self._waiting if name in names]
            letters = [event for event in events for _ in range(self.weather.copies)]
            if self.weather.shuffled:
                self.weather.chance.shuffle(letters)
            for event in letters:
                await self._send(event)

    async def _send(self, event: Event) -> None:
        lost = self.weather.chance.random() < self.weather.drop
        taken = lost or await self._post(event)
        event = self._books.known(Event, event.id)
        attempts = event.attempts + 1
        given_up = attempts >= _MOST_ATTEMPTS
        event = self._books.put(replace(event, attempts=attempts, waiting=event.waiting and not (taken or given_up)))
        self._saved()
        if event.waiting:
            self._not_before[event.id] = time.monotonic() + min(2.0**attempts, _LONGEST_PAUSE)
        else:
            self._waiting.pop(event.id, None)
            self._not_before.pop(event.id, None)

    async def _post(self, event: Event) -> bool:
        body = msgspec.json.encode({**shown(event, self._books), "api_version": API_VERSION})
        install = self._books.install
        secret = install.connect_secret if event.account else install.account_secret
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, secret, int(time.time())),
        }
        try:
            async with self._session.post(self._url(event), data=body, headers=headers) as answer:
                return answer.status // 100 == 2
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
