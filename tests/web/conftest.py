"""One practice with two practitioners and an administrator on a real SQLite database, behind the real application."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import DummyCookieJar
from argon2 import PasswordHasher

from agenda.io import passwords
from tests.migrated import migrated_file
from tests.web.opening import open_practice, say_who
from tests.web.practice import START, Practice

Open = Callable[..., Awaitable[Practice]]


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Let passwords cost next to nothing here; what they cost in truth is tested with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
async def opened(tmp_path: Path, aiohttp_client: Callable[..., Awaitable[Any]]) -> AsyncIterator[Open]:
    """Give a function that opens a practice with settings of the test's own; `sandbox`: as in a demonstration."""
    async with AsyncExitStack() as stack:

        async def open_(websocket: Any = say_who, **chosen: Any) -> Practice:
            practice, app = await open_practice(stack, migrated_file(tmp_path / "visavis.sqlite3"), websocket, **chosen)
            practice.client = await aiohttp_client(app, cookie_jar=DummyCookieJar())
            if practice.sandbox is not None:
                practice.sandbox.set_public_origin(practice.origin)
            return practice

        yield open_


@pytest.fixture
async def practice(opened: Open) -> Practice:
    return await opened()


@pytest.fixture
def page_data() -> Callable[[str], dict[str, Any]]:
    """Give a function that reads what a page tells its scripts."""

    def read(html: str) -> dict[str, Any]:
        _, _, rest = html.partition('<script type="application/json" id="page">')
        text, _, _ = rest.partition("</script>")
        data: dict[str, Any] = json.loads(text)
        return data

    return read


@pytest.fixture
def start() -> datetime:
    return START
