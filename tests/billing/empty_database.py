"""Databases with the present schema, copied: migrating each would take longer than most examples."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from store.io.database import Database

_folder = Path(tempfile.mkdtemp(prefix="visavis-money-"))
_empty = _folder / "empty.sqlite3"


def new_database() -> Path:
    """Return the path of an empty database in a folder of its own, which the caller removes."""

    async def make() -> None:
        await (await Database.open(f"sqlite:///{_empty}")).close()

    if not _empty.exists():
        asyncio.run(make())
    path = Path(tempfile.mkdtemp(dir=_folder)) / "money.sqlite3"
    shutil.copy(_empty, path)
    return path
