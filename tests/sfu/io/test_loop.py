"""The packet loop on real sockets: what passes, what never must (the attacks), on both kinds of socket."""

import asyncio
import os
import socket
import struct

import pytest
from aiortc.rtcdtlstransport import RTCCertificate

from sfu import rtcp
from sfu.drops import DropReason
from sfu.engine import BadAnswer
from sfu.rtp import find_mid
from tests.sfu.io.wire_client import field
from tests.sfu.packets import rtp

STREAMS = {"0": (11, None), "1": (12, 13)}
OTHERS = {"0": (21, None), "1": (22, 23)}


async def call(ground):
    """Return two connected clients."""
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    second = await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    await ground.agree("a", first)
    return first, second


async def passes(sender, receiver, sequence: int) -> bytes:
    """Send one RTP packet and return it as it arrived."""
    sender.send(sender.protect(rtp(ssrc=11 if sender._ufrag == "aaaa" else 21, sequence=sequence)))
    await receiver.until(lambda: receiver.media)
    return receiver.received()[-1]


async def test_media_passes_unchanged_but_for_its_mid(ground):
    first, second = await call(ground)
    packet = rtp(ssrc=12, payload_type=96, extension=b"\x22\x01\x02\x03", payload=b"x" * 1150)
    first.send(first.protect(packet))
    await second.until(lambda: second.media)
    (arrived,) = second.received()
    assert find_mid(arrived) == ord("1")
    assert arrived[1:12] == packet[1:12]
    assert arrived.endswith(b"x" * 1150)


async def test_a_burst_larger_than_a_batch_passes_in_order(ground):
    first, second = await call(ground)
    for sequence in range(200):
        first.send(first.protect(rtp(ssrc=11, sequence=sequence)))
    await second.until(lambda: len(second.media) == 200)
    assert [int.from_bytes(packet[2:4], "big") for packet in second.received()] == list(range(200))


async def test_rtcp_is_relayed_byte_for_byte_and_feeds_the_statistics(ground):
    first, second = await call(ground)
    report = struct.pack("!BBHI", 0x81, 201, 7, 22) + struct.pack("!IIIIII", 12, 64 << 24, 0, 900, 0, 0)
    second.send(second.protect_rtcp(report))
    heard: list[bytes] = []
    await first.until(lambda: heard.extend(first.received_rtcp()) or report in heard)
    stream = ground.leg("a").streams[(12).to_bytes(4, "big")]
    assert (stream.lost_fraction, stream.jitter_ms) == (0.25, 10.0)


async def test_both_sides_get_a_key_frame_request_when_the_second_connects(ground):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    first.received_rtcp()
    await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    await first.until(lambda: first.reports)
    assert rtcp.picture_loss_indication(12) in first.received_rtcp()


async def test_a_leg_that_is_alone_is_told_apart_from_a_fault(ground):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    first.send(first.protect(rtp(ssrc=11)))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.PEER_ABSENT] == 1)


async def test_the_preferred_profile_is_gcm_128(ground):
    await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    assert ground.leg("a").keys.profile == "SRTP_AEAD_AES_128_GCM"


async def test_a_close_notify_ends_the_leg_as_a_hangup(ground):
    first, _ = await call(ground)
    await first.dtls.stop()
    await ground.until(lambda: ground.states("a")[-1] == "closed")
    assert next(event.reason for event in ground.events if getattr(event, "state", "") == "closed") == "hangup"


# -- attacks ---------------------------------------------------------------------------------------------------

STRANGE = [b"", b"\x80" * 1600, b"\x80", b"\x80\xc8", b"\xff" * 100, b"\x05" * 40, b"\x80" * 1473]


async def test_empty_oversized_and_shapeless_datagrams_from_anywhere_change_nothing(ground):
    first, second = await call(ground)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for datagram in STRANGE * 5:
        stranger.sendto(datagram, ("127.0.0.1", ground.port))
        first.send(datagram)
    assert (await passes(first, second, 5)).endswith(b"media")
    assert ground.dropped()["length"] >= 10
    assert set(ground.dropped()) <= {"length", "first_byte", "unknown_source"}
    stranger.close()


async def test_a_client_hello_from_an_address_without_a_binding_is_never_looked_at(ground):
    victim = ground.client(ground.open("a", "practitioner"), ufrag="aaaa", streams=STREAMS)
    await ground.agree("a", victim)
    attacker = ground.client(victim.offer, ufrag="evil")
    task = asyncio.create_task(attacker.shake_hands())
    await ground.until(lambda: ground.dropped().get("unknown_source", 0) > 0)
    task.cancel()
    await victim.bind()
    await victim.shake_hands()
    await ground.until(lambda: ground.states("a") == ["connected"])


async def test_a_wrong_certificate_gets_no_keys_and_not_one_packet(ground):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    second = ground.client(ground.open("b", "patient"), ufrag="bbbb", streams=OTHERS)
    await ground.agree("b", second)
    second._certificate = RTCCertificate.generateCertificate()
    second.dtls._RTCDtlsTransport__local_certificate = second._certificate
    await second.bind()
    await second.shake_hands()
    await ground.until(lambda: "closed" in ground.states("b"))
    first.send(first.protect(rtp(ssrc=11)))
    await asyncio.sleep(0.1)
    assert second.media == []
    assert "connected" not in ground.states("b")


async def test_stun_without_the_password_or_for_nobody_meets_silence(ground):
    first, _ = await call(ground)
    stranger = ground.client(first.offer, ufrag="evil")
    stranger.send(stranger.check(password="x" * 22))
    stranger.send(stranger.check(offer=first.offer.replace(field(first.offer, "ice-ufrag"), "nobody")))
    stranger.send(b"\x00\x01" + bytes(18))
    await ground.until(lambda: sum(ground.dropped().values()) >= 3)
    assert stranger.stun_answers == []
    assert ground.dropped() == {"stun_integrity": 1, "stun_unknown_user": 1, "stun_malformed": 1}


async def test_a_flood_of_checks_from_one_address_is_cut_off(ground):
    await call(ground)
    stranger = ground.client(ground.offer("a"), ufrag="evil")
    for _ in range(400):
        stranger.send(stranger.check(password="x" * 22))
        await asyncio.sleep(0)
    await ground.until(lambda: sum(ground.dropped().values()) >= 400)
    assert ground.dropped()["too_fast"] >= 200


async def test_rtp_never_teaches_an_address(ground):
    first, second = await call(ground)
    path = ground.leg("a").path
    moved = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    moved.sendto(first.protect(rtp(ssrc=11, sequence=9)), ("127.0.0.1", ground.port))
    await ground.until(lambda: ground.dropped().get("unknown_source") == 1)
    assert ground.leg("a").path is path
    assert second.media == []
    moved.close()


async def test_forged_and_replayed_srtp_is_counted_and_ends_nothing(ground):
    first, second = await call(ground)
    packet = first.protect(rtp(ssrc=11, sequence=1))
    first.send(packet)
    for _ in range(50):
        first.send(packet)
        first.send(rtp(ssrc=11, sequence=2, payload=os.urandom(60)))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.UNPROTECT] == 100)
    await second.until(lambda: second.media)
    assert len(second.received()) == 1
    assert (await passes(first, second, 3)).endswith(b"media")


@pytest.mark.parametrize("length", range(2, 40))
async def test_srtcp_too_short_for_its_tag_never_reaches_libsrtp(ground, length):
    first, second = await call(ground)
    first.send((b"\x80\xc8" + bytes(length))[:length])
    assert (await passes(first, second, 4)).endswith(b"media")


async def test_authenticated_junk_is_counted_as_malformed(ground):
    first, second = await call(ground)
    first.send(first.protect_rtcp(b"\x80\xc8\xff\xff" + bytes(20)))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.MALFORMED] == 1)
    assert (await passes(first, second, 6)).endswith(b"media")


async def test_srtp_before_dtls_has_finished_is_dropped(ground):
    client = ground.client(ground.open("a", "practitioner"), ufrag="aaaa", streams=STREAMS)
    await ground.agree("a", client)
    await client.bind()
    client.send(rtp(ssrc=11))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.NO_KEYS] == 1)


async def test_a_flood_of_dtls_ahead_of_the_answer_is_bounded(ground):
    client = ground.client(ground.open("a", "practitioner"), ufrag="aaaa", streams=STREAMS)
    await client.bind()
    for _ in range(200):
        client.send(b"\x16\xfe\xff" + bytes(60))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.HANDSHAKE_QUEUE] > 100)


async def test_checks_and_dtls_may_come_before_the_answer(ground):
    client = ground.client(ground.open("a", "practitioner"), ufrag="aaaa", streams=STREAMS)
    await client.bind()
    shaking = asyncio.create_task(client.shake_hands())
    await asyncio.sleep(0.05)
    await ground.agree("a", client)
    await shaking
    await ground.until(lambda: ground.states("a") == ["connected"])


async def test_an_oversized_answer_is_refused_and_the_leg_lives(ground):
    client = ground.client(ground.open("a", "practitioner"), ufrag="aaaa", streams=STREAMS)
    with pytest.raises(BadAnswer):
        await ground.board.answer("a", 1, "v=0\r\n" * 9000)
    await ground.agree("a", client)


# -- moving ----------------------------------------------------------------------------------------------------


async def test_a_nominated_check_from_a_new_address_moves_the_leg_there(ground):
    first, second = await call(ground)
    old = first.socket
    asyncio.get_running_loop().remove_reader(old.fileno())
    first.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first.socket.setblocking(False)
    first.socket.bind(("127.0.0.1", 0))
    asyncio.get_running_loop().add_reader(first.socket.fileno(), first._read)
    await first.bind(nominate=False)
    assert ground.leg("a").path.readable()[1] == old.getsockname()[1]
    await first.bind()
    assert ground.leg("a").path.readable()[1] == first.socket.getsockname()[1]
    assert (await passes(second, first, 1)).endswith(b"media")
    old.close()


async def test_an_ice_restart_keeps_dtls_and_retires_the_old_credentials(ground):
    first, second = await call(ground)
    old_offer = ground.offer("a")
    ground.board.restart_ice("a")
    first.offer = ground.offer("a")
    assert field(first.offer, "ice-ufrag") != field(old_offer, "ice-ufrag")
    assert (await passes(second, first, 1)).endswith(b"media")
    await ground.agree("a", first)
    await first.bind()
    assert (await passes(first, second, 2)).endswith(b"media")
    first.send(first.check(offer=old_offer))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.STUN_UNKNOWN_USER] == 1)


async def test_one_leg_cannot_collect_addresses_without_end(ground):
    first, _ = await call(ground)
    others = [ground.client(first.offer, ufrag="aaaa") for _ in range(20)]
    for other in others:
        await other.bind(nominate=False)
    assert sum(route.leg is ground.leg("a") for route in ground.loop.routes.values()) <= 8
    assert ground.leg("a").path.readable()[1] == first.socket.getsockname()[1]


async def test_a_closed_leg_leaves_no_route_and_no_user_behind(ground):
    await call(ground)
    ground.board.close_call("call")
    await ground.until(lambda: not ground.loop.routes)
    assert ground.board.legs() == []
    assert ground.board._connectivity._users == {}
    assert ground.board._connectivity._agents == {}
    assert ground.board._bridges == {}


async def test_three_seconds_of_silence_are_said_with_the_moment_of_the_last_packet(ground):
    await call(ground)
    heard = ground.leg("a").last_heard
    ground.shift = 4.0
    ground.board.tick(ground.clock())
    lost = [event for event in ground.events if getattr(event, "state", "") == "lost"]
    assert {event.leg for event in lost} == {"a", "b"}
    assert next(event.last_heard_ms for event in lost if event.leg == "a") == int(heard * 1000)
