"""What a running web side does by itself: facts left over, figures, money that is due, letters."""

import asyncio
from collections.abc import Awaitable, Callable

from app.correspondence import Correspondence
from app.money import Money, now
from notify.io.service import PostRoom
from sfu.control import WorkerStatistics
from sfu.io.workers import WorkerPool
from signalling.io.background import report
from store.io.database import Database
from store.io.outbox import Outbox

# How often facts whose delivery failed are tried again, and how old the media figures of /metrics may be.
_UPKEEP_SECONDS = 5.0
# How long money or a letter that is due may wait.
_DUE_SECONDS = 1.0


class Upkeep:
    """Each of its parts turns by itself: a mail server that does not answer holds no money up.

    `superseded` is set when another process has the database: this one must end.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        pool: WorkerPool,
        money: Money,
        correspondence: Correspondence,
        post: PostRoom,
    ) -> None:
        self.statistics: list[WorkerStatistics] = []
        self.superseded = asyncio.Event()
        self._database = database
        self._outbox = outbox
        self._pool = pool
        self._money = money
        self._correspondence = correspondence
        self._post = post
        turns = (
            (self._deliver, _UPKEEP_SECONDS, "upkeep"),
            (self._pay, _DUE_SECONDS, "money"),
            (self._write, _DUE_SECONDS, "letters"),
            (self._claim, _UPKEEP_SECONDS, "claim"),
        )
        self._tasks = [asyncio.create_task(_again(turn, seconds), name=name) for turn, seconds, name in turns]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self) -> None:
        await self._outbox.deliver()
        self.statistics = await self._pool.statistics()

    async def _claim(self) -> None:
        if not await self._database.still_held():
            self.superseded.set()

    async def _pay(self) -> None:
        await self._money.billing.run(now())

    async def _write(self) -> None:
        await self._correspondence.run(now())
        await self._post.run(now())


async def _again(turn: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        try:
            await turn()
        except Exception as error:  # noqa: BLE001  # a database that is away for a while is back at the next turn
            report("upkeep failed", error)
        await asyncio.sleep(seconds)
