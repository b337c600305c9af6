"""The one table of codecs and header extensions that every offer is written from.

Both browsers adopt the offerer's numbers, so payload types and extension ids are the same on both legs and
packets pass through unchanged. Numbers are the ones Chromium uses itself.
"""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type; `rtx` is the payload type of its retransmissions (RFC 4588)."""

    payload_type: int
    encoding: str
    clock_rate: int
    parameters: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    rtx: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line: its MID, its kind and what may flow in it."""

    mid: str
    kind: str
    stream: str
    codecs: tuple[Codec, ...]
    extensions: tuple[tuple[int, str], ...]

    @property
    def clock_rate(self) -> int:
        return self.codecs[0].clock_rate


MID_EXTENSION = 4

_VIDEO_FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
# Without a start bit rate Chromium shows 480x270 for 12 s; with it the first frame is 720p.
_START = "x-google-start-bitrate=1500"

_AUDIO_CODECS = (
    Codec(111, "opus/48000/2", 48000, ("minptime=10;useinbandfec=1",), ("transport-cc",)),
    Codec(63, "red/48000/2", 48000, ("111/111",)),
    Codec(110, "telephone-event/48000", 48000),
)
_VIDEO_CODECS = (
    Codec(96, "VP8/90000", 90000, (_START,), _VIDEO_FEEDBACK, 97),
    Codec(98, "VP9/90000", 90000, ("profile-id=0;" + _START,), _VIDEO_FEEDBACK, 99),
    Codec(
        102,
        "H264/90000",
        90000,
        ("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f;" + _START,),
        _VIDEO_FEEDBACK,
        103,
    ),
    Codec(45, "AV1/90000", 90000, (_START,), _VIDEO_FEEDBACK, 46),
)
_COMMON = (
    (2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
    (3, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    (MID_EXTENSION, "urn:ietf:params:rtp-hdrext:sdes:mid"),
)
_AUDIO_EXTENSIONS = ((1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"), *_COMMON)
_VIDEO_EXTENSIONS = (
    (14, "urn:ietf:params:rtp-hdrext:toffset"),
    *_COMMON,
    (13, "urn:3gpp:video-orientation"),
    (5, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"),
    (6, "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"),
    (8, "http://www.webrtc.org/experiments/rtp-hdrext/color-space"),
)

AUDIO = Section("0", "audio", "peer", _AUDIO_CODECS, _AUDIO_EXTENSIONS)
CAMERA = Section("1", "video", "peer", _VIDEO_CODECS, _VIDEO_EXTENSIONS)
SCREEN = Section("2", "video", "screen", _VIDEO_CODECS, _VIDEO_EXTENSIONS)
SECTIONS = (AUDIO, CAMERA, SCREEN)


# Made once: every answer and every offer asks for them.
_PAYLOAD_TYPES = {
    section.mid: frozenset(
        number for codec in section.codecs for number in (codec.payload_type, codec.rtx) if number is not None
    )
    for section in SECTIONS
}


def payload_types(section: Section) -> frozenset[int]:
    """Return every payload type of the section, retransmissions included."""
    return _PAYLOAD_TYPES[section.mid]


def offerable(section: Section, accepted: frozenset[int]) -> frozenset[int]:
    """Return the section's payload types to offer to the other side of one who accepted `accepted`.

    All of them when nothing usable was accepted: an m-line without formats is no SDP (RFC 8866 §5.14).
    """
    common = payload_types(section) & accepted
    return common if any(codec.payload_type in common for codec in section.codecs) else payload_types(section)


# As `write_offer`'s sections: browsers are few, and so are the sets that they accept.
@lru_cache(maxsize=64)
def offerable_types(accepted: frozenset[int]) -> frozenset[int]:
    """Return `offerable` of all sections together."""
    return frozenset().union(*(offerable(section, accepted) for section in SECTIONS))


# What may flow before an answer has narrowed it, and which payload types can only be audio.
ALL_PAYLOAD_TYPES = frozenset().union(*(payload_types(section) for section in SECTIONS))
AUDIO_PAYLOAD_TYPES = payload_types(AUDIO)
