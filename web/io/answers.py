"""Shapes of answers: pages, JSON, problems, redirects."""

import math
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web as aioweb

from web.io.parts import SITE, WHO
from web.io.visitor import language_of
from web.problems import KINDS, Problem, answers_in_json


def page(
    request: aioweb.Request,
    name: str,
    *,
    status: int = 200,
    path: str | None = None,
    data: Mapping[str, object] | None = None,
    **values: object,
) -> aioweb.Response:
    """Return a page; `path` is where a change of language leads back to, when not here."""
    text = request.app[SITE].pages.html(
        name,
        language_of(request),
        path or request.path,
        practitioner=request.get(WHO),
        data=data,
        sandbox=request.app[SITE].parts.money.sandbox is not None,
        status=status,
        **values,
    )
    return aioweb.Response(
        text=text, status=status, content_type="text/html", headers={"Vary": "Accept-Language, Cookie"}
    )


def json(value: object, status: int = 200) -> aioweb.Response:
    """Return `value` (anything that msgspec encodes) as JSON."""
    return aioweb.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def see(location: str) -> aioweb.Response:
    """Return a 303: the browser goes there with GET."""
    return aioweb.Response(status=303, headers={"Location": location})


def problem(
    request: aioweb.Request,
    code: str,
    *,
    field: str | None = None,
    reference: str | None = None,
    retry_after: float | None = None,
    status: int | None = None,
) -> aioweb.Response:
    """Return the problem as a page, or as problem+json where a program asked."""
    status = status or KINDS[code].status
    language = language_of(request)
    if answers_in_json(request.method, request.path):
        detail = request.app[SITE].pages.problem(language, code)
        body = Problem(HTTPStatus(status).phrase, status, detail, code, field, reference)
        response = aioweb.Response(
            body=msgspec.json.encode(body),
            status=status,
            content_type="application/problem+json",
            headers={"Content-Language": language, "Vary": "Accept-Language, Cookie"},
        )
    else:
        path = request.path if request.method in {"GET", "HEAD"} else "/"
        response = page(request, "error", status=status, path=path, code=code, reference=reference)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return response
