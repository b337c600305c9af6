import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp import BadRtp, add_mid, find_mid
from tests.sfu.packets import rtp

MID = ord("1")


def grown(packet: bytes) -> bytes:
    added = add_mid(packet, MID)
    if added is None:
        return packet
    growth, header = added
    return header + packet[len(header) - growth :]


@pytest.mark.parametrize(
    ("extension", "profile"),
    [(None, 0xBEDE), (b"\x22\x01\x02\x03", 0xBEDE), (b"\x03\x02\x00\x01", 0x1000), (b"", 0xBEDE)],
)
@pytest.mark.parametrize("csrcs", [0, 2])
def test_a_packet_without_mid_gets_one_and_keeps_its_payload(extension, profile, csrcs):
    packet = rtp(extension=extension, profile=profile, csrcs=csrcs)
    result = grown(packet)
    assert find_mid(packet) is None
    assert find_mid(result) == MID
    assert result.endswith(b"media")
    assert result[1:12] == packet[1:12]


@pytest.mark.parametrize(
    ("extension", "profile"),
    [(b"\x40\x31\x00\x00", 0xBEDE), (b"\x00\x00\x40\x32", 0xBEDE), (b"\x04\x01\x31\x00", 0x1000)],
)
def test_a_packet_with_a_mid_stays_byte_for_byte(extension, profile):
    assert add_mid(rtp(extension=extension, profile=profile), MID) is None


def test_a_byte_that_only_looks_like_a_mid_element_is_no_mid():
    packet = rtp(extension=b"\x22\x40\x40\x40")
    assert find_mid(packet) is None
    assert find_mid(grown(packet)) == MID


def test_elements_after_the_reserved_id_do_not_count():
    assert find_mid(rtp(extension=b"\xf0\x40\x31\x00")) is None


def test_an_unknown_extension_profile_is_left_alone():
    assert add_mid(rtp(extension=b"\x01\x02\x03\x04", profile=0x1234), MID) is None


def test_the_same_packet_always_grows_the_same_way():
    packet = rtp(extension=b"\x22\x01\x02\x03")
    assert add_mid(packet, MID) == add_mid(bytes(packet), MID)


@pytest.mark.parametrize("packet", [rtp(csrcs=3)[:20], rtp(extension=b"")[:14], b"\x90" + bytes(13) + b"\xff\xff"])
def test_headers_longer_than_the_packet_are_refused(packet):
    with pytest.raises(BadRtp):
        add_mid(packet, MID)


@given(st.binary(min_size=12, max_size=120))
def test_any_bytes_either_pass_or_are_refused_as_bad_rtp(data):
    with contextlib.suppress(BadRtp):
        result = grown(data)
        assert len(result) - len(data) in (0, 4, 8)
        find_mid(data)
