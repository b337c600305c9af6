"""Ends workers that hang, so that they are replaced as crashed ones are."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial

import structlog

from sfu.io.processes import WorkerProcesses
from sfu.io.remote import RemoteWorker
from sfu.pulse import grace_after

# More than `grace_after` counts are not worth remembering.
_REMEMBERED = 8

log = structlog.get_logger()


class Watch:
    """Over the workers of one pool, by index. `grace` says how long a new one is not judged, see `sfu.pulse`."""

    def __init__(self, processes: WorkerProcesses, grace: Callable[..., float] = grace_after) -> None:
        self._processes = processes
        self._grace = grace
        self._hangs: dict[int, deque[float]] = defaultdict(partial(deque, maxlen=_REMEMBERED))

    async def over(self, index: int, remote: RemoteWorker) -> None:
        """Watch a worker that has greeted, until its connection ends or it has been found hung and was killed."""
        clock = asyncio.get_running_loop().time
        hangs = self._hangs[index]
        if await remote.watch(self._grace(hangs, clock())):
            hangs.append(clock())
            await self.end(index, remote)

    async def end(self, index: int, remote: RemoteWorker) -> None:
        """Kill a worker that stands still and holds the port, ours or one left over, and close the connection."""
        log.error("worker_hung", worker=f"worker-{index}")
        if not await remote.kill():
            await self._processes.kill(index)
        await remote.close()
