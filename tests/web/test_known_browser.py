"""An account's owner gets in while strangers guess: by pure notes, then through the real application."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web as aioweb
from hypothesis import given
from hypothesis import strategies as st

from web.io.application import runner_of
from web.known_browser import LIFETIME, browser_of, note

KEY, OTHER = b"k" * 32, b"o" * 32
AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
EMAIL, PASSWORD = "anne@example.org", "correct horse battery"


def test_a_note_is_good_for_its_account_for_a_year() -> None:
    text = note(KEY, "anne", "browser-1", AT)
    assert browser_of(KEY, "anne", text, AT) == "browser-1"
    assert browser_of(KEY, "anne", text, AT + LIFETIME - timedelta(seconds=1)) == "browser-1"
    assert browser_of(KEY, "anne", text, AT + LIFETIME) is None
    assert browser_of(KEY, "paul", text, AT) is None
    assert browser_of(OTHER, "anne", text, AT) is None


@given(st.integers(0, 200), st.characters())
def test_a_note_that_was_changed_is_none(place: int, character: str) -> None:
    text = note(KEY, "anne", "browser-1", AT)
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    assert changed == text or browser_of(KEY, "anne", changed, AT) is None


@given(st.text())
def test_what_is_no_note_is_none(text: str) -> None:
    assert browser_of(KEY, "anne", text, AT) is None


def stranger(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"203.0.113.{number}"}


def noted(answer) -> dict[str, str]:
    """Return the header with the note that the answer gave."""
    [(name, cookie)] = [(name, cookie) for name, cookie in answer.cookies.items() if "known" in name]
    return {"Cookie": f"{name}={cookie.value}"}


async def test_a_log_in_leaves_a_note_that_no_script_reads(practice) -> None:
    answer = await practice.log_in(EMAIL, PASSWORD)
    [(name, cookie)] = [(name, cookie) for name, cookie in answer.cookies.items() if "known" in name]
    assert "anne" not in name + cookie.value
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert int(cookie["max-age"]) == LIFETIME.total_seconds()


async def test_over_https_the_note_is_bound_to_the_host(practice) -> None:
    answer = await practice.log_in(EMAIL, PASSWORD, {"X-Forwarded-Proto": "https"})
    [(name, cookie)] = [(name, cookie) for name, cookie in answer.cookies.items() if "known" in name]
    assert name.startswith("__Host-")
    assert cookie["secure"]


async def test_a_failed_log_in_leaves_none(practice) -> None:
    assert not (await practice.log_in(EMAIL, "wrong")).cookies


async def test_the_owner_gets_in_while_strangers_empty_the_accounts_bucket(practice) -> None:
    known = noted(await practice.log_in(EMAIL, PASSWORD))
    for number in range(60):
        await practice.log_in(EMAIL, "guess", stranger(number))
    assert (await practice.log_in(EMAIL, PASSWORD, stranger(99))).status == 429
    assert (await practice.log_in(EMAIL, PASSWORD, {**stranger(99), **known})).status == 303


async def test_a_note_lets_nobody_guess_faster(practice) -> None:
    known = noted(await practice.log_in(EMAIL, PASSWORD))
    statuses = [(await practice.log_in(EMAIL, "guess", known)).status for _ in range(6)]
    assert statuses == [403] * 5 + [429]


async def test_a_note_of_another_account_helps_nobody(practice) -> None:
    known = noted(await practice.log_in(EMAIL, PASSWORD))
    statuses = [(await practice.log_in("paul@example.org", "guess", known)).status for _ in range(6)]
    assert statuses == [403] * 5 + [429]


@pytest.mark.parametrize(
    "sent", [b"rubbish\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_a_request_that_cannot_be_read_is_answered_with_the_headers_of_all_others(sent: bytes) -> None:
    runner = runner_of(aioweb.Application())
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(sent)
    answer = (await reader.read()).decode()
    writer.close()
    await runner.cleanup()
    head = answer.partition("\r\n\r\n")[0]
    assert head.startswith(("HTTP/1.0 400 ", "HTTP/1.1 400 "))
    for line in ("Content-Security-Policy: ", "X-Content-Type-Options: nosniff", "Cache-Control: no-store"):
        assert line in head
    assert "Server:" not in head
    assert "aiohttp" not in answer
