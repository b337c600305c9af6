"""One request to the API: who asks, was it asked before, is it well formed, what is the answer.

Idempotency as Stripe's (https://docs.stripe.com/api/idempotent_requests): the first answer under a key is given again
for 24 hours, errors included, once the request was carried out; a request refused for its parameters was not.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from billing.sandbox import clock, records
from billing.sandbox.books import Books
from billing.sandbox.endpoints import ENDPOINTS, Endpoint
from billing.sandbox.errors import ApiError
from billing.sandbox.expansion import expanded
from billing.sandbox.parameters import asked, decoded
from billing.sandbox.records import Record
from billing.sandbox.shapes import Shape, shown

API_VERSION = "2026-10-28.endive"
_KEYS_LIVE = timedelta(hours=24)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`form` is the query of a GET, the body of a POST."""

    method: str
    path: str
    form: str = ""
    bearer: str = ""
    version: str = API_VERSION
    account: str = ""
    key: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`replayed`: it had been given before."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


FAILURE = ApiError(500, "", "An unknown error occurred.", kind="api_error")


def respond(books: Books, request: Request, at: datetime, *, fail_after: bool = False) -> Answer:
    """Carry a request out and return the answer. `fail_after`: do it, but answer 500, for crash tests."""
    try:
        _admit(books, request)
        clock.settle(books, at)
        earlier = _earlier(books, request, at)
        if earlier is not None:
            return Answer(status=earlier.status, body=earlier.body, replayed=True)
        books.acting(request.account)
        endpoint, name = _endpoint(request)
        parameters = asked(endpoint.takes, decoded(parse_qsl(request.form, keep_blank_values=True)))
    except ApiError as error:
        return Answer(status=error.status, body={"error": error.body()})
    answer = _carry_out(books, request, endpoint, name, parameters, at)
    if fail_after:
        answer = Answer(status=FAILURE.status, body={"error": FAILURE.body()})
    if request.method == "POST":
        _remember(books, request, answer, at)
    return answer


def _admit(books: Books, request: Request) -> None:
    if not request.bearer.startswith("sk_sandbox_"):
        raise ApiError(401, "api_key_not_sandbox", "The sandbox takes no key but its own: no test keys, no live keys.")
    if not hmac.compare_digest(request.bearer.encode(), books.install.secret_key.encode()):
        raise ApiError(401, "api_key_invalid", "Invalid API key provided.")
    if request.version != API_VERSION:
        raise ApiError(400, "api_version_invalid", f"The sandbox speaks {API_VERSION} only.")


def _endpoint(request: Request) -> tuple[Endpoint, str]:
    for endpoint in ENDPOINTS:
        name = endpoint.match(request.method, request.path)
        if name is not None:
            return endpoint, name
    raise ApiError(404, "", f"Unrecognized request URL ({request.method}: {request.path}).")


def _carry_out(books: Books, request: Request, endpoint: Endpoint, name: str, parameters: Any, at: datetime) -> Answer:
    error: ApiError | None = None
    made = ""
    try:
        done = endpoint.act(books, request.account, name, parameters, at)
        made = done.id if isinstance(done, Record) else ""
        shape: Shape = shown(done, books) if isinstance(done, Record) else done
        answer = Answer(status=200, body=expanded(shape, parameters.expand, books))
    except ApiError as refusal:
        error, made = refusal, refusal.intent
        body = {"error": refusal.body()}
        intent = books.named(refusal.intent) if refusal.intent else None
        if intent is not None:
            body["error"][intent.KIND] = shown(intent, books)
        answer = Answer(status=refusal.status, body=body)
    if request.method == "POST":
        _log(books, request, answer.status, made or name, error, at)
    return answer


def _log(books: Books, request: Request, status: int, made: str, error: ApiError | None, at: datetime) -> None:
    books.put(
        records.Performed(
            id=books.new_id(records.Performed),
            account=request.account,
            created=at,
            method=request.method,
            path=request.path,
            key=request.key,
            status=status,
            object=made,
            code=error.code if error else "",
        )
    )


def _earlier(books: Books, request: Request, at: datetime) -> records.Replay | None:
    if request.method != "POST" or not request.key:
        return None
    try:
        earlier = books.known(records.Replay, _replay_id(request))
    except KeyError:
        return None
    if at - earlier.created >= _KEYS_LIVE:
        return None
    if (earlier.path, earlier.fingerprint) != (request.path, _fingerprint(request)):
        raise ApiError(
            400,
            "",
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            kind="idempotency_error",
        )
    return earlier


def _remember(books: Books, request: Request, answer: Answer, at: datetime) -> None:
    if request.key:
        books.put(
            records.Replay(
                id=_replay_id(request),
                account=request.account,
                created=at,
                method=request.method,
                path=request.path,
                fingerprint=_fingerprint(request),
                status=answer.status,
                body=answer.body,
            )
        )


def _replay_id(request: Request) -> str:
    return f"{request.account}|{request.key}"


def _fingerprint(request: Request) -> str:
    pairs = sorted(parse_qsl(request.form, keep_blank_values=True))
    return hashlib.sha256(msgspec.json.encode(pairs)).hexdigest()
