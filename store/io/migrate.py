"""Bringing a database to the schema of this code. Called when a database is opened; nobody runs a tool for it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_FOLDER = Path(__file__).parent / "migrations"

# Any number that nobody else locks: two processes that start at once must not migrate at once.
_ADVISORY_LOCK = 0x5669736176


class UnknownRevision(Exception):
    """The database was migrated by code newer than this."""


def migrate(connection: Connection) -> None:
    """Run the missing steps within the connection's transaction. Raises `UnknownRevision` before any change."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = set(MigrationContext.configure(connection).get_current_heads())
    if not present <= known:
        raise UnknownRevision
    command.upgrade(config, "head")
