"""Our own media worker as a contender, with either packet loop: the process that `visavis up` starts, and no web."""

import contextlib
import sys

from bench.contest import NATIVE, PYTHON
from bench.io.carriers import CallFailed, DirectCalls
from bench.io.contender import PROFILE, ContenderMissing, Ground
from bench.io.peer import MediaPeer, PeerFailed
from sfu.io.loops import NativeLoop


class OwnWorker:
    """See `bench.io.contender.Contender`; `loop` is `native` or `python`."""

    def __init__(self, loop: str) -> None:
        self.name = PYTHON if loop == "python" else NATIVE
        self._loop = loop
        self._calls: DirectCalls | None = None

    async def start(self, ground: Ground) -> None:
        if self._loop == "native" and NativeLoop is None:
            raise ContenderMissing("The native loop was not built here (no C compiler at installation).")
        self._calls = DirectCalls(self._loop, ground.pinning, PROFILE)
        # Standard output holds the report alone.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                await self._calls.start()
            except CallFailed as failure:
                raise ContenderMissing(f"{failure}.".capitalize()) from failure

    def pids(self) -> list[int]:
        return [] if self._calls is None else self._calls.pids()

    async def stop(self) -> None:
        calls, self._calls = self._calls, None
        if calls is not None:
            await calls.close()

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        if self._calls is None:
            raise PeerFailed("the worker does not run")
        try:
            return await self._calls.open_call()
        except CallFailed as failure:
            raise PeerFailed(str(failure)) from failure
