"""What the network brings: hostile, too much, too slow, foreign. Over 300 lines: one test an attack, told apart."""

import asyncio
import base64
import gc
import json
import os
import socket
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.io.heartbeat import SocketSettings
from signalling.io.server import BURST
from signalling.io.wire import MAX_FRAMES
from signalling.protocol import Problem
from store.io.entropy import digest
from tests.signalling.page import ORIGIN, PATIENCE
from tests.signalling.practice import Practice

KNOCK = {"type": "knock", "invitation": "no-such-invitation", "name": "X"}


def frame(n: int, body: object) -> str:
    return json.dumps({"n": n, "ack": 0, "body": body})


BAD_FRAMES = {
    "no JSON": "hello",
    "empty": "",
    "a list": "[]",
    "deep": "[" * 16_000 + "]" * 16_000,
    "deep in an object": '{"n":1,"ack":0,"body":' + '{"type":' * 3000 + "1" + "}" * 3001,
    "NaN": '{"n":NaN,"ack":0}',
    "a key said twice": '{"n":1,"n":1,"ack":0,"body":{"type":"alive"}}',
    "a key of the body said twice": '{"n":1,"ack":0,"body":{"type":"answer","negotiation":1,"sdp":"a","sdp":"b"}}',
    "unknown type": frame(1, {"type": "open_sesame"}),
    "unknown field": frame(1, {"type": "alive", "more": 1}),
    "a server's message": frame(1, {"type": "welcome", "session": "x", "role": "patient", "resumed": True}),
    "an opening in mid-conversation": frame(1, {"type": "attend"}),
    "a gap": frame(7, {"type": "alive"}),
    "a number that is none": frame(0, {"type": "alive"}),
    "an acknowledgement of nothing": json.dumps({"n": 1, "ack": 99, "body": {"type": "alive"}}),
    "an id that is none": frame(1, {"type": "admit", "admission": "adm_'; drop table calls; --", "version": 1}),
    "half a surrogate pair": '{"n":1,"ack":0,"body":{"type":"answer","negotiation":1,"sdp":"\\ud800"}}',
    "just too large": frame(1, {"type": "alive"}) + " " * (32 * 1024 - len(frame(1, {"type": "alive"})) + 1),
    "much too large": frame(1, {"type": "answer", "negotiation": 1, "sdp": "x" * 2_000_000}),
}


@pytest.mark.parametrize("text", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
async def test_what_is_no_message_is_told_and_ends_the_socket(practice: Practice, text: str) -> None:
    desk = await practice.desk(await practice.practitioner())
    await desk.send_raw(text)
    await desk.expect("problem", code="bad_message")
    assert await desk.closed() == 4000


async def test_binary_frames_are_no_messages(practice: Practice) -> None:
    desk = await practice.desk(await practice.practitioner())
    await desk.send_raw(b'{"n":1,"ack":0,"body":{"type":"alive"}}')
    await desk.expect("problem", code="bad_message")
    assert await desk.closed() == 4000


async def test_the_largest_frame_is_taken(practice: Practice) -> None:
    desk = await practice.desk(await practice.practitioner())
    text = frame(1, {"type": "alive"})
    await desk.send_raw(text + " " * (32 * 1024 - len(text)))
    await desk.settled()
    assert desk.close_code is None


@pytest.mark.parametrize("opening", ['{"n":0,"ack":0,"body":{"type":"alive"}}', '{"n":0,"ack":0}', "{"])
async def test_a_first_frame_that_opens_nothing_is_no_message(practice: Practice, opening: str) -> None:
    ws = await practice._client.ws_connect(practice.url, headers={"Origin": ORIGIN})
    await ws.send_str(opening)
    assert json.loads((await ws.receive()).data)["body"] == {"type": "problem", "code": "bad_message"}
    await ws.receive()
    assert ws.close_code == 4000


async def test_a_session_survives_a_bad_frame(practice: Practice) -> None:
    desk = await practice.desk(await practice.practitioner())
    await desk.send_raw("hello")
    assert await desk.closed() == 4000
    await desk.resume()
    assert desk.last("welcome")["resumed"] is True


async def raw_upgrade(practice: Practice, **headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a socket after its upgrade, on which a test may send whatever bytes it likes."""
    parts = urlsplit(practice.url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)  # the standard library's own
    await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    said = {
        "Host": parts.netloc,
        "Origin": ORIGIN,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Extensions": "permessage-deflate",
        **headers,
    }
    lines = [f"GET {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b"101" in answer
    assert b"Sec-WebSocket-Extensions" not in answer
    return reader, writer


def text_frame(payload: bytes, first: int = 0x81) -> bytes:
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack("!H", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload


async def test_compression_is_not_agreed_on_and_a_compressed_frame_ends_the_socket(practice: Practice) -> None:
    """The state of a compressor costs more than everything else about a waiting patient."""
    reader, writer = await raw_upgrade(practice)
    deflate = zlib.compressobj(wbits=-15)
    bomb = (deflate.compress(b" " * 60_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(bomb) < 65_536
    writer.write(text_frame(bomb, 0xC1))
    async with asyncio.timeout(PATIENCE):
        assert struct.pack("!H", 1002) in await reader.read()
    writer.close()


async def test_pings_of_a_page_are_answered(practice: Practice) -> None:
    reader, writer = await raw_upgrade(practice)
    writer.write(text_frame(b"there?", 0x89))
    async with asyncio.timeout(PATIENCE):
        assert await reader.readexactly(8) == b"\x8a\x06there?"
    writer.close()


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_after_the_upgrade_end_that_socket_only(practice_of_bytes: "Bytes", data: bytes) -> None:
    practice_of_bytes.throw(data)


class Bytes:
    """A practice with a loop of its own, for the many examples of one test."""

    def __init__(self, runner: asyncio.Runner, practice: Practice) -> None:
        self._runner = runner
        self._practice = practice

    def throw(self, data: bytes) -> None:
        async def thrown() -> None:
            _, writer = await raw_upgrade(self._practice)
            writer.write(data + text_frame(data))
            writer.close()
            page = await self._practice.page().open(**KNOCK)
            await page.expect("problem", code="not_found")
            await page.closed()

        self._runner.run(thrown())


@pytest.fixture(scope="module")
def practice_of_bytes(tmp_path_factory: pytest.TempPathFactory):
    with asyncio.Runner() as runner, structlog.testing.capture_logs() as log:
        practice = runner.run(Practice.open(tmp_path_factory.mktemp("bytes")))
        yield Bytes(runner, practice)
        runner.run(practice.close())
    assert [line for line in log if line["log_level"] == "error"] == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", None])
async def test_pages_of_other_origins_are_refused_before_the_upgrade(practice: Practice, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await practice._client.ws_connect(practice.url, headers=headers)
    assert refused.value.status == 403


async def test_subprotocols_are_refused(practice: Practice) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await practice._client.ws_connect(practice.url, headers={"Origin": ORIGIN}, protocols=("chat",))
    assert refused.value.status == 400


async def test_too_many_messages_are_told_and_end_the_socket_and_the_session_goes_on(practice: Practice) -> None:
    desk = await practice.desk(await practice.practitioner())
    for _ in range(BURST * 4):
        if desk.close_code is None:
            await desk.send("alive")
    await desk.expect("problem", code="too_fast")
    assert await desk.closed() == 4008
    desk._unacked.clear()
    desk._sent = 0
    await desk.resume()


async def test_a_burst_is_carried_out(practice: Practice) -> None:
    desk = await practice.desk(await practice.practitioner())
    for _ in range(BURST - 5):
        await desk.send("alive")
    await desk.settled()
    assert desk.close_code is None


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Practice]:
    practice = await Practice.open(
        tmp_path, SocketSettings(opening_seconds=1.0, stuck_seconds=0.5, heartbeat_seconds=0.5)
    )
    yield practice
    await practice.close()


async def test_a_socket_that_says_nothing_is_closed(impatient: Practice) -> None:
    ws = await impatient._client.ws_connect(impatient.url, headers={"Origin": ORIGIN})
    assert json.loads((await ws.receive()).data)["body"] == {"type": "problem", "code": "bad_message"}
    await ws.receive()
    assert ws.close_code == 4000


async def silent_desk(practice: Practice) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the session of a desk whose page reads nothing more after its welcome."""
    claire = await practice.practitioner()
    reader, writer = await raw_upgrade(practice, **{"X-Practitioner": claire.id, "Sec-WebSocket-Extensions": "none"})
    writer.write(text_frame(frame(0, {"type": "attend"}).encode()))
    heard = b""
    while b'"resumed"' not in heard:
        heard += await reader.read(64)
    token = heard.split(b'"session":"')[1].split(b'"')[0].decode()
    writer.transport.pause_reading()
    return token, reader, writer


async def test_a_page_that_does_not_read_is_cut_off_when_too_much_stands_in_line(practice: Practice) -> None:
    token, _, writer = await silent_desk(practice)
    participant = practice.reception._services.presence.session(digest(token))
    assert participant is not None
    wire = participant.socket
    longest = 0
    async with asyncio.timeout(PATIENCE):
        while participant.attached:
            participant.tell(Problem("x" * 20_000))
            longest = max(longest, len(wire._line))
            await asyncio.sleep(0)
    assert longest <= MAX_FRAMES
    assert len(wire._line) == 0
    writer.close()


async def test_a_page_that_takes_nothing_is_cut_off_after_a_while(impatient: Practice) -> None:
    token, _, writer = await silent_desk(impatient)
    participant = impatient.reception._services.presence.session(digest(token))
    assert participant is not None
    for _ in range(40):
        participant.tell(Problem("x" * 20_000))
        await asyncio.sleep(0.001)
    await impatient.eventually(lambda: not participant.attached)
    writer.close()


async def test_a_slow_page_hurts_nobody_else(practice: Practice) -> None:
    token, _, writer = await silent_desk(practice)
    claire = await practice.agenda.practitioner_by_email("claire@example.org")
    assert claire is not None
    consultation, invitation = await practice.consultation(claire)
    for _ in range(30):
        practice.reception._services.presence.session(digest(token)).tell(Problem("x" * 20_000))
    host, patient = await practice.call(claire, consultation, invitation)
    assert host.last("call")["state"] == patient.last("call")["state"] == "live"
    writer.close()


async def test_a_page_that_does_not_answer_pings_is_gone(impatient: Practice) -> None:
    claire = await impatient.practitioner()
    _, writer = await raw_upgrade(impatient, **{"X-Practitioner": claire.id})
    writer.write(text_frame(frame(0, {"type": "attend"}).encode()))
    await impatient.eventually(lambda: len(impatient.reception._services.presence.pages_of(claire.id)) == 1)
    page = impatient.reception._services.presence.pages_of(claire.id)[0]
    await impatient.eventually(lambda: not page.attached)
    writer.close()


async def test_nothing_is_left_of_sockets_that_came_and_went(practice: Practice) -> None:
    """Tasks, sessions and rooms go back to where they were."""
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)

    async def churn() -> None:
        host, patient = await practice.call(claire, consultation, invitation)
        await patient.cut()
        await host.send("leave")
        await host.closed()
        for page in practice.pages:
            await page.close()
        practice.pages.clear()
        await practice.eventually(lambda: practice.engine.legs == {})
        practice.clock.advance(seconds=1)

    async def rest() -> tuple[int, int, int]:
        for _ in range(2):
            practice.clock.advance(minutes=3)
            await practice.reception.look_around()
        await practice.outbox.deliver()
        gc.collect()
        services = practice.reception._services.presence
        return len(asyncio.all_tasks()), len(services.participants()), len(services.rooms())

    await churn()
    before = await rest()
    for _ in range(5):
        await churn()
    assert await rest() == before
    assert before[1:] == (0, 0)


async def test_logs_hold_no_names_tokens_or_descriptions(practice: Practice) -> None:
    with structlog.testing.capture_logs() as log:
        claire = await practice.practitioner()
        consultation, invitation = await practice.consultation(claire)
        host, patient = await practice.call(claire, consultation, invitation)
        practice.engine.available = False
        practice.engine.lose_worker()
        await host.expect("rejoin")
        await practice.calm(host, patient)
        practice.engine.available = True
        await host.send("leave")
        await host.closed()
    text = str(log)
    assert log
    secrets = (
        "Jean",
        "Claire",
        "claire@example.org",
        invitation,
        host.session,
        patient.session,
        patient.last("admitted")["ticket"],
        "offer 1",
        "127.0.0.1",
    )
    for secret in secrets:
        assert secret not in text
