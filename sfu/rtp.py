"""RTP headers: where they end, which MID they carry, and how one is added (RFC 3550 §5.1, RFC 8285, RFC 8843 §15).

Chromium stops sending the MID after a few seconds; a peer that reloads later cannot place such a packet, so
every forwarded packet must carry one. Added bytes depend on the packet alone: the same packet sent again gets
the same header, which GCM demands.
"""

import struct

from sfu.codecs import MID_EXTENSION

FIXED_HEADER = 12
_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000
# A one-byte element with our id and one byte of data starts with this byte (RFC 8285 §4.2).
_MID_ELEMENT = MID_EXTENSION << 4

# The longest block of elements that `write_mid` looks at, in bytes.
USUAL_ELEMENTS = 32
# Blocks of one-byte elements by their first word: the elements' length, that of the whole header, the first word of a
# block that is one word longer, and what writes a header with it. A struct cuts `elements` to the length that it says.
_USUAL = {
    bytes((0xBE, 0xDE, 0, words)): (
        4 * words,
        FIXED_HEADER + 4 + 4 * words,
        bytes((0xBE, 0xDE, 0, words + 1)),
        struct.Struct(f">H6s4s4s{4 * words}s4s").pack_into,
    )
    for words in range(1, USUAL_ELEMENTS // 4 + 1)
}


class BadRtp(ValueError):
    """Theirs: authenticated, yet not an RTP packet."""


def find_mid(packet: memoryview | bytes) -> int | None:
    """Return the MID's character code when the packet carries a MID of one character. Raises `BadRtp`."""
    if not packet[0] & 0x10:
        return None
    start, profile, end = _extension(packet)
    if profile == _ONE_BYTE:
        return _find_in_one_byte(bytes(packet[start + 4 : end]))
    if profile & 0xFFF0 == _TWO_BYTE:
        return _find_in_two_byte(bytes(packet[start + 4 : end]))
    return None


def add_mid(packet: memoryview | bytes, mid: int) -> tuple[int, bytes] | None:
    """Return how many bytes the header grows and the whole new header, or None when there is a MID already.

    `mid` is the character code of a one-character MID. A packet with an extension block of an unknown
    profile also stays as it is. Raises `BadRtp`.
    """
    if not packet[0] & 0x10:
        end = FIXED_HEADER + 4 * (packet[0] & 0x0F)
        if len(packet) < end:
            raise BadRtp("shorter than its header")
        block = bytes((0xBE, 0xDE, 0, 1, _MID_ELEMENT, mid, 0, 0))
        return 8, bytes((packet[0] | 0x10,)) + bytes(packet[1:end]) + block
    start, profile, end = _extension(packet)
    elements = bytes(packet[start + 4 : end])
    if profile == _ONE_BYTE:
        # A single search in C decides for most packets that no element can be a MID.
        if _MID_ELEMENT in elements and _find_in_one_byte(elements) is not None:
            return None
        added = bytes((_MID_ELEMENT, mid, 0, 0))
    elif profile & 0xFFF0 == _TWO_BYTE:
        if _find_in_two_byte(elements) is not None:
            return None
        added = bytes((MID_EXTENSION, 1, mid, 0))
    else:
        return None
    words = ((end - start - 4) // 4 + 1).to_bytes(2, "big")
    return 4, bytes(packet[: start + 2]) + words + elements + added


def mid_element(mid: int) -> bytes:
    """Return what `write_mid` appends to a block for the MID with this character code."""
    return bytes((_MID_ELEMENT, mid, 0, 0))


def write_mid(
    view: memoryview,
    at: int,
    size: int,
    kind: int,
    start: bytes,
    ssrc: bytes,
    block: bytes,
    elements: bytes,
    mid: bytes,
) -> int:
    """Do as `add_mid` says to the usual packet, in place: no CSRCs, some one-byte elements, none of them a MID.

    The packet of `size` bytes lies in `view` from `at` on. Its first bytes are given as they are wanted here: 2 as a
    number, 6, 4, 4, and `USUAL_ELEMENTS` more, whatever they are; `mid` comes from `mid_element`. Returns by how many
    bytes the header has grown, to the front; 0, and nothing is changed, when `add_mid` has to look.
    """
    usual = _USUAL.get(block)
    if usual is None or kind & 0x1F00 != 0x1000:
        return 0
    length, header, longer, write = usual
    if size < header or (_MID_ELEMENT in elements and _MID_ELEMENT in elements[:length]):
        return 0
    write(view, at - 4, kind, start, ssrc, longer, elements, mid)
    return 4


def _extension(packet: memoryview | bytes) -> tuple[int, int, int]:
    start = FIXED_HEADER + 4 * (packet[0] & 0x0F)
    if len(packet) < start + 4:
        raise BadRtp("shorter than its extension header")
    profile = packet[start] << 8 | packet[start + 1]
    end = start + 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    if len(packet) < end:
        raise BadRtp("shorter than its extensions")
    return start, profile, end


def _find_in_one_byte(elements: bytes) -> int | None:
    position, length = 0, len(elements)
    while position < length:
        head = elements[position]
        if head == 0:
            position += 1
            continue
        if head >> 4 == 15:  # RFC 8285 §4.2: stop at the reserved id
            return None
        if head == _MID_ELEMENT and position + 1 < length:
            return elements[position + 1]
        position += 2 + (head & 0x0F)
    return None


def _find_in_two_byte(elements: bytes) -> int | None:
    position, length = 0, len(elements)
    while position < length:
        identifier = elements[position]
        if identifier == 0:
            position += 1
            continue
        if position + 1 >= length:
            return None
        size = elements[position + 1]
        if identifier == MID_EXTENSION and size == 1 and position + 2 < length:
            return elements[position + 2]
        position += 2 + size
    return None
