"""Reads a browser's answer: bounded first, then the few lines that the SFU needs, each held against what was offered.

Those lines are read strictly, and everything else (candidates, extensions, codec parameters) is passed over: browsers
adopt the offer's numbers, so an answer can only say what it takes of them. The longest text that is let in costs less
than a millisecond, so it is read where it arrives.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.codecs import SECTIONS, payload_types
from sfu.engine import BadAnswer
from sfu.offer import PROTOCOL, RemoteStream

MAX_BYTES = 16 * 1024
# Chromium's answer to the full offer has about 150 lines, Firefox's about 110.
MAX_LINES = 300
# A section's streams: one SSRC and its retransmissions, and room for a browser that announces a spare.
MAX_STREAMS = 4
# One for each of the hash functions in use, and as many again; every one is compared in the handshake.
MAX_FINGERPRINTS = 8

# RFC 8866 §9: `<media> <port> <proto> <fmt>…`; a port of 0 rejects the section (RFC 3264 §6).
_MEDIA = re.compile(rf"(audio|video) ([0-9]{{1,5}}) {PROTOCOL}((?: [0-9]{{1,3}})+)")
# RFC 8839 §5.4: 4 to 256 ice-chars.
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
# RFC 8122 §5: a hash function and pairs of hexadecimal digits.
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{1,16}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63})")
# RFC 5576 §4.1 and §4.2.
_SSRC = re.compile(r"([0-9]{1,10})(?: .*)?")
_PAIR = re.compile(r"FID ([0-9]{1,10}) ([0-9]{1,10})")


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


@dataclass(slots=True)
class _Part:
    """The session's own lines, or those of one m-line."""

    kind: str = ""
    rejected: bool = False
    formats: frozenset[int] = frozenset()
    mid: str = ""
    ufrag: str = ""
    setup: str = ""
    fingerprints: list[Fingerprint] = field(default_factory=list)
    # In the order of their first appearance.
    ssrcs: dict[int, None] = field(default_factory=dict)
    repairs: dict[int, int] = field(default_factory=dict)
    groups: int = 0


def read_answer(text: str) -> Answer:
    """Return the answer. Raises `BadAnswer` for one that is too large, malformed, or does not fit our offers."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadAnswer("over 16 KiB")
    # Also at a bare carriage return, a form feed and more: no other reader sees a line here that we do not.
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise BadAnswer("too many lines")
    session = part = _Part()
    media: list[_Part] = []
    for line in lines:
        if line[:2] == "m=":
            if len(media) == len(SECTIONS):
                raise BadAnswer("more than three media sections")
            part = _media(line)
            media.append(part)
        elif line[:5] in _BEGINNINGS:
            name, _, value = line.partition(":")
            reader = _READERS.get(name)
            if reader is not None:
                reader(part, value)
    return _check(session, media)


# -- lines -------------------------------------------------------------------------------------------------------------


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise BadAnswer("a malformed line")
    return match


def _media(line: str) -> _Part:
    kind, port, formats = _matched(_MEDIA, line[2:]).groups()
    return _Part(kind=kind, rejected=int(port) == 0, formats=frozenset(map(int, formats.split())))


def _read_mid(part: _Part, value: str) -> None:
    if part.mid or not value:
        raise BadAnswer("a section with several names")
    part.mid = value


def _read_ufrag(part: _Part, value: str) -> None:
    if part.ufrag:
        raise BadAnswer("several ICE users")
    part.ufrag = _matched(_UFRAG, value)[0]


def _read_setup(part: _Part, value: str) -> None:
    if part.setup or not value:
        raise BadAnswer("several DTLS roles")
    part.setup = value


def _read_fingerprint(part: _Part, value: str) -> None:
    algorithm, digest = _matched(_FINGERPRINT, value).groups()
    part.fingerprints.append(Fingerprint(algorithm, digest))
    if len(part.fingerprints) > MAX_FINGERPRINTS:
        raise BadAnswer("too many fingerprints")


def _read_ssrc(part: _Part, value: str) -> None:
    part.ssrcs[_number(_matched(_SSRC, value)[1])] = None
    if len(part.ssrcs) > 2 * MAX_STREAMS:
        raise BadAnswer("too many streams")


def _read_group(part: _Part, value: str) -> None:
    part.groups += 1
    if part.groups > MAX_STREAMS:
        raise BadAnswer("too many streams")
    if value.startswith("FID "):
        ssrc, rtx = _matched(_PAIR, value).groups()
        part.repairs[_number(ssrc)] = _number(rtx)


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**32:
        raise BadAnswer("an SSRC out of range")
    return number


_READERS: dict[str, Callable[[_Part, str], None]] = {
    "a=mid": _read_mid,
    "a=ice-ufrag": _read_ufrag,
    "a=setup": _read_setup,
    "a=fingerprint": _read_fingerprint,
    "a=ssrc": _read_ssrc,
    "a=ssrc-group": _read_group,
}
# Three lines in four are none of these, and are told apart by a glance.
_BEGINNINGS = frozenset(name[:5] for name in _READERS)


# -- the whole ---------------------------------------------------------------------------------------------------------


def _check(session: _Part, media: list[_Part]) -> Answer:
    if [part.mid for part in media] != [section.mid for section in SECTIONS]:
        raise BadAnswer("not the three sections offered")
    if [part.kind for part in media] != [section.kind for section in SECTIONS]:
        raise BadAnswer("sections of another kind")
    # What is said for the session holds where the section says nothing itself (RFC 8839 §5.4, RFC 8842 §5).
    first = media[0]
    ufrag = first.ufrag or session.ufrag
    fingerprints = (*session.fingerprints, *first.fingerprints)
    if not ufrag or not fingerprints:
        raise BadAnswer("no ICE or DTLS parameters")
    if (first.setup or session.setup) != "active":
        raise BadAnswer("the browser must be the DTLS client")
    accepted: set[int] = set()
    streams: dict[str, tuple[RemoteStream, ...]] = {}
    for section, part in zip(SECTIONS, media, strict=True):
        if part.rejected:
            continue
        if not part.formats <= payload_types(section):
            raise BadAnswer("payload types that were not offered")
        accepted |= part.formats
        streams[section.mid] = _streams(part)
    if not accepted:
        raise BadAnswer("nothing was accepted")
    return Answer(ufrag, fingerprints, frozenset(accepted), streams)


def _streams(part: _Part) -> tuple[RemoteStream, ...]:
    spares = set(part.repairs.values())
    return tuple(RemoteStream(ssrc, part.repairs.get(ssrc)) for ssrc in part.ssrcs if ssrc not in spares)
