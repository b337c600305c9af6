"""Signed tickets for the hosted pages: who holds one may do one thing to one object, for a while.

A page's address names no client secret, so that none stands in a log; the ticket names the object by its id, which by
itself opens nothing.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# Long enough to fetch a card from another room, short enough for an address that stands in a history.
LIVES = timedelta(hours=2)


class Purpose(StrEnum):
    """Which page a ticket opens."""

    CARD = "card"
    ONBOARDING = "onboarding"
    DASHBOARD = "dashboard"


class BadTicket(Exception):
    """Theirs: forged, for another page, or too old."""


class Ticket(msgspec.Struct, frozen=True):
    """`object` is an intent's or an account's id; `return_url` is where the page leads in the end."""

    purpose: Purpose
    object: str
    expires: datetime
    account: str = ""
    return_url: str = "/"
    lang: str = ""


def signed(ticket: Ticket, secret_key: str) -> str:
    """Return the ticket as a word that fits into an address."""
    body = msgspec.json.encode(ticket)
    return _word(body) + "." + _word(_mac(body, secret_key))


def read(text: str, purpose: Purpose, secret_key: str, at: datetime) -> Ticket:
    """Return the ticket. Raises `BadTicket`."""
    body, _, mac = text.partition(".")
    try:
        content = _bytes(body)
        genuine = hmac.compare_digest(_bytes(mac), _mac(content, secret_key))
        ticket = msgspec.json.decode(content, type=Ticket) if genuine else None
    except (binascii.Error, ValueError):
        ticket = None
    if ticket is None or ticket.purpose is not purpose or at >= ticket.expires:
        raise BadTicket
    return ticket


def page_url(ticket: Ticket, secret_key: str) -> str:
    """Return the relative address of the ticket's page."""
    return f"/sandbox/{ticket.purpose}?ticket={signed(ticket, secret_key)}"


def may_return_to(url: str, public_origin: str) -> bool:
    """Return whether a hosted page may lead there: a path of the same site, or under the public address."""
    if any(character <= " " or character in "\\\x7f" for character in url):
        return False
    if public_origin and (url == public_origin or url.startswith(f"{public_origin}/")):
        return True
    return url.startswith("/") and not url.startswith("//")


def _mac(body: bytes, secret_key: str) -> bytes:
    return hmac.digest(f"hosted pages:{secret_key}".encode(), body, hashlib.sha256)


def _word(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(word: str) -> bytes:
    return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
