"""The administrators' door: log-in by password or one-time link, log-out."""

from aiohttp import web as aioweb

from store.ids import AdministratorId
from web.api import LoginLink, Opened
from web.io.answers import json, page, see
from web.io.guard import body_of, form_of
from web.io.parts import SITE
from web.io.visitor import (
    account_key,
    address_bucket,
    administrator_cookie,
    administrator_of,
    is_https,
    known_browser,
    remember_browser,
    secret_cookie,
)
from web.problems import Refused

# As long as a session can last at all (agenda ends it earlier when idle).
_SESSION_SECONDS = 12 * 3600


async def login_page(request: aioweb.Request) -> aioweb.Response:
    """GET /admin/login."""
    if await administrator_of(request) is not None:
        return see("/admin")
    return page(request, "login", action="/admin/login", problem=None, email="")


async def login(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/login. An unknown e-mail and a wrong password get the same answer, at the same cost."""
    form = await form_of(request)
    email, password = form.get("email", ""), form.get("password", "")
    site = request.app[SITE]
    account, address, at = account_key(f"administrator {email}"), address_bucket(request), site.parts.clock()
    browser = known_browser(request, account)
    if wait := site.logins.take(account, address, at, browser):
        response = page(request, "login", action="/admin/login", status=429, problem="too_many", email=email)
        response.headers["Retry-After"] = str(int(wait) + 1)
        return response
    administrator = await site.parts.administrators.log_in(email, password)
    if administrator is None:
        return page(request, "login", action="/admin/login", status=403, problem="bad_login", email=email)
    site.logins.give_back(account, address, at, browser)
    response = see("/admin")
    remember_browser(request, response, account)
    await _begin(request, response, administrator)
    return response


async def open_page(request: aioweb.Request) -> aioweb.Response:
    """GET /admin/open. Redeems nothing: the page does, after its script has run."""
    return page(request, "open", login_path="/admin/login")


async def open_link(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/open: a one-time link's token for a session."""
    link = await body_of(request, LoginLink)
    site = request.app[SITE]
    at = site.parts.clock()
    if wait := site.looks.take(address_bucket(request), at):
        raise Refused("too_many", retry_after=wait)
    administrator = await site.parts.administrators.redeem_link(link.token, at)
    if administrator is None:
        raise Refused("link_unknown")
    response = json(Opened("/admin"))
    await _begin(request, response, administrator)
    return response


async def logout(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/logout."""
    response = see("/admin/login")
    if token := secret_cookie(request, administrator_cookie(request)):
        await request.app[SITE].parts.administrators.end_session(token)
    _set(request, response, "", 0)
    return response


async def _begin(request: aioweb.Request, response: aioweb.Response, administrator: AdministratorId) -> None:
    parts = request.app[SITE].parts
    if old := secret_cookie(request, administrator_cookie(request)):
        await parts.administrators.end_session(old)
    _set(request, response, await parts.administrators.start_session(administrator, parts.clock()), _SESSION_SECONDS)


def _set(request: aioweb.Request, response: aioweb.Response, value: str, seconds: int) -> None:
    # Strict: nothing leads here from elsewhere but a link that logs in anew.
    name, secure = administrator_cookie(request), is_https(request)
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Strict", secure=secure)
