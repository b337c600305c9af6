"""Where a request comes from: the client's address behind named proxies, and whether our own page sent it."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def address_of(text: str | None) -> Address | None:
    """Return the address that `text` is, an IPv4-mapped one as IPv4; None when it is none (a Unix socket's peer)."""
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def host_of(text: str) -> str:
    """Return the name or address in a Host header, in lower case, without its port; "" when it is none."""
    origin = origin_of(f"http://{text}")
    return (urlsplit(origin).hostname or "") if origin else ""


def names_this_machine(host: str) -> bool:
    """Whether no name server can make `host` (as of `host_of`) mean another machine: a loopback address, localhost."""
    address = address_of(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_trusted(address: Address | None, proxies: Sequence[Network]) -> bool:
    """Whether `address` is one of the operator's named proxies."""
    return address is not None and any(address in network for network in proxies)


def client_address(peer: str | None, forwarded_for: Iterable[str], proxies: Sequence[Network]) -> Address | None:
    """Return who really called: the last `X-Forwarded-For` entry that is no named proxy, when one spoke; else the peer.

    Entries further left were written by the caller and are never believed.
    """
    address = address_of(peer)
    hops = [hop for header in forwarded_for for hop in header.split(",")]
    while hops and is_trusted(address, proxies):
        before = address_of(hops.pop())
        if before is None:
            break
        address = before
    return address


def bucket_of(address: Address | None) -> str:
    """Return the key under which tries are counted: one IPv4 address, or one IPv6 /64 (one subscriber)."""
    if address is None:
        return "local"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)


def origin_of(url: str | None) -> str | None:
    """Return `scheme://host[:port]` of an http or https URL, in lower case, without a default port; else None."""
    try:
        parts = urlsplit(url or "")
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in {None, default} else f"{parts.scheme}://{host}:{port}"


def from_own_page(method: str, origin: str | None, fetch_site: str | None, allowed: Iterable[str]) -> bool:
    """Whether a request that changes something was sent by a page of ours.

    `Sec-Fetch-Site` is believed first, as no page can forge it. Under `Referrer-Policy: no-referrer` browsers send
    `Origin: null` with our own forms (Fetch, "append a request Origin header"), so null is judged by it alone.
    """
    if method in _SAFE_METHODS:
        return True
    if fetch_site is not None and fetch_site != "same-origin":
        return False
    if origin in {None, "null"}:
        return fetch_site == "same-origin"
    return origin_of(origin) in set(allowed)


def own_path(text: str | None) -> str:
    """Return `text` when it is a path on this site to go on to, else "/". Never an address of another site."""
    if not text or not text.startswith("/") or len(text) > 512:
        return "/"
    # Browsers read "\" as "/", drop control characters, and take "//host" for another site.
    if text.startswith("//") or "\\" in text or not text.isascii() or not text.isprintable() or " " in text:
        return "/"
    return text
