"""Tells what a datagram is by its length and first bytes, before anything else looks at it (RFC 7983, RFC 5761)."""

from enum import IntEnum

# Nothing that WebRTC sends is longer on an Ethernet path; the longest RTP packet seen was 1198 bytes.
MAX_DATAGRAM = 1472


class Kind(IntEnum):
    """What a datagram claims to be."""

    REFUSED = 0
    STUN = 1
    DTLS = 2
    MEDIA = 3


# RFC 7983 §7: 0..3 STUN, 20..63 DTLS, 128..191 RTP and RTCP; ZRTP, TURN channels and the rest are not for us.
KIND_OF_FIRST_BYTE = bytes(
    Kind.STUN if first <= 3 else Kind.DTLS if 20 <= first <= 63 else Kind.MEDIA if 128 <= first <= 191 else Kind.REFUSED
    for first in range(256)
)


def is_rtcp(second_byte: int) -> bool:
    """Whether a media packet is RTCP: packet types 192 to 223 (RFC 5761 §4)."""
    return 192 <= second_byte <= 223
