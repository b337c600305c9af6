"""What is particular to a database on a server."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from store.io.database import Database, DatabaseUnreachable

pytestmark = pytest.mark.postgresql


async def test_a_database_that_does_not_exist_is_said_in_one_line(postgresql_url: str):
    with pytest.raises(DatabaseUnreachable) as caught:
        await Database.open(postgresql_url.replace("/test_", "/nowhere_"))
    assert "\n" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_said_in_one_line_without_its_password(tmp_path: Path):
    for url in (f"postgresql://me:hidden@/x?host={tmp_path}", "postgresql://me:hidden@127.0.0.1:1/x"):
        with pytest.raises(DatabaseUnreachable) as caught:
            await Database.open(url)
        assert "\n" not in str(caught.value)
        assert "hidden" not in str(caught.value)


async def test_a_connection_that_the_server_cut_is_replaced(postgresql_url: str):
    database = await Database.open(postgresql_url)
    other = await Database.open(postgresql_url)
    async with database.reading() as tx:
        kept = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with other.reading() as tx:
        await tx.execute(text("SELECT pg_terminate_backend(:pid)").bindparams(pid=kept))
    await other.close()
    for _ in range(5):
        async with database.reading() as tx:
            assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1
    await database.close()


async def test_one_web_process_holds_the_database_until_it_closes(postgresql_url: str):
    first, second = await Database.open(postgresql_url), await Database.open(postgresql_url)
    assert await first.hold()
    assert await first.hold()
    assert not await second.hold()
    await first.close()
    async with asyncio.timeout(5):
        while not await second.hold():  # noqa: ASYNC110 — the server notices the closed connection in its time
            await asyncio.sleep(0.05)
    await second.close()


async def test_a_claim_that_the_server_has_forgotten_is_made_anew_or_found_taken(postgresql_url: str):
    first, second = await Database.open(postgresql_url), await Database.open(postgresql_url)
    holder = text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")

    async def cut() -> None:
        async with second.reading() as tx:
            [pid] = (await tx.execute(holder)).scalars().all()
            await tx.execute(text("SELECT pg_terminate_backend(:pid)").bindparams(pid=pid))

    assert await first.hold()
    assert await first.still_held()
    await cut()
    assert await first.still_held()
    assert await first.still_held()
    assert not await second.hold()
    await cut()
    async with asyncio.timeout(5):
        while not await second.hold():  # noqa: ASYNC110 — the server notices the cut in its time
            await asyncio.sleep(0.05)
    assert await first.still_held()
    assert not await first.still_held()
    assert await second.still_held()
    await first.close()
    await second.close()
