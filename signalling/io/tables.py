"""What signalling remembers: sessions, calls, and who sits in which seat."""

from sqlalchemy import Column, Index, Table, Text

from store.io.columns import Utc
from store.io.metadata import metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("consultation", Text),
    Column("practitioner", Text),
    Column("admission", Text),
    Column("created_at", Utc, nullable=False),
    Column("last_seen_at", Utc, nullable=False),
    Column("closed_at", Utc),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker", Text),
    Column("opened_at", Utc, nullable=False),
    Column("live_since", Utc),
    Column("ended_at", Utc),
    Column("reason", Text),
)

# At most one call of a consultation is open, whatever races.
Index(
    "uq_calls_consultation_open",
    calls.c.consultation,
    unique=True,
    sqlite_where=calls.c.ended_at.is_(None),
    postgresql_where=calls.c.ended_at.is_(None),
)

# The primary key is the promise of two seats: a check before an insert would let a third in.
seats = Table(
    "seats",
    metadata,
    Column("consultation", Text, primary_key=True),
    Column("seat", Text, primary_key=True),
    Column("call", Text, nullable=False),
    Column("practitioner", Text),
    Column("admission", Text),
    Column("session", Text),
    Column("leg", Text),
    Column("taken_at", Utc, nullable=False),
)
