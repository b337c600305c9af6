"""The hosted pages as HTML: no script, no inline style, so that the strictest content security policy holds."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web as aioweb

FOLDER = Path(__file__).resolve().parent.parent

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(FOLDER / "templates")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


@cache
def words_of(lang: str) -> Mapping[str, str]:
    """Return the words of a language that is one of `LANGUAGES`."""
    words: dict[str, str] = json.loads((FOLDER / "locales" / f"{lang}.json").read_text(encoding="utf-8"))
    return words


def page(name: str, lang: str, *, status: int = 200, error: str = "", **parts: Any) -> aioweb.Response:
    """Return a page; `error` is the word for what is wrong, or ""."""
    words = words_of(lang)
    text = (
        _environment()
        .get_template(f"{name}.html")
        .render(lang=lang, words=words, error=words[error] if error else "", **parts)
    )
    return aioweb.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)


def leave(url: str) -> aioweb.Response:
    """Return a redirect that makes the browser GET."""
    return aioweb.Response(status=303, headers={**_HEADERS, "Location": url})


def style() -> aioweb.Response:
    """Return the one style sheet."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
    text = (FOLDER / "static" / "sandbox.css").read_text(encoding="utf-8")
    return aioweb.Response(text=text, content_type="text/css", headers=headers)
