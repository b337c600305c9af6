"""Real processes that are killed at every seam, and a real mail server that counts."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from notify.io.post import Post
from notify.io.tables import letters
from notify.letters import PayLink
from store.io.database import Database
from tests.notify.io.mail_house import MailHouse, mail_house
from tests.notify.io.sending import SEAMS
from tests.notify.samples import letter

ROOT = Path(__file__).parents[3]
# Past every lease and pause.
LATER = 2


@pytest.fixture
def house() -> Iterator[MailHouse]:
    with mail_house() as house:
        yield house


def sending(database_url: str, target: str, seam: str = "none", hours: int = 0) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.notify.io.sending", database_url, target, seam, str(hours)]
    return subprocess.Popen(words, cwd=ROOT)


async def write(database_url: str, count: int = 1) -> None:
    database = await Database.open(database_url)
    post = Post(database)
    for number in range(count):
        async with database.transaction() as tx:
            await post.enqueue(tx, letter(PayLink), f"key {number}", datetime.now(UTC))
    await database.close()


async def states(database_url: str) -> list[tuple[str, int]]:
    database = await Database.open(database_url)
    async with database.reading() as tx:
        rows = (await tx.execute(select(letters.c.state, letters.c.doubts))).all()
    await database.close()
    return [(row.state, row.doubts) for row in rows]


async def ended(process: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(process.wait)


@pytest.mark.parametrize("seam", SEAMS)
async def test_a_file_is_there_once_wherever_its_writer_dies(tmp_path: Path, sqlite_url: str, seam: str):
    await write(sqlite_url)
    folder = tmp_path / "mail"
    assert await ended(sending(sqlite_url, str(folder), seam)) == -signal.SIGKILL
    assert await ended(sending(sqlite_url, str(folder), hours=LATER)) == 0
    assert len(list(folder.iterdir())) == 1
    assert [state for state, _ in await states(sqlite_url)] == ["sent"]


@pytest.mark.parametrize("seam", SEAMS)
async def test_a_letter_arrives_once_wherever_its_sender_dies_but_between_text_and_answer(
    house: MailHouse, sqlite_url: str, seam: str
):
    """Only who dies after the server has the text and before its answer is written down sends the letter again."""
    await write(sqlite_url)
    server = f"smtp://127.0.0.1:{house.port}"
    assert await ended(sending(sqlite_url, server, seam)) == -signal.SIGKILL
    for hours in (LATER, 2 * LATER):
        assert await ended(sending(sqlite_url, server, hours=hours)) == 0
    assert [state for state, _ in await states(sqlite_url)] == ["sent"]
    assert len(house.contents) == (2 if seam == "carried" else 1)
    # A second copy is word for word the first one, so a mailbox that folds by Message-ID shows one.
    assert len(set(house.contents)) == 1


async def test_a_letter_that_the_server_took_while_its_sender_died_is_sent_again_as_the_same_message(
    house: MailHouse, sqlite_url: str
):
    await write(sqlite_url)
    server = f"smtp://127.0.0.1:{house.port}"
    process = sending(sqlite_url, server)
    house.on_data = lambda _: os.kill(process.pid, signal.SIGKILL)
    assert await ended(process) == -signal.SIGKILL
    house.on_data = lambda _: None
    # Within the lease nobody touches it: its sender might be alive.
    assert await ended(sending(sqlite_url, server)) == 0
    assert len(house.contents) == 1
    assert await ended(sending(sqlite_url, server, hours=LATER)) == 0
    assert await states(sqlite_url) == [("sent", 1)]
    assert len(house.contents) == 2
    assert len(set(house.message_ids())) == 1


async def test_two_processes_send_each_letter_once(house: MailHouse, sqlite_url: str):
    await write(sqlite_url, 40)
    server = f"smtp://127.0.0.1:{house.port}"
    both = [sending(sqlite_url, server) for _ in range(2)]
    assert [await ended(process) for process in both] == [0, 0]
    assert len(house.contents) == len(set(house.message_ids())) == 40
    assert set(await states(sqlite_url)) == {("sent", 0)}


async def test_killed_again_and_again_no_letter_is_lost_or_made_up(house: MailHouse, sqlite_url: str):
    count = 25
    await write(sqlite_url, count)
    server = f"smtp://127.0.0.1:{house.port}"
    doomed: list[int] = []

    def kill_some(_: object) -> None:
        # Every third text is the last that its sender sent.
        if len(house.contents) % 3 == 0 and doomed:
            os.kill(doomed.pop(), signal.SIGKILL)

    house.on_data = kill_some
    hours = 0
    while any(state != "sent" for state, _ in await states(sqlite_url)):
        process = sending(sqlite_url, server, hours=hours)
        doomed[:] = [process.pid]
        await ended(process)
        hours += LATER
    copies = len(house.contents) - len(set(house.message_ids()))
    assert len(set(house.message_ids())) == count
    # Each copy belongs to a letter whose answer a killed sender never wrote down.
    assert copies == sum(doubts for _, doubts in await states(sqlite_url))
