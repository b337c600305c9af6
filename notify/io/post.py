"""The post box: a letter is put in with the change that it reports, in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from notify.address import BadAddress, mail_address
from notify.delivery import LetterState
from notify.io.tables import letters
from notify.letters import Letter
from store.ids import LetterId, Prefix
from store.io.database import Database
from store.io.due_jobs import DueJobs
from store.io.entropy import new_id

# The kind of the due jobs that are ours; their key is the letter's id.
JOB = "letter"
BAD_ADDRESS = "bad_address"
# A statement takes so many parameters only.
_BATCH = 500

_log = structlog.get_logger("notify")


@dataclass(frozen=True, slots=True)
class Sent:
    """How a letter fared. `problem`: the last one, such as `smtp_550`, `unreachable` or `bad_address`."""

    kind: str
    state: LetterState
    problem: str
    created_at: datetime
    sent_at: datetime | None


class Post:
    """Takes letters in; `notify.io.service.PostRoom` sends them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs = DueJobs(database)

    async def enqueue(self, tx: AsyncConnection, letter: Letter, key: str, at: datetime, about: str = "") -> bool:
        """Keep the letter within the transaction. Returns False, and changes nothing, when there was one of this key.

        `about` is the id of what it is about, for `about()`. An address that cannot be one makes a letter that has
        failed: no one is to wait for it, and it can be told so.
        """
        new = LetterId(new_id(Prefix.LETTER))
        deliverable = _deliverable(letter)
        row = {
            "id": new,
            "key": key,
            "about": about,
            "kind": letter.__struct_config__.tag,
            "body": msgspec.json.encode(letter).decode(),
            "state": LetterState.WAITING if deliverable else LetterState.FAILED,
            "doubts": 0,
            "problem": "" if deliverable else BAD_ADDRESS,
            "created_at": at,
        }
        try:
            async with tx.begin_nested():
                await tx.execute(insert(letters).values(row))
        except IntegrityError:
            return False
        if deliverable:
            await self._jobs.schedule(tx, JOB, new, {}, at)
        else:
            _log.warning("letter has no address", letter=new, kind=row["kind"])
        return True

    async def about(self, subject: str) -> list[Sent]:
        """Return how the letters about this fared, the latest first."""
        async with self._database.reading() as tx:
            return await self.about_in(tx, subject)

    async def about_in(self, tx: AsyncConnection, subject: str) -> list[Sent]:
        """Return the same as the transaction sees it."""
        wanted = (
            select(letters).where(letters.c.about == subject).order_by(letters.c.created_at.desc(), letters.c.id.desc())
        )
        rows = (await tx.execute(wanted)).all()
        return [Sent(row.kind, LetterState(row.state), row.problem, row.created_at, row.sent_at) for row in rows]

    async def undelivered(self, subjects: Collection[str]) -> set[str]:
        """Return those of which the latest letter has failed for good."""
        newest_first = (letters.c.created_at.desc(), letters.c.id.desc())
        place = func.row_number().over(partition_by=letters.c.about, order_by=newest_first).label("place")
        every, found = list(subjects), set[str]()
        async with self._database.reading() as tx:
            for first in range(0, len(every), _BATCH):
                of_these = letters.c.about.in_(every[first : first + _BATCH])
                ranked = select(letters.c.about, letters.c.state, place).where(of_these).subquery()
                failed = select(ranked.c.about).where(ranked.c.place == 1, ranked.c.state == LetterState.FAILED)
                found.update((await tx.execute(failed)).scalars())
        return found


def _deliverable(letter: Letter) -> bool:
    try:
        mail_address(letter.to)
    except BadAddress:
        return False
    return True
