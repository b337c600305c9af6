"""The media facts of a server that was started here, read from its database as its own meter reads them."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from billing.fact_row import FactRow, fact_of
from store.facts import CallOpened, MediaFact
from store.ids import CallId

Facts = dict[CallId, list[MediaFact]]


class FactsUnreadable(Exception):
    """The server's own facts cannot be read; the text says why."""


def calls_of(database: Path) -> dict[str, list[CallId]]:
    """Return the calls that have opened, by consultation. Raises `FactsUnreadable`."""
    calls: dict[str, list[CallId]] = defaultdict(list)
    for row in _rows(database, "SELECT body FROM outbox WHERE kind = 'CallOpened' ORDER BY seq"):
        opened = msgspec.json.decode(row["body"], type=CallOpened)
        calls[opened.consultation].append(opened.call)
    return dict(calls)


def stored(database: Path) -> Facts:
    """Return the media facts in the database, by call. Raises `FactsUnreadable`."""
    facts: Facts = defaultdict(list)
    for row in _rows(database, "SELECT * FROM meter_facts"):
        values = dict(row) | {"at": datetime.fromisoformat(row["at"]).replace(tzinfo=UTC)}
        fact = fact_of(FactRow(**values))
        facts[fact.call].append(fact)
    return dict(facts)


def _rows(database: Path, query: str) -> list[sqlite3.Row]:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise FactsUnreadable(f"the database cannot be read ({type(error).__name__})") from error
