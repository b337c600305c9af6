"""The mail server that takes our letters on, read from its URL."""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit


class BadServer(ValueError):
    """Theirs: the URL names no server that letters can be given to. The text does not repeat it."""


class Security(StrEnum):
    """How the connection is kept private: encrypted from the start (RFC 8314), by STARTTLS (RFC 3207), not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are given to. Without `user` nobody logs in there."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)


def mail_server(url: str) -> MailServer:
    """Return the server of `smtp://user:password@host:587` (STARTTLS) or `smtps://…` (TLS, 465). Raises `BadServer`.

    STARTTLS is demanded, never merely tried: else whoever stands between could talk us out of it. A server on this
    machine is spoken to in the clear; another one only when the URL says `?tls=no`, and then without any password.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadServer("the port is no number") from None
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"} or parts.fragment:
        raise BadServer("it begins smtp:// or smtps:// and names a host")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if any(ord(character) < 32 for character in user + password + host):
        raise BadServer("control characters")
    if parts.scheme == "smtps":
        return MailServer(host, port or 465, Security.TLS, user, password)
    security = _wanted(parts.query, Security.NONE if _is_here(host) else Security.STARTTLS)
    if security is Security.NONE and user and not _is_here(host):
        raise BadServer("a password is not sent in the clear")
    return MailServer(host, port or 587, security, user, password)


def _wanted(query: str, default: Security) -> Security:
    words = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    tls = words.pop("tls", None)
    if words or tls not in {None, "yes", "no"}:
        raise BadServer("after the ? only tls=yes or tls=no")
    if tls is None:
        return default
    return Security.STARTTLS if tls == "yes" else Security.NONE


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
