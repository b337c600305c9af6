"""What a leg leaves behind, and what the packet loop hears of it."""

import asyncio
import gc
import weakref

from sfu.control import BothHeard, MeterChanged
from sfu.drops import DropReason
from tests.sfu.packets import rtp

STREAMS = {"0": (11, None), "1": (12, 13)}
OTHERS = {"0": (21, None), "1": (22, 23)}


async def call(ground):
    """Return two connected clients between whom media has passed."""
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    second = await ground.join("b", "patient", ufrag="bbbb", streams=OTHERS)
    await ground.agree("a", first)
    for sequence in (1, 2):
        first.send(first.protect(rtp(ssrc=11, sequence=sequence)))
    await second.until(lambda: len(second.media) == 2)
    return first, second


async def test_one_who_has_hung_up_is_sent_nothing_more(ground):
    first, second = await call(ground)
    sent = ground.leg("b").packets_out
    await second.dtls.stop()
    await ground.until(lambda: "closed" in ground.states("b"))
    first.send(first.protect(rtp(ssrc=11, sequence=3)))
    await ground.until(lambda: ground.leg("a").dropped[DropReason.PEER_ABSENT] == 1)
    assert ground.board.closed_out == sent
    assert len(second.media) == 2


async def test_media_goes_to_the_one_who_came_in_place_of_another(ground):
    first, second = await call(ground)
    again = ground.client(ground.open("b2", "patient", replaces="b"), ufrag="cccc", streams=OTHERS)
    await ground.agree("b2", again)
    await again.bind()
    await again.shake_hands()
    await ground.until(lambda: "connected" in ground.states("b2"))
    first.send(first.protect(rtp(ssrc=11, sequence=3)))
    await again.until(lambda: again.media)
    assert len(second.media) == 2


async def test_nothing_outlives_a_leg(ground):
    before = asyncio.all_tasks()
    await call(ground)
    handshakes = [weakref.ref(ground.board._lines[name].handshake) for name in "ab"]
    sessions = [weakref.ref(ground.leg(name).keys._owners[0]) for name in "ab"]
    ground.board.close_call("call")
    # The clients' own tasks end when they hear the goodbye.
    await ground.until(lambda: asyncio.all_tasks() == before)
    assert (ground.board._lines, ground.board._bridges) == ({}, {})
    gc.collect()
    assert [kept() for kept in (*handshakes, *sessions)] == [None] * 4


async def test_until_when_both_were_heard_is_said_before_the_meter_stops(ground):
    first, second = await call(ground)
    second.send(second.protect(rtp(ssrc=21)))
    first.send(first.protect(rtp(ssrc=11, sequence=3)))
    await ground.until(lambda: len(second.media) == 3 and first.media)
    ground.events.clear()
    ground.board.change_meter("call", paused=True)
    heard, changed = ground.events
    assert (type(heard), type(changed)) == (BothHeard, MeterChanged)
    assert heard.heard_ms == int(min(leg.last_heard for leg in ground.board.legs()) * 1000)
    assert heard.seq < changed.seq
