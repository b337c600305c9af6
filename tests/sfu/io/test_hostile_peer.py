"""What somebody who holds valid keys can try against the other side, the other calls and the worker."""

import asyncio
import struct

from sfu.drops import DropReason
from sfu.leg import MAX_SSRCS
from tests.sfu.packets import rtp

STREAMS = {"0": (11, None), "1": (12, 13)}
OTHERS = {"0": (21, None), "1": (22, 23)}


async def call(ground):
    """Return two connected clients."""
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    second = await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    await ground.agree("a", first)
    return first, second


async def test_a_newcomer_with_the_ssrc_of_the_one_before_never_makes_a_nonce_repeat(ground):
    first, second = await call(ground)
    first.send(first.protect(rtp(ssrc=11, sequence=5, payload=b"A" * 40)))
    await second.until(lambda: second.media)
    again = ground.client(ground.open("a2", "practitioner", replaces="a"), ufrag="cccc", streams=STREAMS)
    await ground.agree("a2", again)
    await again.bind()
    await again.shake_hands()
    await ground.until(lambda: "connected" in ground.states("a2"))
    for sequence in (5, 6):
        again.send(again.protect(rtp(ssrc=11, sequence=sequence, payload=b"B" * 40)))
    await second.until(lambda: len(second.media) > 1)
    assert [int.from_bytes(packet[2:4], "big") for packet in second.media] == [5, 6]
    assert ground.leg("a2").dropped[DropReason.PROTECT] == 1


async def test_a_report_too_short_for_its_kind_is_counted_and_disturbs_nobody(ground):
    first, second = await call(ground)
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    first.send(first.protect_rtcp(struct.pack("!BBHIQ", 0x80, 200, 3, 11, 0)))
    first.send(first.protect(rtp(ssrc=11, sequence=7)))
    await second.until(lambda: second.media)
    assert ground.leg("a").dropped[DropReason.MALFORMED] == 1
    assert errors == []


async def test_a_sender_of_ever_new_ssrcs_cannot_make_srtp_remember_them_all(ground):
    first, second = await call(ground)
    for number in range(150):
        first.send(first.protect(rtp(ssrc=1000 + number, payload_type=96)))
        first.send(first.protect_rtcp(struct.pack("!BBHII", 0x81, 206, 2, 5000 + number, 22)))
        await asyncio.sleep(0)
    await ground.until(lambda: ground.leg("a").packets_in == MAX_SSRCS - 3)
    await ground.until(lambda: ground.leg("a").dropped[DropReason.UNKNOWN_STREAM] > 200)
    assert len(ground.leg("a").ssrcs) == MAX_SSRCS
    first.send(first.protect(rtp(ssrc=11, sequence=7)))
    await second.until(lambda: second.media)


async def test_answers_with_ever_new_ssrcs_are_bounded_too(ground):
    first, _ = await call(ground)
    for number in range(40):
        first._streams = {"0": (2000 + 4 * number, None), "1": (2001 + 4 * number, 2002 + 4 * number)}
        await ground.agree("a", first)
    assert len(ground.leg("a").ssrcs) == MAX_SSRCS
    assert len(ground.leg("a").streams) <= 3
