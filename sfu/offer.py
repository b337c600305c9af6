"""Writes the offer. The SFU always offers, from one fixed table; browsers answer (JSEP, RFC 9429 §5.2).

`aiortc.sdp` would lose `rtcp-rsize` and `extmap-allow-mixed`, so the text is written here. Nine tenths of it are
the same for every leg: those parts are rendered once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sfu.codecs import SECTIONS, Codec, payload_types

PROTOCOL = "UDP/TLS/RTP/SAVPF"

# RFC 8445 §5.1.2.1: type preference 126 (host) for UDP; the TCP candidate stands below every UDP one.
_UDP_PRIORITY = (126 << 24) | (65535 << 8) | 255
_TCP_PRIORITY = (90 << 24) | (65535 << 8) | 255


@dataclass(frozen=True, slots=True)
class Credentials:
    """ICE user fragment (≥ 4 characters) and password (≥ 22), RFC 8839 §5.4."""

    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class RemoteStream:
    """An SSRC that the other side sends in one m-line, and the SSRC of its retransmissions."""

    ssrc: int
    rtx: int | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a worker listens: the advertised addresses, the port (UDP and TCP), its DTLS fingerprint (SHA-256)."""

    addresses: tuple[str, ...]
    port: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class OfferParameters:
    """What differs from offer to offer. `max_bitrate` in bits/s for each video section."""

    session: int
    negotiation: int
    credentials: Credentials
    payload_types: frozenset[int]
    streams: Mapping[str, tuple[RemoteStream, ...]]
    max_bitrate: int


def write_offer(endpoint: Endpoint, parameters: OfferParameters) -> str:
    """Return the SDP text of an offer with three m-lines: audio, camera, screen."""
    credentials = parameters.credentials
    # In every section: at session level alone browsers refuse the third one.
    transport = _text(
        f"a=ice-ufrag:{credentials.ufrag}",
        f"a=ice-pwd:{credentials.password}",
        f"a=fingerprint:sha-256 {endpoint.fingerprint}",
    )
    parts = [f"v=0\r\no=- {parameters.session} {parameters.negotiation} IN IP4 127.0.0.1\r\n", _SESSION]
    for section in SECTIONS:
        head, body = _section(section.mid, parameters.payload_types & payload_types(section))
        parts.append(head)
        if section.kind == "video":
            parts.append(f"b=TIAS:{parameters.max_bitrate}\r\n")
        if section is SECTIONS[0]:
            parts.append(_candidates(endpoint))
        parts += [transport, body]
        parts += [_stream(stream) for stream in parameters.streams.get(section.mid, ())]
    return "".join(parts)


def _text(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)


_SESSION = _text(
    "s=-",
    "t=0 0",
    "a=group:BUNDLE " + " ".join(section.mid for section in SECTIONS),
    "a=extmap-allow-mixed",
    "a=msid-semantic: WMS *",
    "a=ice-lite",
)


# Room for what the few browsers there are leave out; a peer who tries every subset only makes us render again.
@lru_cache(maxsize=64)
def _section(mid: str, offered: frozenset[int]) -> tuple[str, str]:
    """Return what stands before and behind the lines of one leg in the section named `mid`."""
    section = next(section for section in SECTIONS if section.mid == mid)
    codecs = [codec for codec in section.codecs if codec.payload_type in offered]
    numbers = [number for codec in codecs for number in (codec.payload_type, codec.rtx) if number in offered]
    head = _text(f"m={section.kind} 9 {PROTOCOL} " + " ".join(map(str, numbers)), "c=IN IP4 0.0.0.0")
    lines = [
        # The browser becomes the DTLS client: 21 ms instead of 1015 ms with our own retransmission timer.
        "a=setup:actpass",
        f"a=mid:{section.mid}",
        "a=sendrecv",
        f"a=msid:{section.stream} {section.stream}-{section.kind}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    lines += [f"a=extmap:{number} {uri}" for number, uri in section.extensions]
    for codec in codecs:
        lines += _codec(codec, with_rtx=codec.rtx in offered)
    return head, _text(*lines)


@lru_cache(maxsize=4)
def _candidates(endpoint: Endpoint) -> str:
    lines = []
    for index, address in enumerate(endpoint.addresses):
        place = f"{address} {endpoint.port} typ host"
        lines += [
            f"a=candidate:{2 * index + 1} 1 udp {_UDP_PRIORITY - index} {place}",
            f"a=candidate:{2 * index + 2} 1 tcp {_TCP_PRIORITY - index} {place} tcptype passive",
        ]
    return _text(*lines, "a=end-of-candidates")


def _codec(codec: Codec, *, with_rtx: bool) -> list[str]:
    number = codec.payload_type
    lines = [f"a=rtpmap:{number} {codec.encoding}"]
    lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in codec.feedback]
    lines += [f"a=fmtp:{number} {parameters}" for parameters in codec.parameters]
    if with_rtx:
        lines += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_rate}", f"a=fmtp:{codec.rtx} apt={number}"]
    return lines


def _stream(stream: RemoteStream) -> str:
    numbers = (stream.ssrc,) if stream.rtx is None else (stream.ssrc, stream.rtx)
    group = [] if stream.rtx is None else [f"a=ssrc-group:FID {stream.ssrc} {stream.rtx}"]
    return _text(*group, *(f"a=ssrc:{number} cname:peer" for number in numbers))
