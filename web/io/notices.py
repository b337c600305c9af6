"""Webhooks of the payment provider: believed only when rightly signed, and then only as a hint to look."""

from aiohttp import web as aioweb

from billing.gateway import BadSignature
from web.io.answers import json
from web.io.parts import SITE
from web.problems import Refused


async def account_notice(request: aioweb.Request) -> aioweb.Response:
    """POST /webhooks/stripe: events of the platform's own account."""
    return await _received(request, connect=False)


async def connect_notice(request: aioweb.Request) -> aioweb.Response:
    """POST /webhooks/stripe-connect: events of practitioners' accounts."""
    return await _received(request, connect=True)


async def _received(request: aioweb.Request, *, connect: bool) -> aioweb.Response:
    parts = request.app[SITE].parts
    signature = request.headers.get("Stripe-Signature", "")
    try:
        await parts.money.billing.inbox.receive(await request.read(), signature, connect=connect, at=parts.clock())
    except BadSignature:
        raise Refused("bad_signature") from None
    return json({"received": True})
