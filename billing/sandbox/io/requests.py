"""The API's requests over HTTP: from the wire to `api.respond` and back, with the faults that were ordered."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from aiohttp import web as aioweb

from billing.sandbox.api import API_VERSION, FAILURE, Answer, Request, respond
from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.io.faults import Fault, Faults

_BUSY = ApiError(429, "rate_limit", "Too many requests hit the API too quickly.")
_KEY_IN_USE = ApiError(
    409, "idempotency_key_in_use", "There is currently another in-progress request using this idempotent key."
)
_INSTEAD = {Fault.FAIL_BEFORE: FAILURE, Fault.BUSY: _BUSY, Fault.KEY_IN_USE: _KEY_IN_USE}


class ApiServer:
    """`now` is the sandbox's time; `changed` is called before the answer leaves, so that it is saved by then."""

    def __init__(self, books: Books, faults: Faults, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        self._books = books
        self._faults = faults
        self._now = now
        self._changed = changed
        self._closing = asyncio.Event()

    def routes(self) -> Iterable[aioweb.RouteDef]:
        return [aioweb.route("*", "/{path:v1/.*}", self._handle)]

    def let_go(self) -> None:
        """End the requests that hang."""
        self._closing.set()

    async def _handle(self, http: aioweb.Request) -> aioweb.StreamResponse:
        fault = self._faults.meet(http.method, http.path)
        if fault in {Fault.DROP_BEFORE, Fault.HANG_BEFORE}:
            return await self._silent(http, fault)
        if fault in _INSTEAD:
            return _json(Answer(status=_INSTEAD[fault].status, body={"error": _INSTEAD[fault].body()}))
        form = await http.text() if http.method == "POST" else http.query_string
        answer = respond(self._books, _request(http, form), self._now(), fail_after=fault is Fault.FAIL_AFTER)
        self._changed()
        if fault in {Fault.DROP_AFTER, Fault.HANG_AFTER}:
            return await self._silent(http, fault)
        return _json(answer)

    async def _silent(self, http: aioweb.Request, fault: Fault | None) -> aioweb.StreamResponse:
        if fault in {Fault.HANG_BEFORE, Fault.HANG_AFTER}:
            await self._closing.wait()
        if http.transport is not None:
            http.transport.abort()
        return aioweb.Response(status=500)


def _request(http: aioweb.Request, form: str) -> Request:
    return Request(
        method=http.method,
        path=http.path,
        form=form,
        bearer=http.headers.get("Authorization", "").removeprefix("Bearer "),
        version=http.headers.get("Stripe-Version", API_VERSION),
        account=http.headers.get("Stripe-Account", ""),
        key=http.headers.get("Idempotency-Key", ""),
    )


def _json(answer: Answer) -> aioweb.Response:
    headers = {"Stripe-Version": API_VERSION, "Cache-Control": "no-store"}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return aioweb.Response(
        status=answer.status, body=msgspec.json.encode(answer.body), content_type="application/json", headers=headers
    )
