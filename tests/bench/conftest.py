from collections.abc import AsyncIterator

import pytest_asyncio

from bench.io.target import Target


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Target]:
    """A server of its own for one test, used through its address and key."""
    async with await Target.started() as target:
        yield target
