"""What the lobby remembers: invitations (hashes only) and admissions."""

from sqlalchemy import Column, Index, Integer, Table, Text

from store.io.columns import Utc
from store.io.metadata import metadata

invitations = Table(
    "invitations",
    metadata,
    Column("consultation", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
    Column("revoked_at", Utc),
    Column("opened_at", Utc),
)

admissions = Table(
    "admissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("camera", Text, nullable=False),
    Column("microphone", Text, nullable=False),
    Column("arrived_at", Utc, nullable=False),
    Column("waiting_since", Utc, nullable=False),
    Column("admitted_at", Utc),
    Column("decided_by", Text),
)
Index("ix_admissions_consultation_state", admissions.c.consultation, admissions.c.state)
Index("ix_admissions_state_admitted_at", admissions.c.state, admissions.c.admitted_at)
