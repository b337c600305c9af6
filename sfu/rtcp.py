"""RTCP as the SFU reads it: reports for statistics, NACKs for their cap; and the one message it writes, a PLI.

Everything else passes byte for byte. Sources: RFC 3550 §6.4, RFC 4585 §6.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SENDER_REPORT = 200
RECEIVER_REPORT = 201
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
_GENERIC_NACK = 1
_PLI = 1
# The SFU's own SSRC in the PLI it writes; both browsers accept it.
OWN_SSRC = 1


class BadRtcp(ValueError):
    """Theirs: authenticated, yet not a chain of RTCP packets."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """When a sender said it: the middle 32 bits of its NTP time, which report blocks echo (RFC 3550 §6.4.1)."""

    ssrc: int
    ntp_middle: int


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one stream: loss 0..1 since the last report, jitter in clock ticks, delay in seconds."""

    ssrc: int
    lost_fraction: float
    jitter: int
    last_sender_report: int
    delay: float


def split(packet: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (packet type, count or format, bytes) of each part of a compound packet. Raises `BadRtcp`."""
    position = 0
    while position < len(packet):
        if len(packet) - position < 4 or packet[position] >> 6 != 2:
            raise BadRtcp("no RTCP header")
        end = position + 4 * (1 + (packet[position + 2] << 8 | packet[position + 3]))
        if end > len(packet):
            raise BadRtcp("longer than the datagram")
        yield packet[position + 1], packet[position] & 0x1F, packet[position:end]
        position = end


def reports(packet: bytes) -> list[SenderReport | ReportBlock]:
    """Return the sender reports and report blocks of a compound packet. Raises `BadRtcp`."""
    found: list[SenderReport | ReportBlock] = []
    for kind, count, part in split(packet):
        if kind == SENDER_REPORT:
            if len(part) < 28:
                raise BadRtcp("short sender report")
            found.append(_sender_report(part))
            found += _blocks(part, 28, count)
        elif kind == RECEIVER_REPORT:
            found += _blocks(part, 8, count)
    return found


def count_nacks(packet: bytes) -> int:
    """Return how many retransmissions the packet asks for (RFC 4585 §6.2.1). Raises `BadRtcp`."""
    total = 0
    for kind, form, part in split(packet):
        if kind == TRANSPORT_FEEDBACK and form == _GENERIC_NACK:
            for _, mask in struct.iter_unpack("!HH", part[12:]):
                total += 1 + mask.bit_count()
    return total


def without_nacks(packet: bytes) -> bytes:
    """Return the compound packet without its NACKs; empty when it held nothing else. Raises `BadRtcp`."""
    return b"".join(
        part for kind, form, part in split(packet) if not (kind == TRANSPORT_FEEDBACK and form == _GENERIC_NACK)
    )


def picture_loss_indication(media_ssrc: int) -> bytes:
    """Return a PLI that asks the sender of `media_ssrc` for a key frame (RFC 4585 §6.3.1)."""
    return struct.pack("!BBHII", 0x80 | _PLI, PAYLOAD_FEEDBACK, 2, OWN_SSRC, media_ssrc)


def _sender_report(part: bytes) -> SenderReport:
    ssrc, ntp_seconds, ntp_fraction = struct.unpack_from("!III", part, 4)
    return SenderReport(ssrc, (ntp_seconds & 0xFFFF) << 16 | ntp_fraction >> 16)


def _blocks(part: bytes, start: int, count: int) -> list[ReportBlock]:
    if len(part) < start + 24 * count:
        raise BadRtcp("short report")
    blocks = []
    for index in range(count):
        ssrc, loss, _, jitter, last, delay = struct.unpack_from("!IIIIII", part, start + 24 * index)
        blocks.append(ReportBlock(ssrc, (loss >> 24) / 256, jitter, last, delay / 65536))
    return blocks
