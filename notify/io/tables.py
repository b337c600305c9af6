"""What notify remembers: one row for each letter, for ever, so that none is written twice."""

from sqlalchemy import Column, Integer, Table, Text

from store.io.columns import Utc
from store.io.metadata import metadata

# `about`: the id of what the letter is about. `body`: the letter as JSON, address included; emptied once it is sent.
# `doubts`: how often it was sent again because nobody knew whether the server had taken it. `problem`: the last one.
letters = Table(
    "letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("about", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("doubts", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("sent_at", Utc),
)
