"""Our own media worker, with either packet loop, on its control socket: the process that `visavis up` starts."""

import asyncio
import contextlib
import itertools
import os
import sys
from collections import Counter
from pathlib import Path

from bench.contest import NATIVE, PYTHON
from bench.io.carriers import dropped
from bench.io.contender import PROFILE, ContenderMissing, Crowd, Ground
from bench.io.peer import MediaPeer, PeerFailed
from bench.io.ports import free_port
from bench.io.processes import descendants
from sfu.engine import EngineEvent, EngineUnavailable, OfferReady, StaleAnswer, UnknownLeg
from sfu.io.loops import NativeLoop
from sfu.io.processes import MediaPortTaken, WorkerSettings
from sfu.io.workers import WorkerPool
from store.ids import CallId, LegId, Seat

# So high that no cap is what is measured; it is checked for each packet all the same.
_MAX_BITRATE = 50_000_000
_ANSWER_TIMEOUT = 15.0


class OwnWorker:
    """See `bench.io.contender.Contender` and `bench.io.carriers.Carrier`; `loop` is `auto`, `native` or `python`.

    `profile` is the one SRTP profile to offer, None for the server's choice.
    """

    def __init__(self, loop: str, profile: str | None = PROFILE) -> None:
        self.name = PYTHON if loop == "python" else NATIVE
        self._loop = loop
        self._profile = profile
        self._pool: WorkerPool | None = None
        self._run_dir = Path()
        self._crowd = Crowd()
        self._calls = itertools.count(1)
        self._peers: dict[LegId, MediaPeer] = {}
        self._answered: dict[LegId, asyncio.Event] = {}

    async def start(self, ground: Ground) -> None:
        if self._loop == "native" and NativeLoop is None:
            raise ContenderMissing("The native loop was not built here (no C compiler at installation).")
        self._run_dir = ground.folder
        settings = WorkerSettings(ground.folder, ground.host, (ground.host,), free_port(), 1, self._loop)
        self._pool = WorkerPool(settings)
        self._pool.subscribe(self._on_event)
        try:
            # Standard output holds the report alone.
            with ground.pinning.for_server(), contextlib.redirect_stdout(sys.stderr):
                await self._pool.start()
        except (EngineUnavailable, MediaPortTaken) as error:
            raise ContenderMissing("The media worker did not start.") from error

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        number = next(self._calls)
        try:
            first = await self._enter(number, Seat.PRACTITIONER)
            return first, await self._enter(number, Seat.PATIENT)
        except EngineUnavailable as error:
            raise PeerFailed("no answer of the worker") from error

    async def _enter(self, number: int, seat: Seat) -> MediaPeer:
        if self._pool is None:
            raise PeerFailed("the worker does not run")
        leg = LegId(f"leg_{number}_{seat.value}")
        peer = self._peers[leg] = MediaPeer(self._crowd.streams(), profile=self._profile)
        answered = self._answered[leg] = asyncio.Event()
        await self._pool.open_leg(CallId(f"cal_{number}"), leg, seat, max_bitrate=_MAX_BITRATE)
        await asyncio.wait_for(answered.wait(), _ANSWER_TIMEOUT)
        await peer.connect()
        return peer

    async def _on_event(self, event: EngineEvent) -> None:
        if isinstance(event, OfferReady) and self._pool is not None:
            answer = self._peers[event.leg].answer(event.sdp)
            # A newer offer may be on its way: the other side's streams have become known.
            with contextlib.suppress(StaleAnswer, UnknownLeg):
                await self._pool.answer(event.leg, event.negotiation, answer)
            self._answered[event.leg].set()

    def pids(self) -> list[int]:
        return [] if self._pool is None else descendants(os.getpid(), str(self._run_dir))

    async def drops(self) -> Counter[str]:
        """Return what the worker has dropped so far, by its own reasons."""
        return await dropped(self._run_dir, self.pids())

    async def stop(self) -> None:
        peers, self._peers = self._peers, {}
        for peer in peers.values():
            await peer.close()
        self._answered.clear()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close(stop_workers=True)
