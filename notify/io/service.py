"""The post room: letters that are due go out, each once; what happens in a crash is said in notify/delivery.py."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import case, select, update

from notify.address import Sender, mail_address
from notify.carrier import Carrier, Postponed, Rejected, Superseded, Unclear
from notify.delivery import GIVE_UP_AFTER, LetterEvent, LetterState, before, pause
from notify.io.catalogue import translation
from notify.io.post import JOB
from notify.io.tables import letters
from notify.letters import Letter, words
from notify.outgoing import Outgoing, outgoing
from store.ids import LetterId
from store.io.database import Database
from store.io.due_jobs import DueJobs, Job

# Until the text leaves, a letter is ours for so long: a server that has not answered by then is not going to.
_ENVELOPE_SECONDS = 100.0
_LEASE_SECONDS = 120.0
# From then on for longer than the carrier waits for an answer: within this time nobody sends it a second time.
_TEXT_LEASE = timedelta(minutes=15)
_TEXT_SECONDS = 700.0
# One turn ends after so many, so that a stop waits for one letter and not for a thousand.
_TURN = 100
# A server that does not answer is left alone for a while, whatever is due.
_REST = timedelta(seconds=30)

_log = structlog.get_logger("notify")


class PostRoom:
    """Sends what `Post` took in. Any number of them, in any number of processes, share the work."""

    def __init__(self, database: Database, carrier: Carrier, sender: Sender, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._jobs = DueJobs(database)
        self._carrier = carrier
        self._sender = sender
        self._clock = clock
        self._not_before: datetime | None = None

    @property
    def files_only(self) -> bool:
        """Whether letters stay on this machine as files, because no mail server is set."""
        return self._carrier.files_only

    async def run(self, at: datetime) -> int:
        """Send the letters that are due and return how many went out. Called every second or so; cheap when idle."""
        if self._not_before is not None and at < self._not_before:
            return 0
        self._not_before = None
        sent = 0
        try:
            for _ in range(_TURN):
                claimed = await self._jobs.claim(max(at, self._clock()), _LEASE_SECONDS, 1, kinds=(JOB,))
                if not claimed:
                    break
                sent += await self._handle(claimed[0])
                if self._not_before is not None:
                    break
        finally:
            await self._carrier.rest()
        return sent

    async def _handle(self, job: Job) -> bool:
        letter = LetterId(job.key)
        try:
            message = await self._message(letter)
        except (ValueError, msgspec.MsgspecError):
            # Our bug, or a kind of letter that this version does not know: it must not come back every minute.
            await self._failed(job, "bad_letter")
            return False
        if message is None:
            await self._jobs.finish(job)
            return False
        try:
            await self._carry(job, message)
        except Superseded:
            await self._jobs.finish(job)
            return False
        except Rejected as refused:
            await self._failed(job, refused.problem)
            return False
        except (Postponed, Unclear) as hindered:
            await self._later(job, hindered)
            return False
        await self._accepted(letter)
        await self._jobs.finish(job)
        return True

    async def _carry(self, job: Job, message: Outgoing) -> None:
        try:
            async with asyncio.timeout(_ENVELOPE_SECONDS) as limit:

                async def begin() -> None:
                    await self._begin(job)
                    limit.reschedule(asyncio.get_running_loop().time() + _TEXT_SECONDS)

                await self._carrier.carry(message, begin)
        except TimeoutError:
            raise Unclear from None

    async def _begin(self, job: Job) -> None:
        """Record that the text leaves now. Raises `Superseded` when another has the letter, or it is out already."""
        again = letters.c.state == LetterState.SENDING
        sending = (
            update(letters)
            .where(letters.c.id == job.key, letters.c.state.in_(before(LetterEvent.BEGIN)))
            .values(state=LetterState.SENDING, doubts=letters.c.doubts + case((again, 1), else_=0))
        )
        async with self._database.transaction() as tx:
            if not await self._jobs.extend(tx, job, self._clock() + _TEXT_LEASE):
                raise Superseded
            if (await tx.execute(sending)).rowcount != 1:
                raise Superseded

    async def _message(self, letter: LetterId) -> Outgoing | None:
        """Return the message, or None when it has gone out or failed for good."""
        async with self._database.reading() as tx:
            row = (await tx.execute(select(letters).where(letters.c.id == letter))).one_or_none()
        if row is None or row.state not in before(LetterEvent.BEGIN):
            return None
        if row.state == LetterState.SENDING:
            _log.warning("letter sent again: its first try ended without an answer", letter=letter, kind=row.kind)
        content = msgspec.json.decode(row.body, type=Letter)
        text = words(content, translation(content.language))
        return outgoing(letter, text, content.language, self._sender, mail_address(content.to), row.created_at)

    async def _accepted(self, letter: LetterId) -> None:
        # What was in it, address included, is not needed any more.
        values = {"body": "", "sent_at": self._clock(), "problem": ""}
        await self._move(letter, LetterEvent.ACCEPTED, LetterState.SENT, values)
        _log.info("letter sent", letter=letter)

    async def _failed(self, job: Job, problem: str) -> None:
        await self._move(LetterId(job.key), LetterEvent.REFUSED, LetterState.FAILED, {"problem": problem})
        await self._jobs.finish(job)
        _log.warning("letter failed", letter=job.key, problem=problem)

    async def _later(self, job: Job, hindered: Postponed | Unclear) -> None:
        now = self._clock()
        problem = hindered.problem if isinstance(hindered, Postponed) else "no_answer"
        async with self._database.reading() as tx:
            written = await tx.scalar(select(letters.c.created_at).where(letters.c.id == job.key))
        if written is not None and now - written > GIVE_UP_AFTER:
            await self._failed(job, problem)
            return
        if isinstance(hindered, Postponed):
            await self._move(LetterId(job.key), LetterEvent.POSTPONED, LetterState.WAITING, {"problem": problem})
            if hindered.unreachable:
                self._not_before = now + _REST
        await self._jobs.retry(job, now + pause(job.attempts))
        _log.warning("letter postponed", letter=job.key, problem=problem, tries=job.attempts)

    async def _move(self, letter: LetterId, event: LetterEvent, state: LetterState, values: dict[str, object]) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(
                update(letters)
                .where(letters.c.id == letter, letters.c.state.in_(before(event)))
                .values(state=state, **values)
            )
