"""What is known of whoever sent a request: address, scheme, language, log-in session."""

import hashlib
import re
import secrets
from urllib.parse import urlsplit

from aiohttp import web as aioweb

from agenda.people import Administrator, Practitioner
from signalling.revocations import LogIn
from store.ids import PractitionerId
from store.io.entropy import digest
from web.io.parts import ADMINISTRATOR, SITE, WHO
from web.known_browser import LIFETIME, browser_of, note
from web.languages import Language, negotiate
from web.origins import (
    Address,
    address_of,
    bucket_of,
    client_address,
    host_of,
    is_trusted,
    names_this_machine,
    origin_of,
)

LANGUAGE_COOKIE = "visavis_language"
NEXT_COOKIE = "visavis_next"

# As long as a log-in session can last at all (agenda ends it earlier when idle).
_SESSION_SECONDS = 7 * 24 * 3600
_LANGUAGE_SECONDS = 365 * 24 * 3600
_NEXT_SECONDS = 600

# What we give out; headers can hold bytes that are no text at all.
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")


def _peer(request: aioweb.Request) -> str | None:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if isinstance(peer, tuple) and peer else None


def address(request: aioweb.Request) -> Address | None:
    """Return the client's address, as a named proxy tells it or as the socket does; None on a Unix socket."""
    proxies = request.app[SITE].parts.settings.trusted_proxies
    return client_address(_peer(request), request.headers.getall("X-Forwarded-For", []), proxies)


def address_bucket(request: aioweb.Request) -> str:
    """Return the key under which this client's tries are counted."""
    return bucket_of(address(request))


def is_this_machine(request: aioweb.Request) -> bool:
    """Whether the request was made on this machine itself, and not handed on by a proxy here, named or not.

    A page from elsewhere can have its own name lead to a browser's machine (DNS rebinding) and read what a browser
    there may read: so the request must also be addressed to this machine, or to this site.
    """
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")):
        return False
    peer = address_of(_peer(request))
    host, public = host_of(_host(request)), request.app[SITE].parts.settings.public_url
    addressed = names_this_machine(host) or (host != "" and host == (urlsplit(public or "").hostname or ""))
    return peer is not None and peer.is_loopback and addressed


def is_https(request: aioweb.Request) -> bool:
    """Whether the visitor came by https: to us, to a named proxy, or to the host of an https `public_url`."""
    settings = request.app[SITE].parts.settings
    if request.secure:
        return True
    if is_trusted(address_of(_peer(request)), settings.trusted_proxies):
        forwarded = request.headers.get("X-Forwarded-Proto", "")
        if forwarded:
            return forwarded.rsplit(",", 1)[-1].strip().lower() == "https"
    public = origin_of(settings.public_url)
    return public is not None and public.startswith("https:") and public == origin_of(f"https://{_host(request)}")


def base_url(request: aioweb.Request) -> str:
    """Return the address of this site for links, without a trailing slash."""
    settings = request.app[SITE].parts.settings
    return settings.public_url or _own_origin(request) or "http://localhost"


def _own_origin(request: aioweb.Request) -> str | None:
    return origin_of(f"{'https' if is_https(request) else 'http'}://{_host(request)}")


def _host(request: aioweb.Request) -> str:
    # `request.host` would ask the name service, and wait for it, when the header is missing.
    return request.headers.get("Host", "")


def allowed_origins(request: aioweb.Request) -> set[str]:
    """Return the origins whose pages are ours: the one the request was sent to, and the public one."""
    public = origin_of(request.app[SITE].parts.settings.public_url)
    return {origin for origin in (public, _own_origin(request)) if origin is not None}


def language_of(request: aioweb.Request) -> Language:
    """Return the language to answer in."""
    return negotiate(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language"))


def _session_cookie(request: aioweb.Request) -> str:
    return "__Host-visavis" if is_https(request) else "visavis"


def session_token(request: aioweb.Request) -> str | None:
    """Return the log-in session's token, if the browser sent what can be one."""
    return secret_cookie(request, _session_cookie(request))


def secret_cookie(request: aioweb.Request, name: str) -> str | None:
    """Return the secret in that cookie, if the browser sent what can be one."""
    return _secret(request.cookies.get(name, ""))


async def administrator_of(request: aioweb.Request) -> Administrator | None:
    """Return the administrator who is logged in, looked up once per request."""
    if ADMINISTRATOR in request:
        return request[ADMINISTRATOR]
    parts = request.app[SITE].parts
    token = secret_cookie(request, administrator_cookie(request))
    found = await parts.administrators.of_session(token, parts.clock()) if token else None
    if found is not None:
        request[ADMINISTRATOR] = found
    return found


def administrator_cookie(request: aioweb.Request) -> str:
    """Return the name of the cookie that holds an administrator's session."""
    return "__Host-visavis-admin" if is_https(request) else "visavis-admin"


def bearer(request: aioweb.Request) -> str | None:
    """Return the `Authorization: Bearer` secret, if there is what can be one."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return _secret(text.strip()) if scheme.lower() == "bearer" else None


def _secret(text: str) -> str | None:
    return text if _SECRET.fullmatch(text) else None


async def log_in_of(request: aioweb.Request) -> LogIn | None:
    """Return the browser's log-in, by which the WebSocket server knows its practitioner."""
    practitioner, token = await practitioner_id(request), session_token(request)
    return LogIn(practitioner, digest(token)) if practitioner is not None and token else None


async def practitioner_id(request: aioweb.Request) -> PractitionerId | None:
    """Return who is logged in."""
    token = session_token(request)
    if not token:
        return None
    parts = request.app[SITE].parts
    return await parts.credentials.practitioner_of_session(token, parts.clock())


async def practitioner_of(request: aioweb.Request) -> Practitioner | None:
    """Return who is logged in, looked up once per request."""
    if WHO in request:
        return request[WHO]
    found = await practitioner_id(request)
    who = await request.app[SITE].parts.agenda.practitioner(found) if found is not None else None
    if who is not None:
        request[WHO] = who
    return who


async def log_in(request: aioweb.Request, response: aioweb.Response, practitioner: PractitionerId) -> None:
    """Give the browser a new session, whatever it had before: a session planted in it beforehand is worth nothing.

    Somebody else whose session this ends is logged out as by the button: nothing of theirs stays open here.
    """
    parts = request.app[SITE].parts
    old, token = session_token(request), await parts.credentials.start_session(practitioner, parts.clock())
    if old:
        if await practitioner_id(request) == practitioner:
            parts.on_renewed_log_in(digest(old), digest(token))
        replaced = await parts.credentials.end_session(old)
        if replaced is not None and replaced != practitioner:
            await parts.on_logout(replaced, digest(old))
    _set_cookie(request, response, _session_cookie(request), token, _SESSION_SECONDS)


async def log_out(request: aioweb.Request, response: aioweb.Response) -> None:
    """End the browser's session, if it has one, and all that runs under it, even if it has lapsed meanwhile."""
    parts = request.app[SITE].parts
    token = session_token(request)
    practitioner = await parts.credentials.end_session(token) if token else None
    if token and practitioner is not None:
        await parts.on_logout(practitioner, digest(token))
    _set_cookie(request, response, _session_cookie(request), "", 0)


async def log_out_everywhere(request: aioweb.Request, response: aioweb.Response) -> None:
    """End the sessions in every browser of whoever is logged in here, and all that runs under them."""
    parts = request.app[SITE].parts
    practitioner = await practitioner_id(request)
    if practitioner is not None:
        await parts.credentials.end_all_sessions(practitioner)
        await parts.on_logout(practitioner, None)
    await log_out(request, response)


def set_language(request: aioweb.Request, response: aioweb.Response, language: Language) -> None:
    """Let the browser remember the visitor's choice."""
    _set_cookie(request, response, LANGUAGE_COOKIE, language, _LANGUAGE_SECONDS)


def remember_next(request: aioweb.Request, response: aioweb.Response, path: str | None) -> None:
    """Let the browser remember for ten minutes where to go on after the log-in; None forgets it."""
    _set_cookie(request, response, NEXT_COOKIE, path or "", _NEXT_SECONDS if path else 0)


def _set_cookie(request: aioweb.Request, response: aioweb.Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=is_https(request))


def known_browser(request: aioweb.Request, account: str) -> str | None:
    """Return the browser's name when the account of that key was logged in here before, else None."""
    parts = request.app[SITE].parts
    text = request.cookies.get(_note_cookie(request, account), "")
    return browser_of(parts.settings.key, account, text, parts.clock())


def remember_browser(request: aioweb.Request, response: aioweb.Response, account: str) -> None:
    """Let the browser be known for the account of that key, for a year from now."""
    parts = request.app[SITE].parts
    text = note(parts.settings.key, account, secrets.token_urlsafe(12), parts.clock())
    seconds = int(LIFETIME.total_seconds())
    _set_cookie(request, response, _note_cookie(request, account), text, seconds)


def _note_cookie(request: aioweb.Request, account: str) -> str:
    # One for each account, as people share browsers; the name tells no more than a part of a hash.
    name = f"visavis_known_{account[:12]}"
    return f"__Host-{name}" if is_https(request) else name


def account_key(email: str) -> str:
    """Return the key under which tries for an account are counted: no e-mail address is kept for that."""
    return hashlib.sha256(email.strip().casefold().encode(errors="replace")).hexdigest()
