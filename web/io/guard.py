"""What every request passes before its handler: our own page, the caller that its row asks for, a small body."""

import re
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web as aioweb

from agenda.io.credentials import ApiKey
from web.authorisation import Access, rule_of
from web.io.answers import see
from web.io.parts import API_KEY, SITE
from web.io.visitor import administrator_of, allowed_origins, bearer, is_this_machine, practitioner_of, remember_next
from web.origins import from_own_page, own_path
from web.problems import Refused

# Everything that is sent to us is a short form or a short JSON object.
MAX_BODY = 64 * 1024

_MAX_FIELDS = 20

_NAMED = re.compile(r"(?: field `|- at `\$\.(?:\w{1,40}\.){0,4})(\w{1,40})`")

Body = TypeVar("Body", bound=msgspec.Struct)


async def checked(request: aioweb.Request) -> aioweb.StreamResponse | None:
    """Return None when the handler may have the request, else where to log in. Raises `Refused`.

    What each route asks for stands in `web.authorisation.TABLE`.
    """
    resource = request.match_info.route.resource
    if resource is None:
        return None
    access = rule_of(request.method, resource.canonical).access
    if access is Access.KEY:
        request[API_KEY] = await _key_of(request)
    elif access is not Access.PROVIDER:
        # The provider's servers are no page; what they send is signed.
        _check_page(request)
    if access is Access.OPERATOR and not is_this_machine(request) and (await _key_of(request)).practitioner:
        raise Refused("not_allowed")
    if access is Access.PRACTITIONER and await practitioner_of(request) is None:
        return _to_login(request)
    if access is Access.ADMINISTRATOR and await administrator_of(request) is None:
        return see("/admin/login")
    if request.body_exists and request.method not in {"GET", "HEAD"}:
        await _check_body(request)
    return None


def _check_page(request: aioweb.Request) -> None:
    origin, fetch_site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if not from_own_page(request.method, origin, fetch_site, allowed_origins(request)):
        raise Refused("not_our_page")


async def _key_of(request: aioweb.Request) -> ApiKey:
    secret = bearer(request)
    parts = request.app[SITE].parts
    key = await parts.credentials.check_key(secret, parts.clock()) if secret else None
    if key is None:
        raise Refused("key_needed")
    return key


def _to_login(request: aioweb.Request) -> aioweb.Response:
    response = see("/login")
    if request.method == "GET":
        remember_next(request, response, own_path(request.path))
    return response


async def _check_body(request: aioweb.Request) -> None:
    if (request.content_length or 0) > MAX_BODY:
        raise Refused("too_large")
    await request.read()


async def form_of(request: aioweb.Request) -> dict[str, str]:
    """Return the fields of a form, the last of equal names. Raises `Refused`."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refused("media_type")
    try:
        text = (await request.read()).decode()
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"))
    except ValueError:
        raise Refused("bad_request") from None
    # Nobody types it, and PostgreSQL keeps no text that holds one.
    if any("\0" in value for value in fields.values()):
        raise Refused("bad_request")
    return fields


async def body_of(request: aioweb.Request, kind: type[Body]) -> Body:
    """Return the JSON body. Raises `Refused`."""
    if request.content_type != "application/json":
        raise Refused("media_type")
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.ValidationError as error:
        raise Refused("bad_body", field=_field_of(error)) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise Refused("bad_request") from None


def _field_of(error: msgspec.ValidationError) -> str | None:
    """Return the field that msgspec names: "… missing required field `minutes`" or "… got `str` - at `$.price.cap`"."""
    named = _NAMED.search(str(error))
    return named.group(1) if named else None
