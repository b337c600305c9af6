"""STUN as an ICE-lite agent needs it: read a binding request, check it, answer it (RFC 8489, RFC 8445 §7.3).

Anything else (responses, indications, other methods, junk) raises `BadStun` and is met with silence. Only what a
connectivity check is decided by is read, so that one costs some microseconds; a browser makes dozens of them.
"""

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1

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

_PORT_MASK = int.from_bytes(_COOKIE[:2], "big")
_ATTRIBUTE = struct.Struct("!HH")
_MAC_HEAD = _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, _MAC_SIZE)
_CRC_HEAD = _ATTRIBUTE.pack(_FINGERPRINT, _CRC_SIZE)
# RFC 2104 §2.
_BLOCK = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class BadStun(ValueError):
    """Theirs: not an ICE binding request."""


class Password:
    """An ICE password as it signs checks: HMAC-SHA1 (RFC 2104) with its first two blocks hashed already.

    The library's own HMAC looks up its algorithms anew for each message, which costs more than the hashing.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, text: str) -> None:
        key = text.encode()
        if len(key) > _BLOCK:
            key = sha1(key).digest()  # noqa: S324 — RFC 8489 §14.5 leaves no choice
        key = key.ljust(_BLOCK, b"\0")
        self._inner, self._outer = (sha1(key.translate(pad)) for pad in (_INNER, _OUTER))  # noqa: S324

    def sign(self, *parts: bytes) -> bytes:
        """Return the HMAC-SHA1 of the parts, 20 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            inner.update(part)
        outer.update(inner.digest())
        return outer.digest()


@dataclass(slots=True)  # not frozen, which costs a microsecond for each check
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


def is_authentic(request: BindingRequest, password: Password) -> bool:
    """Whether the request was made by somebody who knows our ICE password (RFC 8489 §9.1.3)."""
    # The header that was signed ended with MESSAGE-INTEGRITY (§14.5).
    datagram, covered = request.datagram, request.covered
    size = (covered - _HEADER + 4 + _MAC_SIZE).to_bytes(2, "big")
    return hmac.compare_digest(password.sign(datagram[:2], size, datagram[4:covered]), request.mac)


def success(request: BindingRequest, address: tuple[str, int], password: Password) -> bytes:
    """Return the success response that tells `address` (host, port) where it was seen (RFC 8489 §6.3.1.1)."""
    value = _xor_mapped(address, request.transaction)
    body = _COOKIE + request.transaction + _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(value)) + value
    # Both of the last attributes count the header's length as if they ended the message (§14.5, §14.7).
    size = 4 + len(value) + 4 + _MAC_SIZE
    mac = password.sign(_BINDING_SUCCESS + size.to_bytes(2, "big"), body)
    message = _BINDING_SUCCESS + (size + 4 + _CRC_SIZE).to_bytes(2, "big") + body + _MAC_HEAD + mac
    return message + _CRC_HEAD + _checksum(message)


def _checksum(message: bytes) -> bytes:
    """Return the value of a FINGERPRINT behind `message`, whose header counts it already (RFC 8489 §14.7)."""
    return (zlib.crc32(message) ^ _CRC_MASK).to_bytes(_CRC_SIZE, "big")


def _xor_mapped(address: tuple[str, int], transaction: bytes) -> bytes:
    """Return the value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2)."""
    host, port = address
    packed = _packed(host)
    mask = _COOKIE + transaction
    masked = int.from_bytes(packed, "big") ^ int.from_bytes(mask[: len(packed)], "big")
    family = b"\x00\x01" if len(packed) == 4 else b"\x00\x02"
    return family + (port ^ _PORT_MASK).to_bytes(2, "big") + masked.to_bytes(len(packed), "big")


# A browser checks again and again from the few addresses it has.
@lru_cache(maxsize=4096)
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed
