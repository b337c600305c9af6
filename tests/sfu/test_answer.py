import contextlib
from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.caller import Caller
from sfu.answer import Fingerprint, read_answer
from sfu.codecs import ALL_PAYLOAD_TYPES, AUDIO, AUDIO_PAYLOAD_TYPES, CAMERA, offerable, payload_types
from sfu.engine import BadAnswer
from sfu.offer import Credentials, Endpoint, OfferParameters, RemoteStream, write_offer
from tests.sfu.sdp import FINGERPRINT, write_answer


def test_an_answer_gives_its_streams_types_and_fingerprint():
    answer = read_answer(write_answer(streams={"0": (11, None), "1": (12, 13)}))
    assert answer.ufrag == "abcd"
    assert answer.payload_types == ALL_PAYLOAD_TYPES
    assert answer.streams == {"0": (RemoteStream(11, None),), "1": (RemoteStream(12, 13),), "2": ()}
    assert [(item.algorithm, item.value) for item in answer.fingerprints] == [("sha-256", FINGERPRINT)]


def test_a_browser_without_h264_narrows_the_types():
    types = ALL_PAYLOAD_TYPES - {102, 103}
    assert read_answer(write_answer(types=types)).payload_types == types


# What Chromium 156 answered to our offer.
CHROMIUM = (Path(__file__).parent / "answers" / "chromium.sdp").read_bytes().decode()


def test_chromiums_answer_is_read_whole():
    answer = read_answer(CHROMIUM)
    assert answer.ufrag == "1JnQ"
    assert answer.payload_types == ALL_PAYLOAD_TYPES
    assert [item.algorithm for item in answer.fingerprints] == ["sha-256"]
    assert answer.streams["0"] == (RemoteStream(373216489, None),)
    assert answer.streams["1"] == (RemoteStream(3424480214, 1869053991),)


def test_an_answer_in_firefoxs_form_is_read():
    """Its certificate stands once for the session, it takes no RED and no H264, and it refuses the third section."""
    text = write_answer(
        types=ALL_PAYLOAD_TYPES - {63, 102, 103},
        session=(f"a=fingerprint:sha-256 {FINGERPRINT}", "a=sendrecv", "a=ice-options:trickle"),
        fingerprint=None,
        streams={"0": (11, None), "1": (12, 13)},
    )
    text = "m=video 0".join(text.rsplit("m=video 9", 1))
    answer = read_answer(text.replace("cname:x", "cname:{d0a1b2c3-0000-4000-8000-000000000000}"))
    assert answer.fingerprints == (Fingerprint("sha-256", FINGERPRINT),)
    assert answer.payload_types == ALL_PAYLOAD_TYPES - {63, 102, 103}
    assert answer.streams == {"0": (RemoteStream(11, None),), "1": (RemoteStream(12, 13),)}


async def test_aiortcs_own_answer_is_read_with_all_its_fingerprints():
    caller = Caller()
    answer = read_answer(await caller.answer(offer()))
    await caller.close()
    assert [item.algorithm for item in answer.fingerprints] == ["sha-256", "sha-384", "sha-512"]
    assert {111, 96, 97} <= answer.payload_types
    assert [len(answer.streams[mid]) for mid in "012"] == [1, 1, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "x" * 20_000,
        "\n" * 400,
        "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 4,
        write_answer(setup="passive"),
        write_answer().replace("a=mid:1", "a=mid:9"),
        write_answer().replace("m=video", "m=application"),
        write_answer().replace("a=fingerprint", "a=thumbprint"),
        write_answer().replace("a=ice-ufrag", "a=ice-nothing"),
        write_answer().replace("SAVPF 63 110 111", "SAVPF 120").replace("a=rtpmap:111", "a=rtpmap:120"),
        write_answer(streams={"1": (2**40, None)}),
        write_answer(extra=tuple(f"a=ssrc:{number} cname:x" for number in range(1, 30))),
        write_answer().replace("m=audio 9", "m=audio nine"),
        write_answer().replace("m=audio 9", "m=audio \u0669"),
        write_answer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        write_answer().replace("SAVPF 63", "SAVPF 96 63"),
        write_answer().replace("a=mid:1", "a=mid:1\r\na=mid:2"),
        write_answer().replace("a=setup:active", "a=setup:active\r\na=setup:passive"),
        write_answer().replace("a=ice-ufrag:abcd", "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh"),
        write_answer(ufrag="abc"),
        write_answer(ufrag="ab cd"),
        write_answer(ufrag="a" * 257),
        write_answer(fingerprint="AB:CD:E"),
        write_answer(fingerprint="AB:CD AB:CD"),
        write_answer(streams={"1": (0, None)}),
        write_answer(streams={"1": (12, 13)}).replace("FID 12 13", "FID 12"),
        write_answer(streams={"1": (12, 13)}).replace("FID 12 13", f"FID 12 {2**32}"),
        write_answer(extra=("a=ssrc-group:SIM 1 2",) * 5),
        write_answer(session=(f"a=fingerprint:sha-256 {FINGERPRINT}",) * 9),
        write_answer().replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0"),
    ],
)
def test_an_answer_that_does_not_fit_our_offers_is_refused(text):
    with pytest.raises(BadAnswer):
        read_answer(text)


def test_three_thousand_feedback_lines_are_refused_before_they_are_parsed():
    bomb = write_answer() + "".join(f"a=rtpmap:{n} x/90000\r\na=rtcp-fb:{n} nack\r\n" for n in range(3000))
    with pytest.raises(BadAnswer):
        read_answer(bomb)


LINES = CHROMIUM.splitlines()
JUNK = st.text(st.characters(codec="utf-8"), max_size=20)
CHANGES = st.sampled_from(["drop", "double", "cut", "swap", "junk"])


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 10**4), CHANGES, JUNK), max_size=6))
def test_mangled_answers_are_read_or_refused_and_nothing_else(changes):
    lines = list(LINES)
    for place, what, junk in changes:
        position = place % len(lines)
        if what == "drop":
            lines.pop(position)
        elif what == "double":
            lines.insert(position, lines[position])
        elif what == "cut":
            lines[position] = lines[position][: len(junk)]
        elif what == "swap":
            name, colon, _ = lines[position].partition(":")
            lines[position] = name + colon + junk
        else:
            lines[position] = junk
    with contextlib.suppress(BadAnswer):
        read_answer("\r\n".join(lines))


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 10**4), st.sampled_from(["drop", "double", "swap"])), max_size=4))
def test_whatever_is_read_is_what_aiortcs_parser_reads(changes):
    lines = list(LINES)
    for place, what in changes:
        position = place % len(lines)
        if what == "drop":
            lines.pop(position)
        elif what == "double":
            lines.insert(position, lines[position])
        else:
            lines[position], lines[position - 1] = lines[position - 1], lines[position]
    text = "\r\n".join(lines)
    try:
        answer = read_answer(text)
        oracle = SessionDescription.parse(text)
    except Exception:  # noqa: BLE001 — either may refuse; aiortc's parser raises many kinds
        return
    first = oracle.media[0]
    assert answer.ufrag == first.ice.usernameFragment
    assert [(f.algorithm, f.value) for f in answer.fingerprints] == [
        (f.algorithm, f.value) for f in first.dtls.fingerprints
    ]
    assert answer.payload_types == {number for section in oracle.media for number in section.fmt}
    for section in oracle.media:
        repaired = {group.items[0]: group.items[1] for group in section.ssrc_group}
        assert answer.streams[section.rtp.muxId] == tuple(
            RemoteStream(item.ssrc, repaired.get(item.ssrc))
            for item in section.ssrc
            if item.ssrc not in repaired.values()
        )


def offer(**changes) -> str:
    parameters = {
        "session": 1,
        "negotiation": 1,
        "credentials": Credentials("ufrag", "password" * 3),
        "payload_types": ALL_PAYLOAD_TYPES,
        "streams": {},
        "max_bitrate": 2_500_000,
    } | changes
    return write_offer(Endpoint(("192.0.2.1",), 40000, FINGERPRINT), OfferParameters(**parameters))


def test_an_offer_has_three_sections_one_transport_and_ice_lite():
    description = SessionDescription.parse(offer())
    assert [section.rtp.muxId for section in description.media] == ["0", "1", "2"]
    assert all(section.dtls.fingerprints[0].value == FINGERPRINT for section in description.media)
    assert all(section.ice.usernameFragment == "ufrag" for section in description.media)
    assert "a=ice-lite" in offer()
    assert "a=setup:actpass" in offer()


def test_an_offer_names_a_udp_and_a_passive_tcp_candidate_on_the_same_port():
    candidates = [line for line in offer().splitlines() if line.startswith("a=candidate")]
    assert len(candidates) == 2
    assert " udp " in candidates[0]
    assert candidates[0].endswith("192.0.2.1 40000 typ host")
    assert candidates[1].endswith("192.0.2.1 40000 typ host tcptype passive")


def test_an_offer_signals_the_other_sides_streams_and_retransmissions():
    text = offer(streams={"1": (RemoteStream(12, 13),)})
    assert "a=ssrc-group:FID 12 13" in text
    assert "a=ssrc:12 cname:peer" in text


def test_an_offer_leaves_out_what_the_other_side_did_not_accept_and_caps_video():
    text = offer(payload_types=AUDIO_PAYLOAD_TYPES | {96, 97}, max_bitrate=250_000)
    assert "H264" not in text
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" in text
    assert text.count("b=TIAS:250000") == 2


def test_an_offer_names_retransmissions_only_where_the_other_side_took_them():
    text = offer(payload_types=AUDIO_PAYLOAD_TYPES | {96})
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" in text
    assert "rtx" not in text


@pytest.mark.parametrize("accepted", [AUDIO_PAYLOAD_TYPES, AUDIO_PAYLOAD_TYPES | {97}])
def test_a_section_of_which_the_other_side_took_nothing_is_offered_whole(accepted):
    assert offerable(AUDIO, frozenset(accepted)) == AUDIO_PAYLOAD_TYPES
    assert offerable(CAMERA, frozenset(accepted)) == payload_types(CAMERA)


@pytest.mark.parametrize("separator", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_lines_are_counted_as_the_parser_splits_them(separator):
    with pytest.raises(BadAnswer, match="too many lines"):
        read_answer(write_answer() + separator.join(["a=rtpmap:96 a/1"] * 400))
    with pytest.raises(BadAnswer, match="more than three"):
        read_answer(write_answer() + separator.join(["m=audio 9 UDP/TLS/RTP/SAVPF 111"] * 2))


def test_every_line_of_an_offer_ends_as_sdp_wants_and_stays_small():
    assert "\n" not in offer().replace("\r\n", "")
    assert len(offer()) < 16 * 1024
