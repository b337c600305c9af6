"""Letters as files, for as long as no mail server is set: they can be read, and passed on by hand."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from notify.carrier import Postponed
from notify.outgoing import Outgoing


class FileCarrier:
    """Puts each letter into the folder, under a name of its own: carried twice it is there once."""

    files_only = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def carry(self, outgoing: Outgoing, begin: Callable[[], Awaitable[None]]) -> None:
        """Write the letter, for this user alone. Raises `Postponed` when the disk does not take it."""
        try:
            draft = await asyncio.to_thread(self._write, outgoing)
        except OSError as error:
            raise Postponed("folder", unreachable=True) from error
        try:
            await begin()
            await asyncio.to_thread(self._publish, draft, self._folder / outgoing.name)
        except OSError as error:
            raise Postponed("folder", unreachable=True) from error
        finally:
            draft.unlink(missing_ok=True)

    async def rest(self) -> None:
        """Nothing is kept."""

    def _write(self, outgoing: Outgoing) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{outgoing.name}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(outgoing.content)
            file.flush()
            os.fsync(file.fileno())
        return draft

    def _publish(self, draft: Path, path: Path) -> None:
        draft.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
