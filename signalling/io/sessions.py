"""The book of sessions: begun, seen, over; in memory for the conversation, in the database for a restart."""

from datetime import datetime, timedelta

from signalling.close_code import CloseCode
from signalling.io import rows
from signalling.io.participant import Participant, Socket
from signalling.io.presence import Presence
from signalling.io.rows import SessionRow
from signalling.protocol import Event
from signalling.session import Session
from store.ids import AdmissionId, ConsultationId, PractitionerId, Prefix, Seat, SessionId
from store.io.database import Database
from store.io.entropy import digest, new_id, new_token

# How exact the database knows when a page was last here. Exacter costs a write a second.
SEEN_EVERY = timedelta(seconds=30)
# A page that finds the server again after a longer outage begins anew.
RESUMABLE_FOR = timedelta(minutes=10)


class Sessions:
    """Ends are written in batches by `flush`: after a crash in between, `restore` sorts out what no longer counts."""

    def __init__(self, database: Database, presence: Presence) -> None:
        self._database = database
        self._presence = presence
        self._ended: set[SessionId] = set()
        self._seen_at: datetime | None = None

    async def begin(
        self,
        socket: Socket,
        role: Seat,
        at: datetime,
        *,
        practitioner: PractitionerId | None = None,
        consultation: ConsultationId | None = None,
        admission: AdmissionId | None = None,
    ) -> Participant:
        """Return a new session whose page has just been welcomed."""
        token = new_token()
        session = SessionId(new_id(Prefix.SESSION))
        row = SessionRow(session, digest(token), role, consultation, practitioner, admission, at, at)
        async with self._database.transaction() as tx:
            await rows.add_session(tx, row)
        participant = _participant(row, Session())
        self._presence.add(participant)
        participant.begin(socket, token)
        return participant

    def end(self, participant: Participant, code: CloseCode, at: datetime, last: Event | None = None) -> None:
        """Say the last word to a page and close its session."""
        participant.finish(code, at, last)
        self._ended.add(participant.session)

    def drop(self, participant: Participant) -> None:
        """Forget a session whose page will not resume it."""
        self._ended.add(participant.session)
        self._presence.remove(participant)

    async def flush(self, at: datetime) -> None:
        """Write what has changed since the last time."""
        ended, self._ended = self._ended, set()
        due = self._seen_at is None or at - self._seen_at >= SEEN_EVERY
        here = [page.session for page in self._presence.participants() if page.attached] if due else []
        if due:
            self._seen_at = at
        if not ended and not here:
            return
        try:
            async with self._database.transaction() as tx:
                await rows.close_sessions(tx, ended, at)
                await rows.touch_sessions(tx, here, at)
        except BaseException:
            self._ended |= ended
            raise

    async def restore(self, at: datetime) -> list[Participant]:
        """Return the sessions that may still be resumed after a restart, each away since now; close the others."""
        async with self._database.transaction() as tx:
            await rows.close_sessions_unseen_since(tx, at - RESUMABLE_FOR, at)
            found = await rows.open_sessions(tx)
        restored = [_participant(row, Session(continued=False)) for row in found]
        for participant in restored:
            participant.talk.lose_socket(at)
            self._presence.add(participant)
        return restored

    async def taken_elsewhere(self, token_hash: str) -> bool:
        """Whether the session with that token is over because the same person goes on in another one."""
        async with self._database.reading() as tx:
            row = await rows.session_of_token(tx, token_hash)
            return row is not None and await rows.goes_on_elsewhere(tx, row)


def _participant(row: SessionRow, talk: Session) -> Participant:
    return Participant(
        row.id,
        row.token_hash,
        row.role,
        practitioner=row.practitioner,
        consultation=row.consultation,
        admission=row.admission,
        talk=talk,
    )
