"""What every answer passes on its way out: an answer for every exception, the security headers, a line in the log."""

import secrets
import time
import traceback

import structlog
from aiohttp import web as aioweb
from aiohttp.typedefs import Handler

from billing.problems import THEIRS
from web.headers import security_headers
from web.io.answers import problem
from web.io.guard import checked
from web.io.parts import SITE
from web.io.visitor import is_https
from web.problems import Refused, code_of_money, code_of_status

_log = structlog.get_logger("web")

# A caller may invent methods; the log and the counters name these.
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})

_BEGUN = aioweb.RequestKey("_BEGUN", bool)


@aioweb.middleware
async def answering(request: aioweb.Request, handler: Handler) -> aioweb.StreamResponse:
    """Let the guard look, turn what a handler raises into a page or problem+json, then count and log the answer.

    The log has the route's pattern and no path, which may hold ids; and no address. All this is one coroutine, as each
    one around a handler costs memory for every WebSocket.
    """
    began = time.perf_counter()
    try:
        elsewhere = await checked(request)
        response = await handler(request) if elsewhere is None else elsewhere
    except Exception as error:  # noqa: BLE001 (the last resort: whatever it was, the visitor gets an answer)
        response = _answer_to(request, error)
    seconds = time.perf_counter() - began
    route, status = pattern_of(request), response.status
    method = request.method if request.method in _METHODS else "(other)"
    request.app[SITE].measures.answered(method, route, status, seconds)
    _log.info("request", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))
    return response


def pattern_of(request: aioweb.Request) -> str:
    """Return the pattern of the request's route, "(none)" when it has none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(none)"


def _answer_to(request: aioweb.Request, error: Exception) -> aioweb.StreamResponse:
    try:
        if isinstance(error, Refused):
            return problem(request, error.code, field=error.field, retry_after=error.retry_after)
        if isinstance(error, THEIRS):
            return problem(request, code_of_money(error))
        if isinstance(error, aioweb.HTTPException):
            response = problem(request, code_of_status(error.status), status=error.status)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
    except Exception as second:  # noqa: BLE001 (the page of errors itself is what fails)
        return _unforeseen(request, second)
    return _unforeseen(request, error)


def _unforeseen(request: aioweb.Request, error: Exception) -> aioweb.Response:
    # The message of an exception may hold a name or a token: its type and its place are logged, not its words.
    reference = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    _log.error(
        "request failed", reference=reference, route=pattern_of(request), error=type(error).__name__, place=place
    )
    if request.get(_BEGUN):
        # An answer is on the wire already (a WebSocket): a second one cannot follow it.
        if request.transport is not None:
            request.transport.close()
        return aioweb.Response(status=500)
    try:
        return problem(request, "server_error", reference=reference)
    except Exception as second:  # noqa: BLE001 (the page of errors itself is what fails)
        _log.error("error page failed", reference=reference, error=type(second).__name__)
        return aioweb.Response(status=500, text=f"500 {reference}\n")


async def add_headers(request: aioweb.Request, response: aioweb.StreamResponse) -> None:
    """Give the answer its headers, just before it goes out; also to a WebSocket's and to aiohttp's own answers."""
    request[_BEGUN] = True
    card_page = request.path == "/card" and request.app[SITE].parts.money.sandbox is None
    response.headers.update(security_headers(https=is_https(request), card_page=card_page))
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.popall("Server", None)
