"""The bare C loop as a contender: compiled when it is needed, and told which addresses and keys belong together."""

import asyncio
import secrets
import subprocess
import sys
from pathlib import Path

import msgspec
from pylibsrtp import Policy

from bench.contest import BARE, BARE_SRTP
from bench.io.bare_process import End, Pair, gcm_session
from bench.io.compiling import CannotCompile, compile_library
from bench.io.contender import ContenderMissing, Crowd, Ground
from bench.io.peer import MediaPeer, PeerFailed, Remote
from bench.sdp import Streams

_SOURCE = Path(__file__).parent.parent / "bare" / "loop.c"
# AES-128-GCM's key and salt.
_KEY_BYTES = 16 + 12


class KeyedPeer(MediaPeer):
    """A peer that has its keys from here instead of from DTLS, and whose server answers no checks."""

    def __init__(self, streams: Streams, remote: tuple[str, int], sends: str, receives: str) -> None:
        super().__init__(streams)
        self.sends, self.receives = sends, receives
        # Where a handshake would put them.
        self._dtls._tx_srtp = gcm_session(self.sends, Policy.SSRC_ANY_OUTBOUND)  # noqa: SLF001
        self._dtls._rx_srtp = gcm_session(self.receives, Policy.SSRC_ANY_INBOUND)  # noqa: SLF001
        self.remote = Remote("bare", "no password at all", "", *remote)
        self._open(self.remote)
        self.connected.set()

    @property
    def address(self) -> tuple[str, int]:
        """Where its packets come from."""
        assert self.socket is not None  # noqa: S101 — opened at once
        host, port = self.socket.getsockname()
        return host, port


class Bare:
    """See `bench.io.contender.Contender`; with `protects` each packet is unprotected and protected on its way."""

    def __init__(self, *, protects: bool) -> None:
        self.name = BARE_SRTP if protects else BARE
        self._protects = protects
        self._process: asyncio.subprocess.Process | None = None
        self._remote = ("", 0)
        self._asking = asyncio.Lock()
        self._crowd = Crowd()

    async def start(self, ground: Ground) -> None:
        what = "protects" if self._protects else "moves"
        try:
            library = await asyncio.to_thread(compile_library, _SOURCE, ground.folder, "The bare C loop")
        except CannotCompile as error:
            raise ContenderMissing(str(error)) from error
        command = [sys.executable, "-m", "bench.io.bare_process", str(library), ground.host, what]
        with ground.pinning.for_server():
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        line = await self._line()
        if not line:
            await self.stop()
            raise ContenderMissing("The bare C loop did not start.")
        self._remote = (ground.host, int(line))

    def pids(self) -> list[int]:
        return [] if self._process is None else [self._process.pid]

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.communicate(b"")  # an end of input is what ends it
        self._process = None
        await self._crowd.close()

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        keys = [secrets.token_hex(_KEY_BYTES) for _ in range(4)]
        if not self._protects:
            keys[2:] = keys[1::-1]  # what one sends the other must be able to read
        caller = KeyedPeer(self._crowd.streams(), self._remote, keys[0], keys[1])
        callee = KeyedPeer(self._crowd.streams(), self._remote, keys[2], keys[3])
        pair = Pair(*(End(*peer.address, peer.sends, peer.receives) for peer in (caller, callee)))
        async with self._asking:
            assert self._process is not None  # noqa: S101 — it runs
            assert self._process.stdin is not None  # noqa: S101 — opened as a pipe
            self._process.stdin.write(msgspec.json.encode(pair) + b"\n")
            if await self._line() != b"ok\n":
                raise PeerFailed("the bare loop has ended")
        return self._crowd.pair(caller, callee)

    async def _line(self) -> bytes:
        assert self._process is not None  # noqa: S101 — it runs
        assert self._process.stdout is not None  # noqa: S101 — opened as a pipe
        return await self._process.stdout.readline()
