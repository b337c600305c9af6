"""Two ways to bring calls onto a server: the public API, as browsers come, or a media worker's control socket.

Either gives connected pairs of peers, the processes that carry them, and what the server itself dropped.
"""

import asyncio
import contextlib
import itertools
import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import aiohttp

from bench.io.peer import MediaPeer, PeerFailed
from bench.io.ports import free_port
from bench.io.processes import Pinning, descendants, overruns, sockets
from bench.io.target import Target
from bench.io.visitor import Visitor, VisitorFailed
from bench.sdp import Streams
from sfu.control import ReadStatistics
from sfu.engine import EngineEvent, EngineUnavailable, OfferReady, StaleAnswer, UnknownLeg
from sfu.io.processes import MediaPortTaken, WorkerSettings
from sfu.io.remote import RemoteWorker
from sfu.io.workers import WorkerPool
from store.ids import CallId, LegId, Seat

Pair = tuple[MediaPeer, MediaPeer]
_HOST = "127.0.0.1"
# So high that no cap is what is measured; it is checked for each packet all the same.
_MAX_BITRATE = 50_000_000
_ANSWER_TIMEOUT = 15.0


class CallFailed(Exception):
    """A call could not be brought up; the text says why, in a few words."""


class Carrier(Protocol):
    """See the module's text."""

    async def open_call(self) -> Pair:
        """Return two connected peers. Raises `CallFailed`, or `TargetProblem`."""
        ...

    def pids(self) -> list[int]:
        """Return the media workers' processes; empty when the server is on another machine."""
        ...

    async def drops(self) -> Counter[str]:
        """Return what the server has dropped so far, by its own reasons; empty when it cannot be asked."""
        ...

    async def close(self) -> None:
        """Close all peers, and the server when it was started here."""
        ...


class _Numbers:
    """SSRCs that no two peers share."""

    def __init__(self) -> None:
        self._next = itertools.count(0x10000, 16)

    def streams(self) -> Streams:
        number = next(self._next)
        return Streams(audio=number, video=number + 1)


class DirectCalls:
    """Calls on one worker process of its own. `loop` is `auto`, `native` or `python`."""

    def __init__(self, loop: str, pinning: Pinning, profile: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="visavis-bench-")
        self._run_dir = Path(self._folder.name)
        self._pinning = pinning
        self._profile = profile
        self._pool = WorkerPool(WorkerSettings(self._run_dir, _HOST, (_HOST,), free_port(), 1, loop))
        self._pool.subscribe(self._on_event)
        self._numbers, self._calls = _Numbers(), itertools.count(1)
        self._peers: dict[LegId, MediaPeer] = {}
        self._answered: dict[LegId, asyncio.Event] = {}

    async def start(self) -> None:
        """Start the worker. Raises `CallFailed` when it does not come up."""
        try:
            with self._pinning.for_server():
                await self._pool.start()
        except (EngineUnavailable, MediaPortTaken) as error:
            raise CallFailed("the media worker did not start") from error

    async def open_call(self) -> Pair:
        number = next(self._calls)
        try:
            first = await self._enter(number, Seat.PRACTITIONER)
            return first, await self._enter(number, Seat.PATIENT)
        except (EngineUnavailable, PeerFailed, TimeoutError) as error:
            raise CallFailed(str(error) or "no answer of the worker") from error

    async def _enter(self, number: int, seat: Seat) -> MediaPeer:
        leg = LegId(f"leg_{number}_{seat.value}")
        peer = self._peers[leg] = MediaPeer(self._numbers.streams(), profile=self._profile)
        answered = self._answered[leg] = asyncio.Event()
        await self._pool.open_leg(CallId(f"cal_{number}"), leg, seat, max_bitrate=_MAX_BITRATE)
        await asyncio.wait_for(answered.wait(), _ANSWER_TIMEOUT)
        await peer.connect()
        return peer

    async def _on_event(self, event: EngineEvent) -> None:
        if isinstance(event, OfferReady):
            answer = self._peers[event.leg].answer(event.sdp)
            # A newer offer may be on its way: the other side's streams have become known.
            with contextlib.suppress(StaleAnswer, UnknownLeg):
                await self._pool.answer(event.leg, event.negotiation, answer)
            self._answered[event.leg].set()

    def pids(self) -> list[int]:
        return descendants(os.getpid(), str(self._run_dir))

    async def drops(self) -> Counter[str]:
        return await dropped(self._run_dir, self.pids())

    async def close(self) -> None:
        for peer in self._peers.values():
            await peer.close()
        await self._pool.close(stop_workers=True)
        self._folder.cleanup()


class ApiCalls:
    """Calls through the public API of a server that has been entered."""

    def __init__(self, target: Target, profile: str | None) -> None:
        self._target = target
        self._profile = profile
        self._numbers = _Numbers()
        self._visitors: list[Visitor] = []
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), headers={"Origin": target.url}
        )

    async def open_call(self) -> Pair:
        planned = await self._target.plan()
        cookie = await self._target.entry(planned)
        practitioner, patient = self._visitor(), self._visitor()
        try:
            await practitioner.enter(planned.id, cookie)
            await patient.knock(planned.invitation, "Alex Dupont")
            _, lobby = await practitioner.until(
                "lobby", where=lambda body: any(entry["consultation"] == planned.id for entry in body["entries"])
            )
            await practitioner.admit(next(entry for entry in lobby["entries"] if entry["consultation"] == planned.id))
            return await practitioner.media_ready(), await patient.media_ready()
        except VisitorFailed as error:
            raise CallFailed(str(error)) from error

    def _visitor(self) -> Visitor:
        visitor = Visitor(self._http, self._target.url, streams=self._numbers.streams(), profile=self._profile)
        self._visitors.append(visitor)
        return visitor

    def pids(self) -> list[int]:
        return self._target.worker_pids()

    async def drops(self) -> Counter[str]:
        return await dropped(self._target.run_dir, self.pids()) if self._target.run_dir is not None else Counter()

    async def close(self) -> None:
        for visitor in self._visitors:
            await visitor.close()
        await self._http.close()
        await self._target.close()


async def dropped(run_dir: Path, pids: Iterable[int]) -> Counter[str]:
    """Return what the workers of a run folder have dropped, by reason, on open legs and off them.

    And, as "socket buffer", what the kernel threw away because a worker did not come to take it.
    """
    inodes = frozenset[int]().union(*(sockets(pid) for pid in pids))
    total: Counter[str] = Counter({"socket buffer": overruns(inodes)})
    for path in sorted(run_dir.glob("worker-*.sock")):
        remote = RemoteWorker(lambda _worker, _event: None, lambda _worker: None)
        try:
            await remote.connect(path)
            statistics = (await remote.ask(ReadStatistics)).statistics
        except (OSError, EngineUnavailable, TimeoutError):
            continue
        finally:
            await remote.close()
        if statistics is not None:
            total.update(statistics.dropped)
            for leg in statistics.legs:
                total.update(leg.dropped)
    return total
