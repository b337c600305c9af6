"""What is particular to a database in one file."""

import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from store.facts import CallOpened
from store.io import migrations
from store.io.bus import LocalBus
from store.io.database import Database, DatabaseUnreachable, DatabaseUnwritable
from store.io.outbox import Outbox


async def test_every_connection_is_durable_and_holds_foreign_keys(database: Database):
    for given_connection in (database.transaction, database.reading):
        async with given_connection() as tx:
            kept = {}
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
                kept[pragma] = (await tx.execute(text(f"PRAGMA {pragma}"))).scalar_one()
        assert kept == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


async def test_the_files_are_for_their_owner_alone(tmp_path: Path):
    (tmp_path / "open.sqlite3").touch(mode=0o644)
    for name in ("new.sqlite3", "open.sqlite3"):
        database = await Database.open(f"sqlite:///{tmp_path / name}")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{name}*")}
        await database.close()
        assert modes == {name: 0o600, f"{name}-wal": 0o600, f"{name}-shm": 0o600}


@pytest.mark.parametrize("where", ["", "/nowhere/at/all.sqlite3", "FOLDER", ":memory:"])
async def test_a_file_that_cannot_be_written_is_said_in_one_line(where: str, tmp_path: Path):
    with pytest.raises(DatabaseUnwritable) as caught:
        await Database.open(f"sqlite:///{where.replace('FOLDER', str(tmp_path))}")
    assert "\n" not in str(caught.value)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path):
    letter = tmp_path / "letter.sqlite3"
    letter.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(DatabaseUnreachable):
        await Database.open(f"sqlite:///{letter}")
    assert letter.read_text() == "Dear Sir or Madam, " * 100


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://a/b", "redis://x", "postgresql://x:port/y"])
async def test_an_address_of_another_kind_is_refused_in_one_line(url: str):
    with pytest.raises(DatabaseUnreachable) as caught:
        await Database.open(url)
    assert "\n" not in str(caught.value)


async def test_another_process_that_writes_is_waited_for(database: Database, tmp_path: Path, sqlite_url: str):
    other = sqlite3.connect(tmp_path / "visavis.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = subprocess.Popen(  # our own lines
        [sys.executable, "-c", WRITE_ONE_FACT, sqlite_url, "live"], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"opening\n"
    other.execute("COMMIT")
    other.close()
    assert writer.wait(timeout=30) == 0


@pytest.mark.parametrize("moment", ["before delivery", "within delivery"])
async def test_a_committed_fact_survives_a_killed_process(moment: str, sqlite_url: str):
    killed = subprocess.run(  # noqa: ASYNC221  # our own lines
        [sys.executable, "-c", WRITE_ONE_FACT, sqlite_url, moment], check=False, timeout=60, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    heard: list[CallOpened] = []

    async def hear(fact: CallOpened) -> None:
        heard.append(fact)

    database = await Database.open(sqlite_url)
    bus = LocalBus()
    bus.subscribe(CallOpened, hear)
    await Outbox(database, bus).deliver()
    await database.close()
    assert [fact.call for fact in heard] == ["cal"]


def test_a_process_that_closed_its_database_ends(tmp_path: Path):
    lines = (
        "import asyncio, sys\n"
        "from store.io.database import Database\n"
        "async def main():\n"
        "    database = await Database.open(sys.argv[1])\n"
        "    async with database.reading(), database.reading(), database.transaction():\n"
        "        pass\n"
        "    await database.close()\n"
        "asyncio.run(main())\n"
    )
    url = f"sqlite:///{tmp_path}/x.sqlite3"
    subprocess.run([sys.executable, "-c", lines, url], check=True, timeout=60)  # our own lines


WRITE_ONE_FACT = """
import asyncio, os, sys
from datetime import datetime, UTC
from store.facts import CallOpened
from store.io.bus import LocalBus
from store.io.database import Database
from store.io.outbox import Outbox

async def die(_):
    os.kill(os.getpid(), 9)

async def main(url, moment):
    print("opening", flush=True)
    database = await Database.open(url)
    bus = LocalBus()
    outbox = Outbox(database, bus)
    if moment == "within delivery":
        bus.subscribe(CallOpened, die)
    async with database.transaction() as tx:
        await outbox.add(tx, CallOpened("cal", "con", datetime.now(UTC)))
    if moment == "before delivery":
        await die(None)
    await outbox.deliver()
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_practitioners_from_before_there_were_receipt_lines_have_none(sqlite_url: str):
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, "0006")
        connection.execute(text("INSERT INTO practitioners VALUES ('pra_1', 'a@b.fr', 'A', NULL, 1, 'UTC', 0)"))
    engine.dispose()
    database = await Database.open(sqlite_url)
    async with database.reading() as tx:
        assert (await tx.execute(text("SELECT name, receipt_lines FROM practitioners"))).one() == ("A", "")
    await database.close()
