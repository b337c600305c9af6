"""The stand-in's money: what the pages ask of prices, pay links and invoices, and scripted answers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

TARIFF = {
    "basis": "fixed",
    "currency": "EUR",
    "exponent": 2,
    "fixed": 8000,
    "per_minute": 0,
    "free_seconds": 0,
    "minimum_seconds": 0,
    "granularity": 1,
    "minimum": 0,
    "cap": None,
}
PER_MINUTE = {**TARIFF, "basis": "per_minute", "fixed": 0, "per_minute": 200, "free_seconds": 60}
PAY_TOKEN = "a-pay-token"
REFUSED = "Le montant a déjà été confirmé."


def price(state: str = "agree", **changes: Any) -> dict[str, Any]:
    """Return what `/join/price` says."""
    return {
        "state": state,
        "tariff": TARIFF,
        "when": "hold",
        "minutes": 30,
        "most": 8000,
        "most_due": 8000,
        "covered_percent": 0,
        "covered_amount": 0,
        "hold_amount": 8000,
        "card_only": False,
        "capture_before": None,
        "card": "",
        "declined": "",
        "payment": None if state in {"agree", "free"} else "draft",
        "due": None,
        "paid": 0,
        "pay_url": None,
        **changes,
    }


def debt(state: str = "pending", **changes: Any) -> dict[str, Any]:
    """Return what a pay link leads to."""
    return {
        "state": state,
        "practitioner": "Dr Anne Martin",
        "starts_at": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
        "currency": "EUR",
        "exponent": 2,
        "seconds": 1234,
        "price": 8000,
        "covered": 0,
        "due": 8000,
        "paid": 0,
        "refunded": 0,
        "no_show": False,
        "card": "",
        "receipts": [],
        **changes,
    }


def invoice(state: str | None = "draft", **changes: Any) -> dict[str, Any]:
    """Return how a consultation's price stands for its practitioner."""
    return {
        "tariff": PER_MINUTE,
        "when": "hold",
        "state": state,
        "patient": "Jean Dupont",
        "seconds": 754,
        "price": 2313,
        "covered": 0,
        "waived": 0,
        "due": 2313,
        "paid": 0,
        "given_up": 0,
        "entered": None,
        "ceiling": 7000,
        "running": False,
        "locked": False,
        "no_show": False,
        "may_no_show": False,
        "missed": 0,
        "card_fee": 60,
        "commission": 278,
        "net": 1975,
        "estimated": True,
        "waited_since": None,
        "host_since": None,
        **changes,
    }


def missed_invoice() -> dict[str, Any]:
    """Return the invoice of a consultation to which the patient did not come."""
    return invoice(seconds=0, price=0, due=0, may_no_show=True, missed=6000, host_since="2026-03-10T09:05:00Z")


def meter(seconds: int = 754, cost: int = 2313, **changes: Any) -> dict[str, Any]:
    """Return the values of a `meter` event: 2.00 a minute, the first one free."""
    return {
        "seconds": seconds,
        "running": True,
        "paused": False,
        "currency": "EUR",
        "exponent": 2,
        "cost": cost,
        "next_costs": [(seconds - 60 + second) * 200 // 60 for second in range(1, 9)],
        "ends_in": None,
        **changes,
    }


class Till:
    """What money answers. `refusals` by path come first, once each; everything that was asked is kept."""

    def __init__(self) -> None:
        self.price = price("free")
        self.after: dict[str, dict[str, Any]] = {}
        self.debt: dict[str, Any] | None = debt()
        self.invoice: dict[str, Any] | None = None
        self.card_url: str | None = "/card/form"
        self.refusals: dict[str, tuple[int, str, str]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.patience = asyncio.Event()
        self.patience.set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/join/price", self._price),
            web.post("/join/price/{what}", self._price),
            web.post("/pay/{what:look|seen|card}", self._pay),
            web.get("/consultations/{id}/invoice", self._invoice),
            web.post("/consultations/{id}/{what:invoice|invoice/confirm|no-show}", self._invoice),
            web.get("/card/form", self._form),
        ]

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def _heard(self, request: web.Request) -> web.Response | None:
        body = await request.json() if request.can_read_body else {}
        self.asked.append((request.path, body))
        await self.patience.wait()
        if request.path not in self.refusals:
            return None
        status, code, detail = self.refusals.pop(request.path)
        return web.json_response({"status": status, "code": code, "detail": detail}, status=status)

    async def _price(self, request: web.Request) -> web.Response:
        if refused := await self._heard(request):
            return refused
        what = request.match_info.get("what", "")
        if what in {"card", "more"}:
            return web.json_response({"url": self.card_url})
        tried = self.after.get(what, self.price)
        # Trying a code changes nothing; everything else stays as it was answered.
        if what != "coupon":
            self.price = tried
        return web.json_response(tried)

    async def _pay(self, request: web.Request) -> web.Response:
        if refused := await self._heard(request):
            return refused
        what = request.match_info["what"]
        if what == "card":
            return web.json_response({"url": self.card_url})
        if self.debt is None:
            return web.json_response({"status": 404, "code": "link_unknown", "detail": "…"}, status=404)
        self.debt = self.after.get(what, self.debt)
        return web.json_response(self.debt)

    async def _invoice(self, request: web.Request) -> web.Response:
        if refused := await self._heard(request):
            return refused
        what = request.match_info.get("what", "")
        self.invoice = self.after.get(what, self.invoice)
        return web.json_response(self.invoice)

    async def _form(self, _: web.Request) -> web.Response:
        """The provider's page: whoever comes here enters a card and goes back."""
        return web.Response(text="<!doctype html><title>Card</title><h1>The provider</h1>", content_type="text/html")
