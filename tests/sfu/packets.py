"""RTP packets for tests."""

import struct


def rtp(
    *,
    ssrc: int = 7,
    payload_type: int = 111,
    sequence: int = 1,
    extension: bytes | None = None,
    profile: int = 0xBEDE,
    payload: bytes = b"media",
    csrcs: int = 0,
) -> bytes:
    """Return a packet; `extension` holds the elements, already padded to words."""
    first = 0x80 | (0x10 if extension is not None else 0) | csrcs
    head = struct.pack("!BBHII", first, payload_type, sequence, 1000, ssrc) + bytes(4 * csrcs)
    if extension is not None:
        head += struct.pack("!HH", profile, len(extension) // 4) + extension
    return head + payload
