"""What the store itself remembers: facts on their way, jobs that fall due, leases."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint

from store.io.columns import Utc
from store.io.metadata import metadata

# SQLite counts up by itself in a column declared INTEGER only.
_Count = BigInteger().with_variant(Integer, "sqlite")

# Delivered facts stay: together they are the record of what happened.
outbox = Table(
    "outbox",
    metadata,
    Column("seq", _Count, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("delivered", Boolean, nullable=False),
)
Index(
    "ix_outbox_undelivered",
    outbox.c.seq,
    sqlite_where=~outbox.c.delivered,
    postgresql_where=~outbox.c.delivered,
)

due_jobs = Table(
    "due_jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("due_at", Utc, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("leased_until", Utc),
    UniqueConstraint("kind", "key"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", Utc, nullable=False),
)
