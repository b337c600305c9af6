"""Where the sandbox's records outlive the process: one SQLite file, or nowhere."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from billing.sandbox.records import AnyRecord

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL
)
"""
# A predecessor that is about to end.
_PATIENCE_SECONDS = 1.0
_SAVE = "INSERT INTO records (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"


class Memory:
    """Keeps records in the order of their making. Without a path it keeps nothing. Raises `sqlite3.Error`."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it holds the sandbox's keys
        connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_SECONDS)
        try:
            # Exclusive: a second sandbox on the same file would lend the same money twice.
            for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection

    def load(self) -> Iterator[AnyRecord]:
        """Yield what was saved, oldest first."""
        if self._connection is not None:
            decoder = msgspec.json.Decoder(AnyRecord)
            for (body,) in self._connection.execute("SELECT body FROM records ORDER BY position"):
                yield decoder.decode(body)

    def save(self, records: Iterable[AnyRecord]) -> None:
        """Write the records in one transaction; they are on the disk when this returns."""
        rows = [(record.id, msgspec.json.encode(record)) for record in records]
        if self._connection is None or not rows:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_SAVE, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
