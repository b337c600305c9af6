"""One process that sends what is due, and dies where it is told to: `python -m tests.notify.io.sending WHAT WHERE`."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notify.address import sender
from notify.carrier import Carrier
from notify.io.files import FileCarrier
from notify.io.service import PostRoom
from notify.io.smtp import SmtpCarrier
from notify.mail_server import mail_server
from notify.outgoing import Outgoing
from store.io.database import Database

FROM = sender("Visio <visio@example.org>")
SEAMS = ("claimed", "enveloped", "begun", "carried", "accepted")


def die() -> None:
    """End as by a power cut: nothing is tidied up, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


class Seams:
    """A carrier that dies on the way: before the server is met, before and after `begin`, after the text was taken."""

    files_only = False

    def __init__(self, inner: Carrier, seam: str) -> None:
        self._inner = inner
        self._seam = seam

    async def carry(self, outgoing: Outgoing, begin: Callable[[], Awaitable[None]]) -> None:
        async def seamed() -> None:
            self._at("enveloped")
            await begin()
            self._at("begun")

        self._at("claimed")
        await self._inner.carry(outgoing, seamed)
        self._at("carried")

    async def rest(self) -> None:
        await self._inner.rest()

    def _at(self, seam: str) -> None:
        if self._seam == seam:
            die()


class Dying(PostRoom):
    """Dies once the letter is known as sent, before its job is done with."""

    async def _accepted(self, letter):
        await super()._accepted(letter)
        die()


async def run(database_url: str, target: str, seam: str, hours: int) -> None:
    database = await Database.open(database_url)
    inner = SmtpCarrier(mail_server(target), FROM.domain) if "://" in target else FileCarrier(Path(target))
    kind = Dying if seam == "accepted" else PostRoom

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(hours=hours)

    await kind(database, Seams(inner, seam), FROM, clock).run(clock())
    await database.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
