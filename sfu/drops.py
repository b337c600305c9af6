"""Why a packet was not forwarded. Every dropped packet has one of these reasons, and it is counted."""

from enum import StrEnum


class DropReason(StrEnum):
    """A name for each way in which a packet ends here."""

    LENGTH = "length"  # empty, or longer than any path we know carries
    FIRST_BYTE = "first_byte"  # none of RFC 7983's ranges
    UNKNOWN_SOURCE = "unknown_source"  # no authenticated binding came from that address
    TOO_FAST = "too_fast"  # the address used up its bucket for unauthenticated packets
    STUN_MALFORMED = "stun_malformed"
    STUN_UNKNOWN_USER = "stun_unknown_user"
    STUN_INTEGRITY = "stun_integrity"
    HANDSHAKE_QUEUE = "handshake_queue"  # more DTLS than a handshake needs, ahead of the answer
    NO_KEYS = "no_keys"  # SRTP before DTLS has finished
    TOO_SHORT = "too_short"  # no room for a header and an authentication tag
    UNPROTECT = "unprotect"  # forged, damaged or replayed
    PROTECT = "protect"
    MALFORMED = "malformed"  # authenticated, but no RTP or RTCP
    PEER_ABSENT = "peer_absent"  # nobody at the other end, or they have not connected
    CODEC = "codec"  # the other side did not accept this payload type
    UNKNOWN_STREAM = "unknown_stream"  # a video SSRC that neither the answer nor a MID announced, or one SSRC too many
    OVER_CAP = "over_cap"  # the leg's packet or bit cap
    NACK_CAP = "nack_cap"  # more retransmission requests than a sender can serve
    SEND = "send"  # the kernel or a TCP peer did not take it
    INTERNAL = "internal"  # our bug; counted, never logged per packet
