"""STUN as an ICE-lite agent needs it: read a binding request, check it, answer it (RFC 8489, RFC 8445 §7.3).

Anything else (responses, indications, other methods, junk) raises `BadStun` and is met with silence. Only what a
connectivity check is decided by is read, so that one costs some microseconds; a browser makes dozens of them.
"""

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

# RFC 8489 §5: 20 bytes, of which the type of a binding request and the magic cookie are fixed.
_HEADER = 20
_BINDING_REQUEST, _BINDING_SUCCESS = b"\x00\x01", b"\x01\x01"
_COOKIE = b"\x21\x12\xa4\x42"
# RFC 8489 §18.3 and RFC 8445 §16.1.
_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_XOR_MAPPED_ADDRESS = 0x0020
_USE_CANDIDATE = 0x0025
_FINGERPRINT = 0x8028
# RFC 8489 §14.5 and §14.7: an HMAC-SHA1, and a CRC-32 that is XORed with "STUN".
_MAC_SIZE, _CRC_SIZE = 20, 4
_CRC_MASK = 0x5354554E
# Browsers send some eight.
_MAX_ATTRIBUTES = 16

_ATTRIBUTE = struct.Struct("!HH")


class BadStun(ValueError):
    """Theirs: not an ICE binding request."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """An ICE connectivity check. `local` and `remote` are the halves of its USERNAME, ours first.

    `covered` bytes of the `datagram` are what its `mac` was made of.
    """

    local: str
    remote: str
    nominates: bool
    transaction: bytes
    datagram: bytes
    covered: int
    mac: bytes


def read_request(datagram: bytes) -> BindingRequest:
    """Return the binding request, at the price of a glance: it is not authenticated yet. Raises `BadStun`."""
    # Cheapest first: most junk fails at the magic cookie (RFC 8489 §5).
    if len(datagram) < _HEADER or datagram[4:8] != _COOKIE or datagram[0:2] != _BINDING_REQUEST:
        raise BadStun("no binding request")
    if len(datagram) != _HEADER + int.from_bytes(datagram[2:4], "big") or len(datagram) % 4:
        raise BadStun("another length than it says")
    found, covered = _attributes(datagram)
    username, mac = found.get(_USERNAME), found.get(_MESSAGE_INTEGRITY)
    if username is None or mac is None or len(mac) != _MAC_SIZE:
        raise BadStun("without credentials")
    try:
        local, separator, remote = username.decode().partition(":")
    except UnicodeDecodeError:
        raise BadStun("a username that is no text") from None
    if not separator:
        raise BadStun("without a remote half")
    return BindingRequest(local, remote, _USE_CANDIDATE in found, datagram[8:_HEADER], datagram, covered, mac)


def _attributes(datagram: bytes) -> tuple[dict[int, bytes], int]:
    """Return the attributes that are authenticated, and how many bytes stand before MESSAGE-INTEGRITY.

    The first of a kind counts (RFC 8489 §14); behind MESSAGE-INTEGRITY only FINGERPRINT does (§14.5), as the last one
    and with the right sum (§14.7). Raises `BadStun`.
    """
    found: dict[int, bytes] = {}
    position, end, covered = _HEADER, len(datagram), 0
    for _ in range(_MAX_ATTRIBUTES):
        if position == end:
            return found, covered
        kind, size = _ATTRIBUTE.unpack_from(datagram, position)
        behind = position + 4 + size
        if behind > end:
            raise BadStun("an attribute without an end")
        if kind == _FINGERPRINT:
            if behind != end or datagram[position + 4 :] != _checksum(datagram[:position]):
                raise BadStun("another fingerprint")
        elif not covered:
            if kind == _MESSAGE_INTEGRITY:
                covered = position
            found.setdefault(kind, datagram[position + 4 : behind])
        position = behind + -size % 4
    raise BadStun("too many attributes")


def is_authentic(request: BindingRequest, password: str) -> bool:
    """Whether the request was made by somebody who knows our ICE password (RFC 8489 §9.1.3)."""
    return hmac.compare_digest(_mac(request.datagram[: request.covered], password), request.mac)


def success(request: BindingRequest, address: tuple[str, int], password: str) -> bytes:
    """Return the success response that tells `address` (host, port) where it was seen (RFC 8489 §6.3.1.1)."""
    value = _xor_mapped(address, request.transaction)
    head = _BINDING_SUCCESS + bytes(2) + _COOKIE + request.transaction
    message = head + _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(value)) + value
    mac = _mac(message, password)
    message = _sized(message, 4 + _MAC_SIZE + 4 + _CRC_SIZE) + _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, _MAC_SIZE) + mac
    return message + _ATTRIBUTE.pack(_FINGERPRINT, _CRC_SIZE) + _checksum(message)


def _sized(message: bytes, more: int) -> bytes:
    """Return the message with a header that counts `more` bytes behind it."""
    return message[:2] + (len(message) - _HEADER + more).to_bytes(2, "big") + message[4:]


def _mac(message: bytes, password: str) -> bytes:
    """Return the value of MESSAGE-INTEGRITY, whose own length the header counts already (RFC 8489 §14.5)."""
    return hmac.digest(password.encode(), _sized(message, 4 + _MAC_SIZE), "sha1")


def _checksum(message: bytes) -> bytes:
    """Return the value of FINGERPRINT, whose own length the header counts already (RFC 8489 §14.7)."""
    return (zlib.crc32(_sized(message, 4 + _CRC_SIZE)) ^ _CRC_MASK).to_bytes(_CRC_SIZE, "big")


def _xor_mapped(address: tuple[str, int], transaction: bytes) -> bytes:
    """Return the value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2)."""
    host = ipaddress.ip_address(address[0])
    mask = _COOKIE + transaction
    port = (address[1] ^ int.from_bytes(mask[:2], "big")).to_bytes(2, "big")
    packed = host.packed
    masked = int.from_bytes(packed, "big") ^ int.from_bytes(mask[: len(packed)], "big")
    return bytes((0, 1 if host.version == 4 else 2)) + port + masked.to_bytes(len(packed), "big")
