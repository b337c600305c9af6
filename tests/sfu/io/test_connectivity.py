"""Who may check, and what a flood of checks does to those who are connected."""

import asyncio
import socket

from sfu.bucket import AddressBuckets
from sfu.drops import DropReason
from tests.sfu.io.wire_client import field

STREAMS = {"0": (11, None), "1": (12, 13)}
JUNK = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


async def is_answered(client, offer: str) -> bool:
    before = len(client.stun_answers)
    client.send(client.check(offer=offer))
    for _ in range(50):
        await asyncio.sleep(0.01)
        if len(client.stun_answers) > before:
            return True
    return False


async def test_checks_that_name_nobody_use_up_nothing_also_in_a_peers_name(ground):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    for _ in range(400):
        first.send(JUNK)
        await asyncio.sleep(0)
    await ground.until(lambda: ground.leg("a").dropped[DropReason.STUN_MALFORMED] == 400)
    assert await is_answered(first, first.offer)


async def test_a_flood_from_countless_addresses_does_not_silence_those_who_are_connected(ground):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    strangers = ground.board._connectivity._strangers = AddressBuckets(0.5, 10, capacity=2)
    others = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(10)]
    forged = first.check(password="x" * 22)
    for number in range(1000):
        others[number % 10].sendto(forged, ("127.0.0.1", ground.port))
        await asyncio.sleep(0)
    await ground.until(lambda: sum(ground.dropped().values()) == 1000)
    assert ground.dropped()["too_fast"] > 500
    assert not strangers.take(b"one more", ground.clock() - 1)
    assert await is_answered(first, first.offer)
    for other in others:
        other.close()


async def test_credentials_in_use_outlive_any_number_of_restarts_that_were_never_taken_up(ground):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams=STREAMS)
    offers = [first.offer]
    for _ in range(3):
        ground.board.restart_ice("a")
        offers.append(ground.offer("a"))
    assert len({field(offer, "ice-ufrag") for offer in offers}) == 4
    assert await is_answered(first, offers[0])
    assert not await is_answered(first, offers[1])
    assert await is_answered(first, offers[3])
    assert not await is_answered(first, offers[0])
    assert len(ground.board._connectivity._users) == 1
