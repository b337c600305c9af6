"""Calls on a server by its public API, as browsers come; see `bench.io.own_worker` for calls on a worker alone.

Either gives connected pairs of peers, the processes that carry them, and what the server itself dropped.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import aiohttp

from bench.io.contender import Crowd
from bench.io.peer import MediaPeer, PeerFailed
from bench.io.processes import overruns, sockets
from bench.io.target import Target
from bench.io.visitor import Visitor, VisitorFailed
from sfu.control import ReadStatistics
from sfu.engine import EngineUnavailable
from sfu.io.remote import RemoteWorker


class Carrier(Protocol):
    """See the module's text."""

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        """Return two peers that are connected to each other.

        Raises `PeerFailed`, whose text says why in a few words, `TimeoutError`, or `TargetProblem`.
        """
        ...

    def pids(self) -> list[int]:
        """Return the media workers' processes; empty when the server is on another machine."""
        ...

    async def drops(self) -> Counter[str]:
        """Return what the server has dropped so far, by its own reasons; empty when it cannot be asked."""
        ...

    async def stop(self) -> None:
        """Close all peers, and the server when it was started here."""
        ...


class ApiCalls:
    """Calls through the public API of a server that has been entered.

    `practitioners` are the e-mails of those who hold them in turn; empty for the one whose own key is used.
    """

    def __init__(self, target: Target, profile: str | None, practitioners: Sequence[str] = ()) -> None:
        self._target = target
        self._practitioners = itertools.cycle(practitioners or [None])
        self._profile = profile
        self._crowd = Crowd()
        self._visitors: list[Visitor] = []
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), headers={"Origin": target.url}
        )

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        email = next(self._practitioners)
        planned = await self._target.plan(practitioner=email)
        cookie = await self._target.entry(planned, practitioner=email)
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
            raise PeerFailed(str(error)) from error

    def _visitor(self) -> Visitor:
        visitor = Visitor(self._http, self._target.url, streams=self._crowd.streams(), profile=self._profile)
        self._visitors.append(visitor)
        return visitor

    def pids(self) -> list[int]:
        return self._target.worker_pids()

    async def drops(self) -> Counter[str]:
        return await dropped(self._target.run_dir, self.pids()) if self._target.run_dir is not None else Counter()

    async def stop(self) -> None:
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
