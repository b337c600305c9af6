"""The generator against a relay in place of a server: what the relay does is what must be reported."""

import asyncio
import heapq
import select
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterator

import numpy as np
import pylibsrtp
import pytest

from bench.io import exchange, native_pump, packets
from bench.io.native_pump import native
from bench.io.peer import MediaPeer
from bench.io.traffic import NoMedia, Traffic
from bench.plans import Load
from bench.sdp import Streams
from tests.requirements import missing

LOAD = Load(rtcp_every=0.1)


@pytest.fixture(autouse=True, params=["in C", "in Python"])
def generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both generators, each test: what one reports the other must."""
    if request.param == "in Python":
        monkeypatch.setattr(exchange, "native", lambda: None)
        monkeypatch.setattr(packets, "native", lambda: None)
    elif not any(map(shutil.which, ("cc", "gcc", "clang"))):
        missing("a C compiler")
    else:
        assert native() is not None


def is_media(packet: bytes) -> bool:
    return packet[0] >= 128 and not 192 <= packet[1] <= 223


class Relay:
    """Hands packets from each of two sockets to the other, but for every `drop`-th RTP packet, `delay` seconds late."""

    def __init__(self, *, drop: int = 0, delay: float = 0.0, deaf: bool = False) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for sock in self.sockets:
            sock.bind(("127.0.0.1", 0))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**21)
            sock.setblocking(False)
        self.dropping = False
        self.seen = self.dropped = 0
        self._drop, self._delay, self._deaf = drop, delay, deaf
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._ended = False
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._ended:
            ready, _, _ = select.select(self.sockets, [], [], 0.001 if self._waiting else 0.02)
            for sock in ready:
                self._take(self.sockets.index(sock), sock.recv(2048))
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, index, packet = heapq.heappop(self._waiting)
                self.sockets[index].send(packet)

    def _take(self, index: int, packet: bytes) -> None:
        if self._deaf or packet[0] < 4:
            return
        if is_media(packet) and self.dropping:
            self.seen += 1
            if self._drop and self.seen % self._drop == 0:
                self.dropped += 1
                return
        heapq.heappush(self._waiting, (time.monotonic() + self._delay, self.seen, 1 - index, packet))

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        for sock in self.sockets:
            sock.close()


class KeyedPeer(MediaPeer):
    """A peer that has shaken hands already, with keys that the test chose, behind one of a relay's sockets."""

    def __init__(self, streams: Streams, keys: tuple[bytes, bytes], relay: socket.socket) -> None:
        super().__init__(streams)
        policy = pylibsrtp.Policy
        self._dtls._tx_srtp = pylibsrtp.Session(policy(key=keys[0], ssrc_type=policy.SSRC_ANY_OUTBOUND))
        self._dtls._rx_srtp = pylibsrtp.Session(policy(key=keys[1], ssrc_type=policy.SSRC_ANY_INBOUND))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(relay.getsockname())
        relay.connect(self.socket.getsockname())
        self.resume()

    def check(self) -> bytes:
        return bytes((0, 1)) + bytes(18)


@pytest.fixture
def relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    relay = Relay(**request.param)
    yield relay
    relay.close()


def pair(relay: Relay) -> tuple[MediaPeer, MediaPeer]:
    one, other = bytes(range(30)), bytes(range(30, 60))
    first = KeyedPeer(Streams(100, 101), (one, other), relay.sockets[0])
    second = KeyedPeer(Streams(200, 201), (other, one), relay.sockets[1])
    relay.start()
    return first, second


async def close(peers: tuple[MediaPeer, MediaPeer]) -> None:
    for peer in peers:
        await peer.close()


@pytest.mark.parametrize("relay", [{"drop": 20}], indirect=True)
async def test_a_server_that_drops_five_percent_is_reported_as_five_percent(relay):
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    relay.dropping = True
    outcome = await traffic.run(1.5, settle=0.0)
    await close(peers)
    measured = outcome.measured
    assert relay.seen == pytest.approx(2 * 1.5 * LOAD.media_rate, abs=8)
    # The last burst is sent at the very end of the steady part and may fall out of it.
    assert abs(measured.lost - relay.dropped) <= 1
    assert measured.lost / measured.sent == pytest.approx(0.05, abs=0.004)
    assert measured.duplicates == measured.unknown == 0


@pytest.mark.parametrize("relay", [{"delay": 0.05}], indirect=True)
async def test_a_server_that_delays_is_reported_as_delayed(relay):
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    outcome = await traffic.run(1.0)
    await close(peers)
    assert outcome.measured.lost == 0
    assert np.min(outcome.measured.latency) >= 50


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_runs_follow_each_other_with_numbers_that_go_on(relay):
    """A number that came twice would be a replay, which no receiver takes."""
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    for _ in range(3):
        measured = (await traffic.run(0.5, settle=0.0)).measured
        assert measured.lost == 0
        assert measured.duplicates == 0
        assert measured.forwarded_rtcp == measured.reports_sent > 0
    numbers = [stream.next for side in traffic._sides for stream in side.streams.values()]
    assert min(numbers) >= 3 * 0.5 * LOAD.audio_rate
    await close(peers)


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_what_was_sent_can_be_decrypted_at_the_other_side(relay):
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    kept: list[bytes] = []
    take = relay._take
    relay._take = lambda index, packet: (kept.append(packet) if index == 0 else None, take(index, packet))
    await traffic.run(0.3)
    media = [peers[1].unprotect(packet) for packet in kept if is_media(packet)]
    sizes = {len(packet) for packet in media}
    assert sizes == {LOAD.video_size, LOAD.audio_size}
    assert {packet[1] & 0x7F for packet in media} == {96, 111}
    await close(peers)


@pytest.mark.parametrize("relay", [{"deaf": True}], indirect=True)
async def test_media_that_does_not_pass_is_said_before_anything_is_measured(relay):
    peers = pair(relay)
    with pytest.raises(NoMedia, match="4 of 4"):
        await Traffic([peers], LOAD).check_media(0.3)
    await close(peers)


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_a_run_that_is_stopped_counts_what_was_done(relay):
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, stop.set)
    outcome = await traffic.run(20.0, settle=0.0, stopping=stop.is_set)
    await close(peers)
    assert not outcome.complete
    assert 0 < outcome.measured.sent < 2 * 20 * LOAD.media_rate
    assert outcome.measured.lost == 0


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_frames_are_handed_over_whole_and_arrive_in_packets_each_of_its_size(relay):
    """A frame's packets, with the audio packet behind them, are one message that the kernel cuts."""
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    seen: list[tuple[int, int, int]] = []
    take = relay._take

    def note(index: int, packet: bytes) -> None:
        if is_media(packet):
            seen.append((index, *struct.unpack_from("!H", packet, 2), len(packet)))
        take(index, packet)

    relay._take = note
    outcome = await traffic.run(0.5, settle=0.0)
    await close(peers)
    assert outcome.measured.lost == outcome.measured.unsent == 0
    tag = {size - LOAD.video_size for _, _, size in seen if size > LOAD.video_size}
    assert len(tag) == 1
    assert {size for _, _, size in seen} == {LOAD.video_size + min(tag), LOAD.audio_size + min(tag)}
    for index in (0, 1):
        video = [number for of, number, size in seen if of == index and size > LOAD.video_size]
        assert video == list(range(video[0], video[0] + len(video)))


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_a_generator_that_is_held_up_says_so(relay):
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    outcome = await traffic.run(1.0, settle=0.3, at_edges=lambda: time.sleep(0.2))
    await close(peers)
    assert outcome.generator_bound
    assert np.max(outcome.measured.lateness) > 100


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_what_is_no_media_goes_to_the_peer_that_it_was_sent_to(relay):
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    came: list[tuple[int, bytes]] = []
    for number, peer in enumerate(peers):
        peer.take = lambda data, number=number: came.append((number, data))
    request, success = b"\0\1" + bytes(40), b"\1\1" + bytes(40)

    def ask() -> None:
        for sock in relay.sockets:
            sock.send(success)
            sock.send(b"")
            sock.send(request)

    asyncio.get_running_loop().call_later(0.2, ask)
    await traffic.run(0.6)
    await asyncio.sleep(0)
    await close(peers)
    assert sorted(entry for entry in came if entry[1]) == [(0, request), (1, request)]


@pytest.mark.parametrize("relay", [{}], indirect=True)
async def test_more_arrivals_than_there_is_room_for_are_all_counted(relay, monkeypatch):
    monkeypatch.setattr(native_pump, "_ROOM", 64)
    monkeypatch.setattr(native_pump, "_OTHER_ROOM", 64)
    peers = pair(relay)
    traffic = Traffic([peers], LOAD)
    await traffic.check_media()
    measured = (await traffic.run(1.0, settle=0.0)).measured
    await close(peers)
    assert measured.sent > 5 * 64
    assert measured.lost == measured.duplicates == 0
