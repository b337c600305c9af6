"""ICE-TCP: the passive candidate for browsers whose UDP is blocked (RFC 6544, framing of RFC 4571)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aioice import stun

from sfu.io import paths
from sfu.io.paths import TcpPath
from tests.sfu.io.conftest import Ground
from tests.sfu.packets import rtp


@pytest.fixture
async def tcp_port(ground: Ground) -> AsyncIterator[int]:
    connections: set[TcpPath] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TcpPath(ground.loop.receive, connections), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for path in list(connections):
        path.close()


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


async def test_a_check_over_tcp_is_answered_and_becomes_the_legs_path(ground, tcp_port):
    client = ground.client(ground.open("a", "patient"), ufrag="tcpc")
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp_port)
    check = framed(client.check())
    writer.write(check[:7])
    await asyncio.sleep(0.02)
    writer.write(check[7:])
    answer = stun.parse_message(await read_frame(reader))
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == writer.get_extra_info("sockname")
    assert ground.leg("a").path.transport == "tcp"
    writer.close()


@pytest.mark.parametrize("head", [b"\x00\x00", b"\xff\xff"])
async def test_a_frame_of_an_impossible_length_ends_the_connection(ground, tcp_port, head):
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp_port)
    writer.write(head + b"x" * 100)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_connection_that_never_authenticates_is_dropped(ground, tcp_port, monkeypatch):
    monkeypatch.setattr(paths, "TCP_GRACE", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp_port)
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()


async def test_more_connections_than_a_worker_needs_are_refused(ground, tcp_port, monkeypatch):
    monkeypatch.setattr(paths, "MAX_TCP_CONNECTIONS", 1)
    first = await asyncio.open_connection("127.0.0.1", tcp_port)
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp_port)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    for stream in (first[1], writer):
        stream.close()


async def test_a_closed_connection_whose_backlog_nobody_reads_is_cut(ground, tcp_port, monkeypatch):
    monkeypatch.setattr(paths, "TCP_GRACE", 0.05)
    client = ground.client(ground.open("a", "patient"), ufrag="tcpc")
    plain = socket.create_connection(("127.0.0.1", tcp_port))
    plain.sendall(framed(client.check()))
    await ground.until(lambda: ground.board.legs()[0].path is not None)
    path = ground.leg("a").path
    while path.send(b"x" * 1400):
        pass
    ground.board.close_call("call")
    await ground.until(lambda: path not in path._connections)
    plain.close()


async def test_media_passes_between_a_leg_on_udp_and_one_on_tcp(ground, tcp_port):
    first = await ground.join("a", "practitioner", ufrag="aaaa", streams={"0": (11, None)})
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp_port)
    second = ground.client(ground.open("b", "patient"), ufrag="bbbb", streams={"0": (21, None)})
    second.send = lambda data: writer.write(framed(data))

    async def read() -> None:
        while True:
            second.take(await read_frame(reader))

    reading = asyncio.create_task(read())
    await ground.agree("b", second)
    await second.bind()
    await second.shake_hands()
    await ground.until(lambda: "connected" in ground.states("b"))
    first.send(first.protect(rtp(ssrc=11)))
    await second.until(lambda: second.media)
    second.send(second.protect(rtp(ssrc=21)))
    await first.until(lambda: first.media)
    await second.dtls.stop()
    reading.cancel()
    writer.close()
