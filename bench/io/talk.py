"""Talking, as little as a call needs: each peer sends its audio at a steady pace, and what arrives is counted.

One ticker serves all peers. Unlike `Traffic` it lets peers come and go, and costs more per packet.
"""

import asyncio
import contextlib
import struct
import time
from dataclasses import dataclass, field
from typing import Self

from bench.intervals import Span
from bench.io.peer import CHECK_EVERY, MediaPeer
from bench.sdp import AUDIO_TYPE

TICK = 0.02
_HEADER = struct.Struct("!BBHII")
_PAYLOAD = bytes(160)
_SAMPLES = 960
_BATCH = 64


@dataclass(slots=True, eq=False)
class Voice:
    """One peer's side of a call. Times in monotonic seconds.

    `spans` is when it was there: from its connection, or its return, to the last packet before it went or fell silent.
    """

    peer: MediaPeer
    connected_at: float
    sent: int = 0
    received: int = 0
    first_received_at: float | None = None
    last_sent_at: float = 0.0
    spans: list[Span] = field(default_factory=list)
    _present_since: float | None = None
    _checked_at: float = 0.0
    _speaking: bool = False

    def __post_init__(self) -> None:
        self._present_since = self._checked_at = self.last_sent_at = self.connected_at
        self.peer.hold()
        for datagram in self.peer.inbox:
            self._count(datagram, self.connected_at)
        self.peer.inbox.clear()
        assert self.peer.socket is not None  # noqa: S101 — a connected peer has one
        asyncio.get_running_loop().add_reader(self.peer.socket.fileno(), self._read)

    def speak(self) -> None:
        """Send from the next tick on: the other side is there."""
        self._speaking = True

    def fall_silent(self) -> None:
        """Send nothing at all, as a phone in a tunnel."""
        if self._present_since is not None:
            self.spans.append((self._present_since, self.last_sent_at))
        self._present_since = None
        self._speaking = False

    def tick(self, now: float) -> None:
        """Send what is due."""
        silent = self._present_since is None
        if silent and not self._speaking:
            return
        if silent:
            self._present_since = now
        if now - self._checked_at >= CHECK_EVERY:
            self._checked_at = self.last_sent_at = now
            self.peer.send(self.peer.check())
        if self._speaking:
            header = _HEADER.pack(
                0x80, AUDIO_TYPE, self.sent & 0xFFFF, self.sent * _SAMPLES & 0xFFFFFFFF, self.peer.streams.audio
            )
            self.peer.send(self.peer.protect(header + _PAYLOAD))
            self.sent += 1
            self.last_sent_at = now

    def go(self, now: float) -> None:
        """End: it was there until now."""
        if self._present_since is not None:
            self.spans.append((self._present_since, now))
            self._present_since = None
        self._speaking = False
        if self.peer.socket is not None:
            asyncio.get_running_loop().remove_reader(self.peer.socket.fileno())
            self._read()
            self.peer.resume()

    def _read(self) -> None:
        sock = self.peer.socket
        if sock is None:
            return
        with contextlib.suppress(OSError):
            for _ in range(_BATCH):
                datagram = sock.recv(2048)
                if not self._count(datagram, time.monotonic()):
                    self.peer.take(datagram)

    def _count(self, datagram: bytes, at: float) -> bool:
        """Count an RTP packet, and return whether it was one. Its sequence need not be looked at to count losses."""
        if len(datagram) < 12 or datagram[0] < 128 or 192 <= datagram[1] <= 223:
            return False
        self.received += 1
        if self.first_received_at is None:
            self.first_received_at = at
        return True


class Talks:
    """All voices of a run, on one ticker. Use as an async context."""

    def __init__(self) -> None:
        self._voices: set[Voice] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="talks")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def join(self, peer: MediaPeer) -> Voice:
        """Return the voice of a peer that has just connected."""
        voice = Voice(peer, time.monotonic())
        self._voices.add(voice)
        return voice

    def leave(self, voice: Voice) -> None:
        """Let a voice go."""
        self._voices.discard(voice)
        voice.go(time.monotonic())

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            # What a late tick missed is not sent in a burst: a voice is steady.
            due = max(due + TICK, time.monotonic() - TICK)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            for voice in tuple(self._voices):
                voice.tick(now)
