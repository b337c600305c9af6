"""STUN as an ICE-lite agent needs it: read a binding request, check it, answer it (RFC 8489, RFC 8445 §7.3).

Anything else (responses, indications, other methods, junk) raises `BadStun` and is met with silence.
"""

import struct
from dataclasses import dataclass

from aioice import stun

_USERNAME = b"\x00\x06"
# Browsers put the USERNAME among the first of some eight attributes.
_MAX_ATTRIBUTES = 16


class BadStun(ValueError):
    """Theirs: not an ICE binding request."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """An ICE connectivity check. `local` and `remote` are the halves of its USERNAME, ours first."""

    local: str
    remote: str
    nominates: bool
    message: stun.Message


def named_user(datagram: bytes) -> str:
    """Return our half of the USERNAME, at the price of a glance: nothing is checked yet. Raises `BadStun`."""
    if len(datagram) < 20 or datagram[4:8] != b"\x21\x12\xa4\x42" or datagram[0:2] != b"\x00\x01":
        raise BadStun("no binding request")
    position = 20
    for _ in range(_MAX_ATTRIBUTES):
        size = int.from_bytes(datagram[position + 2 : position + 4], "big")
        if datagram[position : position + 2] == _USERNAME:
            local, separator, _ = datagram[position + 4 : position + 4 + size].partition(b":")
            if separator:
                return local.decode(errors="replace")
            break
        position += 4 + size + -size % 4
    raise BadStun("without a user")


def read_request(datagram: bytes) -> BindingRequest:
    """Return the binding request; it is not authenticated yet. Raises `BadStun`."""
    # Cheapest first: most junk fails at the magic cookie (RFC 8489 §5).
    if len(datagram) < 20 or datagram[4:8] != b"\x21\x12\xa4\x42" or datagram[0:2] != b"\x00\x01":
        raise BadStun("no binding request")
    try:
        message = stun.parse_message(datagram)
    except (ValueError, IndexError, KeyError, AssertionError, struct.error) as error:
        raise BadStun("malformed") from error
    username = message.attributes.get("USERNAME")
    if not isinstance(username, str) or "MESSAGE-INTEGRITY" not in message.attributes:
        raise BadStun("without credentials")
    local, separator, remote = username.partition(":")
    if not separator:
        raise BadStun("without a remote half")
    return BindingRequest(local, remote, "USE-CANDIDATE" in message.attributes, message)


def is_authentic(request: BindingRequest, password: str) -> bool:
    """Whether the request was made by somebody who knows our ICE password (RFC 8489 §9.1)."""
    return request.message.check_message_integrity(password.encode())


def success(request: BindingRequest, address: tuple[str, int], password: str) -> bytes:
    """Return the success response that tells `address` (host, port) where it was seen (RFC 8489 §6.3.1.1)."""
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.message.transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": address},
    )
    response.add_message_integrity(password.encode())
    return bytes(response)
