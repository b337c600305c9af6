"""Our own media worker as a contender, with either packet loop: the process that `visavis up` starts, and no web."""

import asyncio
import contextlib
import itertools
import os
import sys

from bench.contest import NATIVE, PYTHON
from bench.io.contender import PROFILE, ContenderMissing, Crowd, Ground
from bench.io.peer import MediaPeer
from bench.io.processes import descendants
from bench.io.target import free_port
from bench.sdp import Streams
from sfu.engine import EngineEvent, EngineUnavailable, OfferReady, StaleAnswer, UnknownLeg
from sfu.io.loops import NativeLoop
from sfu.io.processes import MediaPortTaken, WorkerSettings
from sfu.io.workers import WorkerPool
from store.ids import CallId, LegId, Seat

_JOIN_TIMEOUT = 15.0
# So high that the cap on a leg's bytes is not what is measured; it is checked for every packet all the same.
_MAX_BITRATE = 50_000_000


class OwnWorker:
    """See `bench.io.contender.Contender`; `loop` is `native` or `python`."""

    def __init__(self, loop: str) -> None:
        self.name = PYTHON if loop == "python" else NATIVE
        self._loop = loop
        self._pool: WorkerPool | None = None
        self._run_dir = ""
        self._numbers = itertools.count(1)
        self._crowd = Crowd()
        self._answering: dict[LegId, MediaPeer] = {}
        self._answered: dict[LegId, asyncio.Event] = {}

    async def start(self, ground: Ground) -> None:
        if self._loop == "native" and NativeLoop is None:
            raise ContenderMissing("The native loop was not built here (no C compiler at installation).")
        self._run_dir = str(ground.folder)
        settings = WorkerSettings(ground.folder, ground.host, (ground.host,), free_port(), 1, self._loop)
        self._pool = WorkerPool(settings)
        self._pool.subscribe(self._on_event)
        # Standard output holds the report alone.
        with ground.pinning.for_server(), contextlib.redirect_stdout(sys.stderr):
            try:
                await self._pool.start()
            except (EngineUnavailable, MediaPortTaken):
                raise ContenderMissing("Our worker did not start.") from None

    def pids(self) -> list[int]:
        return descendants(os.getpid(), self._run_dir) if self._pool is not None else []

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close(stop_workers=True)
        self._pool = None
        self._answered.clear()
        self._answering.clear()
        await self._crowd.close()

    async def join(self, first: Streams, second: Streams) -> tuple[MediaPeer, MediaPeer]:
        number = next(self._numbers)
        peers = self._crowd.pair(MediaPeer(first, profile=PROFILE), MediaPeer(second, profile=PROFILE))
        await self._enter(number, Seat.PRACTITIONER, peers[0])
        await self._enter(number, Seat.PATIENT, peers[1])
        return peers

    async def _enter(self, number: int, seat: Seat, peer: MediaPeer) -> None:
        if self._pool is None:
            raise EngineUnavailable
        leg = LegId(f"leg_{number}_{seat.value}")
        self._answering[leg] = peer
        answered = self._answered[leg] = asyncio.Event()
        await self._pool.open_leg(CallId(f"cal_{number}"), leg, seat, max_bitrate=_MAX_BITRATE)
        await asyncio.wait_for(answered.wait(), _JOIN_TIMEOUT)
        await peer.connect()

    async def _on_event(self, event: EngineEvent) -> None:
        if isinstance(event, OfferReady) and self._pool is not None:
            answer = self._answering[event.leg].answer(event.sdp)
            # The other side's streams have been announced in the meantime: a newer offer follows.
            with contextlib.suppress(StaleAnswer, UnknownLeg):
                await self._pool.answer(event.leg, event.negotiation, answer)
            self._answered[event.leg].set()
