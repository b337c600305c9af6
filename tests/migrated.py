"""Databases with the present schema, copied: migrating each would take longer than most tests."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine

from store.io.migrate import migrate


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="visavis-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "empty.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return path


def migrated_file(path: Path) -> Path:
    """Make `path` an empty SQLite database with the present schema. Returns the path."""
    return Path(shutil.copy(_template(), path))
