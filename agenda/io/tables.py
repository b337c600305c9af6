"""What the agenda remembers: people, consultations, and the hashes of what they log in with."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from store.io.columns import Utc
from store.io.metadata import metadata

# `receipt_lines`: what is printed below the name on receipts, with line feeds between.
practitioners = Table(
    "practitioners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("validated", Boolean, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("receipt_lines", Text, nullable=False, server_default=text("''")),
)

consultations = Table(
    "consultations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("practitioner", Text, ForeignKey("practitioners.id"), nullable=False),
    Column("patient_name", Text, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("cancelled_at", Utc),
    Column("ended_at", Utc),
)
Index("ix_consultations_practitioner_starts_at", consultations.c.practitioner, consultations.c.starts_at)

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("practitioner", Text, ForeignKey("practitioners.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("last_seen_at", Utc, nullable=False),
)

login_links = Table(
    "login_links",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("practitioner", Text, ForeignKey("practitioners.id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_hash", Text, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("practitioner", Text, ForeignKey("practitioners.id")),
    Column("created_at", Utc, nullable=False),
)

# Those who run the platform: they give money back, and see what does not add up. They hold no consultations.
administrators = Table(
    "administrators",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("created_at", Utc, nullable=False),
)

administrator_sessions = Table(
    "administrator_sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("administrator", Text, ForeignKey("administrators.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("last_seen_at", Utc, nullable=False),
)

administrator_links = Table(
    "administrator_links",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("administrator", Text, ForeignKey("administrators.id"), nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
)
