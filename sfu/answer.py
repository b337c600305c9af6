"""Reads a browser's answer: bounded first, then parsed by `aiortc.sdp`, then held against what was offered."""

from dataclasses import dataclass

from aiortc.sdp import MediaDescription, SessionDescription

from sfu.codecs import ALL_PAYLOAD_TYPES, SECTIONS
from sfu.engine import BadAnswer
from sfu.offer import RemoteStream

MAX_BYTES = 16 * 1024
# Chromium's answer to the full offer has about 130 lines, Firefox's about 110.
MAX_LINES = 300
# A section's streams: one SSRC and its retransmissions, and room for a browser that announces a spare.
MAX_STREAMS = 4


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate digest as in `a=fingerprint` (RFC 8122 §5)."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the SFU needs of an answer: who will shake hands, what was accepted, and which SSRCs will come."""

    ufrag: str
    fingerprints: tuple[Fingerprint, ...]
    payload_types: frozenset[int]
    streams: dict[str, tuple[RemoteStream, ...]]


def read_answer(text: str) -> Answer:
    """Return the answer. Raises `BadAnswer` for one that is too large, malformed, or does not fit our offers."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadAnswer("over 16 KiB")
    # Counted as the parser splits them: also at a bare carriage return, a form feed and more.
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise BadAnswer("too many lines")
    if sum(line.startswith("m=") for line in lines) > len(SECTIONS):
        raise BadAnswer("more than three media sections")
    try:
        description = SessionDescription.parse(text)
    except Exception as error:  # the parser raises StopIteration, AssertionError, struct.error and more
        raise BadAnswer("not an SDP answer") from error
    return _check(description)


def _check(description: SessionDescription) -> Answer:
    media = description.media
    if [section.rtp.muxId for section in media] != [section.mid for section in SECTIONS]:
        raise BadAnswer("not the three sections offered")
    if [section.kind for section in media] != [section.kind for section in SECTIONS]:
        raise BadAnswer("sections of another kind")
    first = media[0]
    if first.dtls is None or first.ice is None or not first.ice.usernameFragment or not first.dtls.fingerprints:
        raise BadAnswer("no ICE or DTLS parameters")
    if first.dtls.role != "client":
        raise BadAnswer("the browser must be the DTLS client")
    accepted: set[int] = set()
    streams: dict[str, tuple[RemoteStream, ...]] = {}
    for section in media:
        if section.port == 0:
            continue
        accepted |= _payload_types(section)
        streams[section.rtp.muxId] = _streams(section)
    if not accepted:
        raise BadAnswer("nothing was accepted")
    return Answer(
        ufrag=first.ice.usernameFragment,
        fingerprints=tuple(Fingerprint(item.algorithm, item.value) for item in first.dtls.fingerprints),
        payload_types=frozenset(accepted),
        streams=streams,
    )


def _payload_types(section: MediaDescription) -> set[int]:
    numbers = {codec.payloadType for codec in section.rtp.codecs if codec.payloadType is not None}
    if not numbers <= ALL_PAYLOAD_TYPES:
        raise BadAnswer("payload types that were not offered")
    return numbers


def _streams(section: MediaDescription) -> tuple[RemoteStream, ...]:
    if len(section.ssrc) > 2 * MAX_STREAMS or len(section.ssrc_group) > MAX_STREAMS:
        raise BadAnswer("too many streams")
    repaired = {int(group.items[0]): int(group.items[1]) for group in section.ssrc_group if _is_pair(group)}
    spares = set(repaired.values())
    ssrcs = [item.ssrc for item in section.ssrc]
    if any(not 0 < number < 2**32 for number in (*ssrcs, *repaired, *spares)):
        raise BadAnswer("an SSRC out of range")
    return tuple(RemoteStream(ssrc, repaired.get(ssrc)) for ssrc in dict.fromkeys(ssrcs) if ssrc not in spares)


def _is_pair(group: object) -> bool:
    return getattr(group, "semantic", "") == "FID" and len(getattr(group, "items", ())) == 2
