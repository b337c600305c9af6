"""What somebody who holds valid keys can try against the other side, the other calls and the worker."""

import asyncio
import struct

from sfu.drops import DropReason
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
