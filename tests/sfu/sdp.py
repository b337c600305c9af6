"""Answers as a browser would write them, for tests that need no browser."""

from sfu.codecs import SECTIONS, payload_types

FINGERPRINT = ":".join(["AB"] * 32)


def write_answer(
    *,
    ufrag: str = "abcd",
    fingerprint: str | None = FINGERPRINT,
    types: frozenset[int] | None = None,
    streams: dict[str, tuple[int, int | None]] | None = None,
    setup: str = "active",
    session: tuple[str, ...] = (),
    extra: tuple[str, ...] = (),
) -> str:
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2", *session]
    for section in SECTIONS:
        numbers = sorted(payload_types(section) & (types if types is not None else payload_types(section)))
        lines += [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, numbers)),
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{ufrag}",
            "a=ice-pwd:0123456789012345678901",
            *([] if fingerprint is None else [f"a=fingerprint:sha-256 {fingerprint}"]),
            f"a=setup:{setup}",
            f"a=mid:{section.mid}",
            "a=sendrecv",
            "a=rtcp-mux",
        ]
        for codec in section.codecs:
            if codec.payload_type in numbers:
                lines.append(f"a=rtpmap:{codec.payload_type} {codec.encoding}")
                if codec.rtx in numbers:
                    lines.append(f"a=rtpmap:{codec.rtx} rtx/90000")
                    lines.append(f"a=fmtp:{codec.rtx} apt={codec.payload_type}")
        ssrc, rtx = (streams or {}).get(section.mid, (None, None))
        if ssrc is not None and rtx is not None:
            lines.append(f"a=ssrc-group:FID {ssrc} {rtx}")
        lines += [f"a=ssrc:{number} cname:x" for number in (ssrc, rtx) if number is not None]
    return "\r\n".join([*lines, *extra]) + "\r\n"
