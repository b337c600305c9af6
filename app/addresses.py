"""Which addresses media workers bind, and which ones browsers are told."""

import ipaddress
import socket

from app.language import Refused, say

# RFC 5737 and RFC 3849 documentation addresses: connecting a UDP socket sends nothing, it only asks the routing table.
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def media_addresses(media_host: str) -> tuple[str, tuple[str, ...]]:
    """Return the address to bind and the addresses to advertise for `--media-host`.

    An address of this machine is both. All interfaces (`0.0.0.0`, `::`) advertise the address of the default
    route. Anything else is a public address in front of this machine: told to browsers, never bound. Several may be
    given with commas. Raises `Refused` for a name that does not resolve and for a machine without a default route.
    """
    named = [part.strip() for part in media_host.split(",") if part.strip()]
    addresses = [_resolve(name) for name in named]
    if not addresses:
        raise Refused(say("--media-host is empty: give an address of this machine or its public address."))
    family = _family(addresses[0])
    everywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
    if len(addresses) > 1:
        return everywhere, tuple(addresses)
    if ipaddress.ip_address(addresses[0]).is_unspecified:
        return everywhere, (outward_address(family),)
    return (addresses[0] if is_own(addresses[0]) else everywhere), (addresses[0],)


def outward_address(family: socket.AddressFamily) -> str:
    """Return the address from which this machine would speak to the internet. Raises `Refused` without a route."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ELSEWHERE[family], 9))
        except OSError as error:
            raise Refused(
                say("This machine has no default route, so its outward address is unknown: give it with --media-host.")
            ) from error
        return str(probe.getsockname()[0])


def is_own(address: str) -> bool:
    """Whether a socket can be bound to this address on this machine."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host name or address is reachable from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _resolve(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise Refused(say("The name {name} given for media does not resolve to an address.", name=name)) from error
    first = next((entry for entry in found if entry[0] == socket.AF_INET), found[0])
    return str(first[4][0])
