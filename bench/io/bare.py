"""The bare C loop as a contender: compiled when it is needed, and told which addresses and keys belong together."""

import asyncio
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from pylibsrtp import Policy

from bench.io.bare_process import End, Pair, gcm_session
from bench.io.contender import ContenderMissing, Ground, Joined
from bench.io.peer import MediaPeer, PeerFailed, Remote
from bench.sdp import Streams

_SOURCE = Path(__file__).parent.parent / "bare" / "loop.c"
_FLAGS = ("-O2", "-shared", "-fPIC")
# AES-128-GCM's key and salt.
_KEY_BYTES = 16 + 12


class KeyedPeer(MediaPeer):
    """A peer that has its keys from here instead of from DTLS, and whose server answers no checks."""

    def __init__(self, streams: Streams, host: str, port: int) -> None:
        super().__init__(streams)
        self.sends, self.receives = secrets.token_hex(_KEY_BYTES), secrets.token_hex(_KEY_BYTES)
        self._sessions = (
            gcm_session(self.sends, Policy.SSRC_ANY_OUTBOUND),
            gcm_session(self.receives, Policy.SSRC_ANY_INBOUND),
        )
        self.remote = Remote("bare", "no password at all", "", host, port)
        self._open(self.remote)
        self.connected.set()

    @property
    def address(self) -> tuple[str, int]:
        """Where its packets come from."""
        assert self.socket is not None  # noqa: S101 — opened at once
        host, port = self.socket.getsockname()
        return host, port

    @property
    def tx(self) -> Any:
        return self._sessions[0]._srtp[0]  # noqa: SLF001 — as `MediaPeer` gives it

    @property
    def rx(self) -> Any:
        return self._sessions[1]._srtp[0]  # noqa: SLF001


class Bare:
    """See `bench.io.contender.Contender`; with `protects` each packet is unprotected and protected on its way."""

    def __init__(self, *, protects: bool) -> None:
        self.name = "bare C loop with SRTP" if protects else "bare C loop, moving only"
        self._what = "protects" if protects else "moves"
        self._process: asyncio.subprocess.Process | None = None
        self._remote = ("", 0)
        self._asking = asyncio.Lock()

    async def start(self, ground: Ground) -> None:
        library = await asyncio.to_thread(compile_loop, ground.folder)
        command = [sys.executable, "-m", "bench.io.bare_process", str(library), ground.host, self._what]
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
            await self._process.communicate()
        self._process = None

    async def join(self, first: Streams, second: Streams) -> Joined:
        peers = KeyedPeer(first, *self._remote), KeyedPeer(second, *self._remote)
        pair = Pair(*(End(*peer.address, peer.sends, peer.receives) for peer in peers))
        async with self._asking:
            assert self._process is not None  # noqa: S101 — it runs
            assert self._process.stdin is not None  # noqa: S101 — opened as a pipe
            self._process.stdin.write(msgspec.json.encode(pair) + b"\n")
            if await self._line() != b"ok\n":
                raise PeerFailed("the bare loop has ended")
        return Joined(*peers, {})

    async def _line(self) -> bytes:
        assert self._process is not None  # noqa: S101 — it runs
        assert self._process.stdout is not None  # noqa: S101 — opened as a pipe
        return await self._process.stdout.readline()


def compile_loop(folder: Path) -> Path:
    """Compile the loop into the folder and return the library. Raises `ContenderMissing` without a compiler."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise ContenderMissing("The bare C loop needs a C compiler, and there is none.")
    library = folder / "bare.so"
    command = [compiler, *_FLAGS, "-o", str(library), str(_SOURCE)]
    made = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 — our own source
    if made.returncode:
        raise ContenderMissing("The bare C loop does not compile here.")
    return library
