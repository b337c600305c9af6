"""Where a process can die: before and after each request to the provider, before and after each commit."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.gateway import Answer, BalanceTransaction, Found, Gateway, Operation
from store.io.database import Database


class Seams:
    """Counts the seams that a process passes; at the `fatal`th it is killed. `passed`: their names, in order."""

    def __init__(self, fatal: int | None = None, last_words: Callable[[str], None] = print) -> None:
        self.passed: list[str] = []
        self.doing = ""
        self._fatal = fatal
        self._last_words = last_words

    def at(self, name: str) -> None:
        self.passed.append(f"{self.doing}: {name}")
        if len(self.passed) == self._fatal:
            self._last_words(self.passed[-1])
            os.kill(os.getpid(), signal.SIGKILL)


class SeamedDatabase(Database):
    """Give it `seams` after opening."""

    seams = Seams()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with super().transaction() as tx:
            yield tx
            self.seams.at("before commit")
        self.seams.at("after commit")


class SeamedGateway:
    """Everything that is asked of the provider passes a seam on its way there and one on its way back."""

    def __init__(self, inner: Gateway, seams: Seams) -> None:
        self._inner = inner
        self._seams = seams

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def perform(self, operation: Operation, key: str) -> Answer:
        kind = type(operation).__name__
        self._seams.at(f"before {kind} is sent")
        answer = await self._inner.perform(operation, key)
        self._seams.at(f"after {kind} was done")
        return answer

    async def find(self, account: str, name: str) -> Found:
        self._seams.at("before a look")
        found = await self._inner.find(account, name)
        self._seams.at("after a look")
        return found

    async def find_by_reference(self, account: str, reference: str, since: datetime) -> tuple[Found, ...]:
        found = await self._inner.find_by_reference(account, reference, since)
        self._seams.at("after a search")
        return found

    async def transactions(self, account: str, since: datetime) -> AsyncIterator[BalanceTransaction]:
        async for one in self._inner.transactions(account, since):
            yield one
        self._seams.at("after a list")
