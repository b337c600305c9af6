"""The facts that bills are computed from. What is made of them is in `billing.io.money_tables`."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text, UniqueConstraint

from store.io.columns import Utc
from store.io.metadata import metadata

# Rows are added and never changed: triggers refuse it. `number` counts a call's rows, `hash` chains them (see
# `billing.chain`). A boot names one worker process for ever, so (boot, seq) names one fact.
meter_facts = Table(
    "meter_facts",
    metadata,
    Column("call", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("leg", Text),
    Column("seat", Text),
    Column("heard_ms", BigInteger),
    Column("monotonic_ms", BigInteger, nullable=False),
    Column("at", Utc, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("boot", "seq"),
)
