"""Where cards are entered: on the provider's form, never on ours. In the sandbox on its own pages, behind this site."""

import hmac
from typing import Annotated

import aiohttp
import msgspec
from aiohttp import web as aioweb
from msgspec import Meta

from billing.agreement import CardForm, Purpose
from billing.gateway import GatewayRefused, GatewayUnclear, Intent, NoSuchObject
from web.io.answers import json, page
from web.io.guard import body_of
from web.io.parts import SITE
from web.io.visitor import address_bucket, base_url, language_of
from web.origins import own_path
from web.problems import Refused

# The sandbox's pages for people; what else it answers is for programs with its key.
_HOSTED = frozenset({"card", "challenge", "onboarding", "dashboard", "static/sandbox.css"})
_PASSED_ON = ("Content-Type", "Location", "Cache-Control")
_TIMEOUT = aiohttp.ClientTimeout(total=20)


class ElementForm(msgspec.Struct, frozen=True):
    """What the page with Stripe's Payment Element needs; it travels in the address's fragment, which nobody logs."""

    client_secret: str
    account: str
    setup: bool
    back: str


def card_address(request: aioweb.Request, form: CardForm, back: str) -> str:
    """Return where this card is entered; from there the patient comes back to `back` on this site."""
    money = request.app[SITE].parts.money
    if money.sandbox is not None:
        return money.sandbox.card_form_url(form.client_secret, back, language_of(request))
    element = ElementForm(form.client_secret, form.account, form.purpose is Purpose.CARD, back)
    return "/card#" + msgspec.json.encode(element).hex()


async def card_page(request: aioweb.Request) -> aioweb.Response:
    """GET /card: Stripe's Payment Element. It alone may load Stripe's script (`web.headers`)."""
    money = request.app[SITE].parts.money
    if money.sandbox is not None:
        raise Refused("not_found")
    data = {"publishable_key": money.billing.gateway.publishable_key, "origin": base_url(request)}
    return page(request, "card", data=data)


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card that Stripe's script has read. Who knows an intent's client secret may use it, as at Stripe itself."""

    account: Annotated[str, Meta(max_length=64, pattern=r"^acct_[A-Za-z0-9_]+\Z")]
    client_secret: Annotated[str, Meta(max_length=256, pattern=r"^(pi|seti)_[A-Za-z0-9_]+_secret_[A-Za-z0-9_]+\Z")]
    token: Annotated[str, Meta(max_length=64, pattern=r"^ctoken_[A-Za-z0-9_]+\Z")]
    back: Annotated[str, Meta(max_length=64)]


class Confirmed(msgspec.Struct, frozen=True):
    """The intent's state (`billing.gateway.IntentState`): with `requires_action` the bank asks the patient."""

    state: str


async def confirm(request: aioweb.Request) -> aioweb.Response:
    """POST /card/confirm: the brand is looked at before anything is held (DAT-31)."""
    asked = await body_of(request, Confirmation)
    site = request.app[SITE]
    if wait := site.looks.take(address_bucket(request), site.parts.clock()):
        raise Refused("too_many", retry_after=wait)
    gateway = site.parts.money.billing.gateway
    name = asked.client_secret.partition("_secret_")[0]
    if own_path(asked.back) != asked.back:
        raise Refused("bad_body", field="back")
    try:
        intent = await gateway.find(asked.account, name)
        if not isinstance(intent, Intent) or not hmac.compare_digest(intent.client_secret, asked.client_secret):
            raise Refused("link_unknown")
        back = f"{base_url(request)}{asked.back}"
        confirmed = await gateway.confirm_card(asked.account, name, asked.token, back)
    except NoSuchObject:
        raise Refused("link_unknown") from None
    except GatewayRefused as refused:
        raise Refused("card_refused" if refused.code != "card_brand_not_accepted" else "card_brand") from None
    except GatewayUnclear:
        raise Refused("provider_unavailable") from None
    return json(Confirmed(confirmed.state))


async def card_done(request: aioweb.Request) -> aioweb.Response:
    """GET /card/done: in the tab that was opened beside a call."""
    return page(request, "card_done")


async def sandbox_page(request: aioweb.Request) -> aioweb.Response:
    """GET, POST /sandbox/{path}: the sandbox's pages for people, which listens on this machine only."""
    sandbox = request.app[SITE].parts.money.sandbox
    path = request.match_info["path"]
    if sandbox is None or path not in _HOSTED:
        raise Refused("not_found")
    body = await request.read() if request.method == "POST" else None
    headers = {name: request.headers[name] for name in ("Content-Type", "Accept-Language") if name in request.headers}
    url = f"{sandbox.url}/sandbox/{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as client,
            client.request(
                request.method, url, params=request.query, data=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            content = await answer.read()
            passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            return aioweb.Response(status=answer.status, body=content, headers=passed)
    except (aiohttp.ClientError, TimeoutError):
        raise Refused("provider_unavailable") from None
