"""Log-in by password or by a one-time link, log-out, and the choice of language."""

from aiohttp import web as aioweb

from web.api import LoginLink, Opened
from web.io.answers import json, page, see
from web.io.guard import body_of, form_of
from web.io.parts import SITE
from web.io.visitor import (
    NEXT_COOKIE,
    account_key,
    address_bucket,
    known_browser,
    log_in,
    log_out,
    log_out_everywhere,
    practitioner_id,
    practitioner_of,
    remember_browser,
    remember_next,
    set_language,
)
from web.languages import DEFAULT, language
from web.origins import own_path
from web.problems import Refused

# Where a log-in may lead on to.
_PAGES = ("/desk", "/consultations/", "/monitoring", "/earnings", "/payments")


async def front(request: aioweb.Request) -> aioweb.Response:
    """GET / → the desk for who is logged in, the log-in for everybody else."""
    return see("/desk" if await practitioner_id(request) is not None else "/login")


async def login_page(request: aioweb.Request) -> aioweb.Response:
    """GET /login."""
    if await practitioner_id(request) is not None:
        return see("/desk")
    return page(request, "login", action="/login", problem=None, email="")


async def login(request: aioweb.Request) -> aioweb.Response:
    """POST /login. An unknown e-mail and a wrong password get the same answer, at the same cost."""
    form = await form_of(request)
    email, password = form.get("email", ""), form.get("password", "")
    site = request.app[SITE]
    account, address, at = account_key(email), address_bucket(request), site.parts.clock()
    browser = known_browser(request, account)
    if wait := site.logins.take(account, address, at, browser):
        response = page(request, "login", action="/login", status=429, problem="too_many", email=email)
        response.headers["Retry-After"] = str(int(wait) + 1)
        return response
    practitioner = await site.parts.credentials.log_in(email, password, at)
    if practitioner is None:
        return page(request, "login", action="/login", status=403, problem="bad_login", email=email)
    site.logins.give_back(account, address, at, browser)
    response = see(_after_login(request))
    remember_next(request, response, None)
    remember_browser(request, response, account)
    await log_in(request, response, practitioner)
    return response


def _after_login(request: aioweb.Request) -> str:
    path = own_path(request.cookies.get(NEXT_COOKIE))
    return path if path.startswith(_PAGES) else "/desk"


async def logout(request: aioweb.Request) -> aioweb.Response:
    """POST /logout: of this browser. Its WebSockets and media end with the session."""
    response = see("/login")
    await log_out(request, response)
    return response


async def logout_everywhere(request: aioweb.Request) -> aioweb.Response:
    """POST /logout/everywhere: of every browser, for one that was lost or left open."""
    response = see("/login")
    await log_out_everywhere(request, response)
    return response


async def open_page(request: aioweb.Request) -> aioweb.Response:
    """GET /open. Redeems nothing; it names whoever is logged in, for the question whether to replace them."""
    await practitioner_of(request)
    return page(request, "open", login_path="/login")


async def open_link(request: aioweb.Request) -> aioweb.Response:
    """POST /open: a one-time link's token for a session. Somebody else's is replaced only when asked to."""
    link = await body_of(request, LoginLink)
    site = request.app[SITE]
    at = site.parts.clock()
    if wait := site.looks.take(address_bucket(request), at):
        raise Refused("too_many", retry_after=wait)
    here = await practitioner_id(request)
    if here is not None and not link.replace:
        meant = await site.parts.credentials.practitioner_of_login_link(link.token, at)
        if meant is not None and meant != here:
            raise Refused("someone_else")
    redeemed = await site.parts.credentials.redeem_login_link(link.token, at)
    if redeemed is None:
        raise Refused("link_unknown")
    practitioner, target = redeemed
    response = json(Opened(own_path(target)))
    await log_in(request, response, practitioner)
    return response


async def choose_language(request: aioweb.Request) -> aioweb.Response:
    """POST /language: remember the choice and go back, on this site only."""
    form = await form_of(request)
    response = see(own_path(form.get("next")))
    set_language(request, response, language(form.get("lang")) or DEFAULT)
    return response
