"""A waiting room full of people: each knocks, waits, and says now and then that they are still there."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from bench.io.line import Body, Line, LineLost, close_all
from bench.io.target import TargetProblem

_ALIVE_EVERY = 5.0
_SWEEP = 0.1
_PATIENCE = 60.0
# Beside the crowd's sockets: the database, logs, libraries, other connections.
_OTHER_DESCRIPTORS = 500
_DEVICES = {"camera": "ok", "microphone": "ok"}


@dataclass(slots=True)
class Arrivals:
    """How it went so far: seconds from the connection's begin to `waiting`, in order; why others did not get there."""

    times: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)


class Crowd:
    """Use as an async context. `lines` are open as long as nobody has closed them."""

    def __init__(self, url: str, *, compress: bool = True, alive: bool = True) -> None:
        self._url = url
        self._compress = compress
        self._alive = alive
        self._tasks: set[asyncio.Task[None]] = set()
        self.lines: list[Line] = []
        self.arrivals = Arrivals()

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True), cookie_jar=aiohttp.DummyCookieJar()
        )
        if self._alive:
            self._begin(self._say_alive())
        return self

    async def __aexit__(self, *_: object) -> None:
        await close_all(self.lines)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    @property
    def present(self) -> int:
        """How many still have their socket."""
        return sum(not line.closed for line in self.lines)

    async def knock(self, invitation: str, name: str) -> None:
        """Bring one patient as far as the waiting room; what keeps them out is counted."""
        began = time.monotonic()
        waiting: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def heard(body: Body, at: float) -> None:
            if waiting.done():
                return
            if body["type"] == "waiting":
                waiting.set_result(at)
            elif body["type"] != "welcome":
                waiting.set_exception(LineLost(str(body.get("code", body["type"]))))

        opening = {"type": "knock", "invitation": invitation, "name": name, "devices": _DEVICES}
        try:
            line = await self.open(opening, heard)
            arrived = await asyncio.wait_for(waiting, _PATIENCE)
        except LineLost as lost:
            self.arrivals.failures[str(lost)] += 1
        except TimeoutError:
            self.arrivals.failures["no waiting in time"] += 1
        else:
            line.heard = _nothing
            self.arrivals.times.append(arrived - began)

    async def open(self, opening: Body, heard: Callable[[Body, float], None], *, cookie: str = "") -> Line:
        """Return a line that is being read. Raises `LineLost`."""
        line = await Line.open(self._http, self._url, opening, heard, cookie=cookie, compress=self._compress)
        self.lines.append(line)
        self._begin(line.run())
        return line

    def round_trips(self) -> list[float]:
        """Return the seconds that requests took to be acknowledged, and forget them."""
        taken = [seconds for line in self.lines for seconds in line.round_trips]
        for line in self.lines:
            line.round_trips.clear()
        return taken

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_alive(self) -> None:
        """Say it for everybody, from one place: a timer for each would cost more than the message."""
        while True:
            await asyncio.sleep(_SWEEP)
            due = time.monotonic() - _ALIVE_EVERY
            for line in tuple(self.lines):
                if line.spoke_at < due and not line.closed:
                    try:
                        await line.send({"type": "alive"})
                    except LineLost:
                        continue


def _nothing(_: Body, __: float) -> None:
    """Hear what is said to one who waits: it changes nothing here."""


def allow_sockets(count: int) -> None:
    """Raise this process's limit of open files for that many. Raises `TargetProblem` when it may not be as high."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + _OTHER_DESCRIPTORS
    if soft < needed and hard != resource.RLIM_INFINITY and hard < needed:
        raise TargetProblem(f"{count} sockets need a limit of {needed} open files, and it is {hard}: see ulimit -n.")
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
