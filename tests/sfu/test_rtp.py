import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp import USUAL_ELEMENTS, BadRtp, add_mid, find_mid, mid_element, write_mid
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


def written(packet: bytes) -> bytes | None:
    """What `write_mid` makes of a packet in a slot; None when it leaves it to `add_mid`."""
    slot = bytearray(b"\x40" * 8 + packet + b"\x40" * 64)
    kind, *head = slot[8:10], slot[10:16], slot[16:20], slot[20:24], slot[24 : 24 + USUAL_ELEMENTS]
    before = bytes(slot)
    growth = write_mid(
        memoryview(slot), 8, len(packet), int.from_bytes(kind, "big"), *map(bytes, head), mid_element(MID)
    )
    if not growth:
        assert slot == before
        return None
    assert growth == 4
    assert slot[:4] == before[:4]
    assert slot[8 + len(packet) :] == before[8 + len(packet) :]
    return bytes(slot[4 : 8 + len(packet)])


@given(
    st.binary(max_size=USUAL_ELEMENTS + 8).map(lambda data: data[: len(data) // 4 * 4]),
    st.sampled_from([0xBEDE, 0xBEDE, 0x1000, 0x1234]),
    st.sampled_from([0, 0, 1]),
    st.integers(0, 80),
)
def test_a_mid_written_in_place_makes_the_same_packet_as_one_added(elements, profile, csrcs, length):
    packet = rtp(extension=elements, profile=profile, csrcs=csrcs, payload=bytes(range(60)))
    packet = packet[: max(12, len(packet) - length)]
    result = written(packet)
    if result is not None:
        assert result == grown(packet)


@pytest.mark.parametrize("words", range(1, 1 + USUAL_ELEMENTS // 4))
def test_the_usual_packet_is_written_in_place(words):
    packet = rtp(extension=(b"\x22\x01\x02\x03" * words))
    assert written(packet) == grown(packet) != packet


@pytest.mark.parametrize(
    "packet",
    [rtp(), rtp(extension=b"\x40\x31\x00\x00"), rtp(extension=b"\x22\x01\x02\x03", csrcs=1), rtp(extension=b"")],
)
def test_what_is_not_usual_is_left_to_the_full_look(packet):
    assert written(packet) is None
