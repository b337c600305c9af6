"""Media that flows on while something changes: every loop must take note of it."""

import asyncio
import socket

import pytest
from aioice import stun

from sfu.control import OpenLeg
from sfu.drops import DropReason
from sfu.io.socket import SingleMessageSocket
from sfu.rtp import find_mid
from tests.sfu.io.test_sockets import SO_NO_CHECK
from tests.sfu.io.wire_client import field
from tests.sfu.packets import rtp

STREAMS = {"0": (11, None), "1": (12, 13)}
OTHERS = {"0": (21, None), "1": (22, 23)}


async def call(ground):
    """Return two connected clients whose media has begun to flow."""
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    second = await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    await ground.agree("a", first)
    await flows(first, second, range(1, 4))
    return first, second


async def flows(sender, receiver, sequences, **shape) -> list[bytes]:
    """Send video packets and return them as they arrived."""
    receiver.media.clear()
    for sequence in sequences:
        packet = rtp(ssrc=12, payload_type=96, sequence=sequence, **({"extension": b"\x22\x01\x02\x03"} | shape))
        sender.send(sender.protect(packet))
    await receiver.until(lambda: len(receiver.media) == len(sequences))
    return receiver.received()


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"extension": None},
        {"extension": None, "csrcs": 2},
        {"extension": b"\x40\x31\x00\x00"},
        {"extension": b"\x22\x40\x40\x40"},
        {"extension": b"\x22\x01\x02\x03" * 12},
        {"extension": b"\x03\x02\x00\x01", "profile": 0x1000},
    ],
)
async def test_every_shape_of_header_leaves_with_its_mid_and_its_payload(ground, shape):
    first, second = await call(ground)
    for arrived in await flows(first, second, range(10, 13), payload=b"picture" * 20, **shape):
        assert find_mid(arrived) == ord("1")
        assert arrived.endswith(b"picture" * 20)


async def test_what_flowed_is_counted_on_both_sides_and_by_stream(ground):
    first, second = await call(ground)
    before = (ground.leg("a").packets_in, ground.leg("b").packets_out)
    await flows(first, second, range(10, 60))
    assert (ground.leg("a").packets_in, ground.leg("b").packets_out) == (before[0] + 50, before[1] + 50)
    stream = ground.leg("a").streams[(12).to_bytes(4, "big")]
    assert stream.packets == 53
    assert stream.bytes == 53 * len(rtp(extension=b"\x22\x01\x02\x03"))


async def test_media_follows_a_newcomer_with_the_newcomers_keys(ground):
    first, second = await call(ground)
    again = ground.client(ground.open("b2", "patient", replaces="b"), ufrag="cccc", streams=OTHERS)
    await ground.agree("b2", again)
    await again.bind()
    await again.shake_hands()
    await ground.until(lambda: "connected" in ground.states("b2"))
    second.media.clear()
    assert len(await flows(first, again, range(10, 14))) == 4
    assert second.media == []


async def test_media_follows_a_leg_to_its_new_address(ground):
    first, second = await call(ground)
    loop, old = asyncio.get_running_loop(), second.socket
    loop.remove_reader(old.fileno())
    second.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    second.socket.setblocking(False)
    second.socket.bind(("127.0.0.1", 0))
    loop.add_reader(second.socket.fileno(), second._read)
    await second.bind()
    assert len(await flows(first, second, range(10, 14))) == 4
    old.close()


async def test_a_codec_that_is_no_longer_accepted_stops_at_once(ground):
    first, second = await call(ground)
    ground.board.restart_ice("b")
    ground.board.answer("b", ground.leg("b").negotiation, second.answer(types={111, 98, 99}))
    first.send(first.protect(rtp(ssrc=12, payload_type=96, sequence=20)))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.CODEC] == 1)


async def test_a_leg_that_hangs_up_stops_the_flow_towards_it(ground):
    first, _ = await call(ground)
    ground.board.close_leg("b")
    first.send(first.protect(rtp(ssrc=12, payload_type=96, sequence=20)))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.PEER_ABSENT] == 1)


async def test_a_flood_is_cut_off_near_its_cap_and_flows_again_later(ground):
    ground.board.open_leg(OpenLeg(0, "call", "a", "practitioner", max_bitrate=16_000))
    first = ground.client(ground.offer("a"), ufrag="aaaa", streams=STREAMS)
    await ground.agree("a", first)
    await first.bind()
    await first.shake_hands()
    second = await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    await ground.agree("a", first)
    for sequence in range(100):
        first.send(first.protect(rtp(ssrc=12, payload_type=96, sequence=sequence, payload=b"x" * 1000)))
    await ground.until(lambda: ground.leg("a").packets_in == 100)
    passed = 100 - ground.leg("a").dropped[DropReason.OVER_CAP]
    assert 8 <= passed <= 8 + 32 + 8
    await second.until(lambda: len(second.media) == passed)
    ground.shift = 60.0
    assert len(await flows(first, second, range(200, 203))) == 3


async def test_a_check_that_looks_like_a_stream_of_a_leg_without_keys_disturbs_nobody(ground):
    await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    first = ground.client(ground.open("a", "practitioner"), ufrag="aaaa", streams=STREAMS)
    await ground.agree("a", first)
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    check = stun.parse_message(first.check())
    message = stun.Message(check.message_method, check.message_class, (11).to_bytes(4, "big") + bytes(8))
    message.attributes.update(check.attributes)
    for name in ("MESSAGE-INTEGRITY", "FINGERPRINT"):
        message.attributes.pop(name, None)
    message.add_message_integrity(field(first.offer, "ice-pwd").encode())
    first.send(bytes(message))
    await first.until(lambda: first.stun_answers)
    await first.bind()
    assert errors == []


# Linux, udp(7): what came together is received together.
UDP_GRO = 104


async def test_a_frames_packets_leave_together_as_they_came(ground):
    first, second = await call(ground)
    asyncio.get_running_loop().remove_reader(second.socket.fileno())
    second.socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    for sequence in range(10, 15):
        payload = b"x" * (900 if sequence < 14 else 300)
        first.send(first.protect(rtp(ssrc=12, payload_type=96, sequence=sequence, payload=payload)))
    await ground.until(lambda: ground.leg("a").packets_in == 8)
    found = []
    while sum(length for length, _ in found) < 4 * 900 + 300:
        data, control, *_ = second.socket.recvmsg(65536, 64)
        found.append((len(data), bool(control)))
    long, short = 12 + 8 + 900 + 16, 12 + 8 + 300 + 16
    one_by_one = isinstance(ground.socket, SingleMessageSocket)
    assert found == ([(long, False)] * 4 + [(short, False)] if one_by_one else [(4 * long + short, True)])


async def test_a_socket_that_cannot_send_packets_together_sends_them_one_by_one(ground):
    first, second = await call(ground)
    ground.socket._sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    for start in (10, 20):
        arrived = await flows(first, second, range(start, start + 10))
        assert [int.from_bytes(packet[2:4], "big") for packet in arrived] == list(range(start, start + 10))
    assert ground.dropped() == {}
    assert ground.leg("a").dropped == {}
    assert ground.leg("b").dropped == {}
