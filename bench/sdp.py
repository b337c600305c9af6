"""The few lines of SDP that a synthetic peer says, answers and offers, and those that it reads."""

import ipaddress
import re
from dataclasses import dataclass

AUDIO_TYPE = 111
VIDEO_TYPE = 96


@dataclass(frozen=True, slots=True)
class Streams:
    """The SSRCs that a peer sends."""

    audio: int
    video: int


class BadSdp(ValueError):
    """Theirs: an SDP without what a peer needs; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The other end as its SDP describes it."""

    ufrag: str
    password: str
    fingerprint: str
    host: str
    port: int


def read_remote(sdp: str) -> Remote:
    """Return what the first section's transport says. Raises `BadSdp` when something is missing."""
    candidates = [line.split() for line in re.findall(r"^a=candidate:(.*)$", sdp, re.MULTILINE)]
    usable = [c for c in candidates if len(c) > 7 and c[1] == "1" and c[2].lower() == "udp" and _is_address(c[4])]
    # Loopback first, so that a bench on one machine never leaves it; then IPv4.
    usable.sort(key=lambda c: (not ipaddress.ip_address(c[4]).is_loopback, ":" in c[4]))
    if not usable:
        raise BadSdp("the server's SDP has no UDP candidate")
    fingerprint = _field(sdp, "fingerprint").split(" ", 1)[1]
    return Remote(_field(sdp, "ice-ufrag"), _field(sdp, "ice-pwd"), fingerprint, usable[0][4], int(usable[0][5]))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _field(sdp: str, name: str) -> str:
    match = re.search(rf"^a={name}:(.*)$", sdp, re.MULTILINE)
    if match is None:
        raise BadSdp(f"the server's SDP has no {name}")
    return match[1].strip()


def write_answer(offer: str, ufrag: str, password: str, fingerprint: str, streams: Streams) -> str:
    """Return an answer that accepts all of the offer's sections with Opus and VP8, as the DTLS client."""
    sections = re.split(r"^(?=m=)", offer, flags=re.MULTILINE)[1:]
    mids = [_value(section, "mid") for section in sections]
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids)}"]
    sent = {"audio": False, "video": False}
    for section, mid in zip(sections, mids, strict=True):
        kind = section[2:].split(" ", 1)[0]
        lines += _section(kind, mid, "active", ufrag, password, fingerprint)
        if not sent.get(kind, True):
            sent[kind] = True
            lines += _ssrcs(kind, streams)
    return "\r\n".join(lines) + "\r\n"


def write_offer(ufrag: str, password: str, fingerprint: str, streams: Streams) -> str:
    """Return an offer of one audio and one video section, to be answered by a DTLS server (`setup:passive`)."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    for mid, kind in (("0", "audio"), ("1", "video")):
        lines += _section(kind, mid, "active", ufrag, password, fingerprint)
        lines += _ssrcs(kind, streams)
    return "\r\n".join(lines) + "\r\n"


def _section(kind: str, mid: str, setup: str, ufrag: str, password: str, fingerprint: str) -> list[str]:
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {AUDIO_TYPE if kind == 'audio' else VIDEO_TYPE}",
        "c=IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        f"a=fingerprint:sha-256 {fingerprint}",
        f"a=setup:{setup}",
        f"a=mid:{mid}",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    if kind == "audio":
        return [*lines, f"a=rtpmap:{AUDIO_TYPE} opus/48000/2", f"a=rtcp-fb:{AUDIO_TYPE} transport-cc"]
    feedback = [f"a=rtcp-fb:{VIDEO_TYPE} {name}" for name in ("transport-cc", "nack", "nack pli")]
    return [*lines, f"a=rtpmap:{VIDEO_TYPE} VP8/90000", *feedback]


def _ssrcs(kind: str, streams: Streams) -> list[str]:
    return [f"a=ssrc:{streams.audio if kind == 'audio' else streams.video} cname:bench"]


def _value(section: str, name: str) -> str:
    match = re.search(rf"^a={name}:(.*)$", section, re.MULTILINE)
    return match[1].strip() if match else ""
