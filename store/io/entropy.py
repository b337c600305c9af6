"""Where ids and secrets come from: the operating system's random source."""

import hashlib
import secrets

from store.ids import Prefix


def new_id(prefix: Prefix) -> str:
    """Return a fresh id of that kind: the prefix and 22 characters that carry 128 random bits."""
    return prefix + secrets.token_urlsafe(16)


def new_token() -> str:
    """Return a fresh secret: 43 URL-safe characters that carry 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return the SHA-256 of a token in hex: what the database keeps instead of it.

    A plain hash is enough for 256 random bits: there is no list of likely tokens to try.
    """
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
