"""A browser in which an account was logged in before: a signed note that gives it a share of tries of its own.

Anybody can empty the bucket of an account whose e-mail they know. Its owner, in a browser that bears this note, is not
counted there. The note lets nobody in, is good for one account, and who steals it gets five more guesses.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

LIFETIME = timedelta(days=365)

_NOTE = re.compile(r"([A-Za-z0-9_-]{8,32})\.(\d{1,11})\.([0-9a-f]{64})")


def note(key: bytes, account: str, browser: str, at: datetime) -> str:
    """Return the note for the account's key; `browser` is a name of URL-safe characters, drawn at random."""
    seconds = str(int(at.timestamp()))
    return f"{browser}.{seconds}.{_signature(key, account, browser, seconds)}"


def browser_of(key: bytes, account: str, text: str, at: datetime) -> str | None:
    """Return the browser's name, or None for a note that is not ours, of another account, or a year old."""
    found = _NOTE.fullmatch(text)
    if found is None:
        return None
    browser, seconds, signature = found.groups()
    if not hmac.compare_digest(signature, _signature(key, account, browser, seconds)):
        return None
    return browser if at - datetime.fromtimestamp(int(seconds), UTC) < LIFETIME else None


def _signature(key: bytes, account: str, browser: str, seconds: str) -> str:
    return hmac.new(key, f"known browser\n{account}\n{browser}\n{seconds}".encode(), hashlib.sha256).hexdigest()
