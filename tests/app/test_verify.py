"""`visavis verify`: what a call came to, computed anew by somebody who has the database and the receipt."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from billing.io.fact_log import FactLog
from store.ids import Seat
from store.io.database import Database
from tests.app.processes import Place
from tests.billing.worker_story import CALL, Story


@pytest.fixture
async def head(place: Place) -> str:
    """Two minutes and five seconds of talk with half a minute of silence in between; the head of its chain."""
    story = Story()
    story.sit(Seat.PRACTITIONER)
    story.pass_time(10_000)
    story.sit(Seat.PATIENT)
    story.pass_time(60_000)
    story.stand(Seat.PATIENT)
    story.pass_time(30_000)
    story.sit(Seat.PATIENT)
    story.pass_time(65_300)
    story.end()
    few = [fact for number, fact in enumerate(story.facts) if number % 500 == 0 or type(fact).__name__ != "BothAlive"]
    database = await Database.open(f"sqlite:///{place.data}/visavis.sqlite3")
    log = FactLog(database)
    await log.append(few)
    found = await log.head(CALL)
    await database.close()
    return found


def change(place: Place, statement: str) -> None:
    """Do what the triggers refuse, as somebody with the file and bad intentions can."""
    with closing(sqlite3.connect(place.data / "visavis.sqlite3")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


def test_it_says_head_seconds_and_intervals(place: Place, head: str) -> None:
    done = place.run("verify", CALL)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"Head: {head}"
    assert lines[2] == "Billable: 125 s."
    assert lines[3:5] == [
        "from 2026-11-22 10:00:10.000 to 2026-11-22 10:01:10.000 UTC: 60.000 s",
        "from 2026-11-22 10:01:40.000 to 2026-11-22 10:02:45.300 UTC: 65.300 s",
    ]
    # Most signs of life were left out, and the numbers of the others show it.
    assert lines[5].startswith("Missing: ")


def test_it_speaks_french(place: Place, head: str) -> None:
    done = place.run("verify", CALL, lang="fr_FR.UTF-8")
    assert done.stdout.splitlines()[0] == f"Tête de chaîne : {head}"
    assert "Durée facturable : 125 s." in done.stdout


def test_a_changed_fact_is_named_and_nothing_is_counted(place: Place, head: str) -> None:
    change(place, "UPDATE meter_facts SET heard_ms = heard_ms + 60000 WHERE kind = 'LegLost' AND number > 5")
    done = place.run("verify", CALL)
    assert done.returncode == 1
    assert "is not as it was recorded" in done.stdout
    assert "Billable" not in done.stdout


def test_a_receipts_head_is_found_in_the_chain_or_refused(place: Place, head: str) -> None:
    known = place.run("verify", CALL, f"--head={head.upper()}")
    assert (known.returncode, known.stdout.splitlines()[-1][:35]) == (0, "The head that you gave is that of f")
    change(place, "DELETE FROM meter_facts WHERE number = (SELECT max(number) FROM meter_facts)")
    shortened = place.run("verify", CALL, f"--head={head}")
    assert shortened.returncode == 1
    assert "is not in this chain" in shortened.stdout


def test_the_chain_can_be_checked_without_this_program(place: Place, head: str) -> None:
    with closing(sqlite3.connect(place.data / "visavis.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        before = bytes(32)
        for row in connection.execute("SELECT * FROM meter_facts WHERE call = ? ORDER BY number", (CALL,)):
            at = row["at"].replace(" ", "T") + "+00:00"
            words = [row["kind"], row["call"], row["boot"], row["seq"], row["monotonic_ms"], at]
            words += [row["leg"], row["seat"], row["heard_ms"]]
            text = ",".join("null" if w is None else str(w) if isinstance(w, int) else f'"{w}"' for w in words)
            before = hashlib.sha256(before + f"[{text}]".encode()).digest()
    assert before.hex() == head


def test_an_unknown_call_and_a_missing_database_are_said_plainly(place: Place, head: str) -> None:
    unknown = place.run("verify", "cal_nobody")
    assert (unknown.returncode, unknown.stderr) == (1, "No fact of a call with this id is recorded here.\n")
    nowhere = place.run("verify", CALL, f"--data={place.data}/nowhere")
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("There is no database in ")
    assert not (place.data / "nowhere").exists()
