"""The lobby: invitations, admissions and tickets of one database.

Every transition is compare-and-swap on the admission's version, and its fact commits with it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lobby.admission import (
    MOST_WAITING,
    TIME_TO_ENTER,
    Admission,
    Move,
    StaleAdmission,
    State,
    UnknownAdmission,
    WaitingRoomFull,
    expected,
    fact_of,
)
from lobby.io import invitations
from lobby.io.invitations import Arrivals
from lobby.io.tables import admissions
from lobby.ticket import BadTicket, issue, read
from store.ids import AdmissionId, ConsultationId, PractitionerId, Prefix, is_id
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox
from store.names import person_name


class Lobby:
    """`key` signs tickets and derives invitations: at least 32 random bytes that live outside the database.

    `most_waiting`: how many may wait for one consultation; one who is sent back there always may.
    """

    def __init__(self, database: Database, outbox: Outbox, key: bytes, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._outbox = outbox
        self._key = key
        self._most_waiting = most_waiting

    async def invite(self, consultation: ConsultationId, at: datetime) -> str:
        """Return the invitation's token: the same each time, until it is revoked."""
        async with self._database.reading() as tx:
            if (token := await invitations.standing(tx, self._key, consultation)) is not None:
                return token
        async with self._database.transaction() as tx:
            return await invitations.invite(tx, self._key, consultation, at)

    async def consultation_of(self, token: str) -> ConsultationId | None:
        """Return what the token invites to, or None when it is unknown or revoked."""
        async with self._database.reading() as tx:
            return await invitations.consultation_of(tx, token)

    async def note_opened(self, consultation: ConsultationId, at: datetime) -> None:
        """Note that the patient followed the link; only the first time counts, and writes."""
        if (await self.arrivals(consultation)).opened_at is None:
            async with self._database.transaction() as tx:
                await invitations.opened(tx, consultation, at)

    async def arrivals(self, consultation: ConsultationId) -> Arrivals:
        """Return when the patient was invited, followed the link, and waited."""
        async with self._database.reading() as tx:
            return await invitations.arrivals(tx, consultation)

    async def revoke(self, consultation: ConsultationId, at: datetime) -> None:
        """Void the invitation, if there is one."""
        async with self._database.transaction() as tx:
            await invitations.revoke(tx, consultation, at)

    async def arrive(
        self, consultation: ConsultationId, name: str, camera: str, microphone: str, at: datetime
    ) -> Admission:
        """Return a new admission of somebody who waits. Raises `BadName` (store.names) or `WaitingRoomFull`."""
        before = expected(AdmissionId(new_id(Prefix.ADMISSION)), consultation, person_name(name), at)
        admission = replace(before.moved(Move.ARRIVE, at), camera=camera, microphone=microphone)
        async with self._outbox.committing() as tx:
            await self._find_room(tx, consultation)
            await tx.execute(insert(admissions).values(_row(admission)))
            await self._outbox.add(tx, fact_of(Move.ARRIVE, admission, at))
        return admission

    async def come_back(self, admission: AdmissionId, at: datetime) -> Admission:
        """Return the admission of one who is here again; a place or seat that was kept stays as it is.

        Raises `PlaceGone` when it was declined or expired, `WaitingRoomFull`, or `UnknownAdmission`.
        """
        return await self._change(admission, Move.COME_BACK, at, lambda before: before.come_back(at))

    async def admit(self, admission: AdmissionId, version: int, by: PractitionerId, at: datetime) -> Admission:
        """Let one in who waits. Raises `StaleAdmission` when it is not as seen, or `UnknownAdmission`."""
        return await self._change(admission, Move.ADMIT, at, lambda seen: seen.decided(Move.ADMIT, version, by, at))

    async def decline(self, admission: AdmissionId, version: int, by: PractitionerId, at: datetime) -> Admission:
        """Refuse one who waits. Raises `StaleAdmission` when it is not as seen, or `UnknownAdmission`."""
        return await self._change(admission, Move.DECLINE, at, lambda seen: seen.decided(Move.DECLINE, version, by, at))

    async def enter(self, admission: AdmissionId, at: datetime) -> Admission:
        """Seat one who was admitted; one who sits stays. Raises `StaleAdmission` else, or `UnknownAdmission`."""
        return await self._change(admission, Move.ENTER, at, lambda before: before.entered(at))

    async def send_back(self, admission: AdmissionId, by: PractitionerId, at: datetime) -> Admission:
        """Let one wait again who sits in the call. Raises `StaleAdmission` else, or `UnknownAdmission`."""
        return await self._change(admission, Move.SEND_BACK, at, lambda before: before.sent_back(by, at))

    async def leave(self, admission: AdmissionId, at: datetime) -> Admission:
        """Give up the place or the seat; one who has neither stays as they are. Raises `UnknownAdmission`."""
        return await self._change(admission, Move.LEAVE, at, lambda before: before.left(at))

    async def expire(self, at: datetime) -> list[Admission]:
        """Return those who were admitted 2 minutes ago and have not entered; their places are gone."""
        absent = (
            select(admissions)
            .where(admissions.c.state == State.ADMITTED, admissions.c.admitted_at <= at - TIME_TO_ENTER)
            .order_by(admissions.c.admitted_at)
            .with_for_update(skip_locked=True)
        )
        gone: list[Admission] = []
        async with self._outbox.committing() as tx:
            for row in (await tx.execute(absent)).all():
                before = _admission(row)
                after = before.moved(Move.EXPIRE, at)
                await self._save(tx, before, after, Move.EXPIRE, at)
                gone.append(after)
        return gone

    async def admission(self, admission: AdmissionId) -> Admission | None:
        """Return the admission, or None."""
        if not is_id(admission, Prefix.ADMISSION):
            return None
        async with self._database.reading() as tx:
            row = (await tx.execute(select(admissions).where(admissions.c.id == admission))).one_or_none()
        return _admission(row) if row else None

    async def waiting(self, consultations: Iterable[ConsultationId]) -> list[Admission]:
        """Return those who wait for any of the consultations, the longest first."""
        theirs = (
            select(admissions)
            .where(admissions.c.consultation.in_(list(consultations)), admissions.c.state == State.WAITING)
            .order_by(admissions.c.waiting_since, admissions.c.id)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(theirs)).all()
        return [_admission(row) for row in rows]

    async def set_devices(self, admission: AdmissionId, camera: str, microphone: str) -> None:
        """Note what the device check found now. No transition: the version stays."""
        async with self._database.transaction() as tx:
            same = admissions.c.id == admission
            await tx.execute(update(admissions).where(same).values(camera=camera, microphone=microphone))

    def ticket(self, admission: AdmissionId, expires_at: datetime) -> str:
        """Return the signed place of the admission."""
        return issue(self._key, admission, expires_at)

    async def admission_of_ticket(self, ticket: str, at: datetime) -> Admission:
        """Return whose place that is. Raises `BadTicket` or `LapsedTicket` (lobby.ticket)."""
        admission = await self.admission(read(self._key, ticket, at))
        if admission is None:
            raise BadTicket
        return admission

    async def _change(
        self, admission: AdmissionId, move: Move, at: datetime, step: Callable[[Admission], Admission]
    ) -> Admission:
        if not is_id(admission, Prefix.ADMISSION):
            raise UnknownAdmission(admission)
        async with self._outbox.committing() as tx:
            found = select(admissions).where(admissions.c.id == admission).with_for_update()
            row = (await tx.execute(found)).one_or_none()
            if row is None:
                raise UnknownAdmission(admission)
            before = _admission(row)
            after = step(before)
            if after is not before:
                if move is Move.COME_BACK:
                    await self._find_room(tx, after.consultation)
                await self._save(tx, before, after, move, at)
        return after

    async def _find_room(self, tx: AsyncConnection, consultation: ConsultationId) -> None:
        """Raise `WaitingRoomFull` unless one more may wait; the answer holds until the transaction ends."""
        if tx.dialect.name == "postgresql":
            # Two who come at once do not see each other's rows. SQLite has one writer.
            await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(consultation, 0))))
        theirs = (admissions.c.consultation == consultation, admissions.c.state == State.WAITING)
        waiting = await tx.scalar(select(func.count()).select_from(admissions).where(*theirs))
        if waiting is not None and waiting >= self._most_waiting:
            raise WaitingRoomFull

    async def _save(self, tx: AsyncConnection, before: Admission, after: Admission, move: Move, at: datetime) -> None:
        as_seen = (
            admissions.c.id == before.id,
            admissions.c.version == before.version,
            admissions.c.state == before.state,
        )
        changed = {
            "state": after.state,
            "version": after.version,
            "waiting_since": after.waiting_since,
            "admitted_at": after.admitted_at,
            "decided_by": after.decided_by,
        }
        done = await tx.execute(update(admissions).where(*as_seen).values(changed))
        if done.rowcount != 1:
            raise StaleAdmission
        await self._outbox.add(tx, fact_of(move, after, at))


def _row(admission: Admission) -> dict[str, object]:
    return {
        "id": admission.id,
        "consultation": admission.consultation,
        "name": admission.name,
        "state": admission.state,
        "version": admission.version,
        "camera": admission.camera,
        "microphone": admission.microphone,
        "arrived_at": admission.arrived_at,
        "waiting_since": admission.waiting_since,
    }


def _admission(row: Row[*tuple[object, ...]]) -> Admission:
    return Admission(
        id=row.id,
        consultation=row.consultation,
        name=row.name,
        state=State(row.state),
        version=row.version,
        camera=row.camera,
        microphone=row.microphone,
        arrived_at=row.arrived_at,
        waiting_since=row.waiting_since,
        admitted_at=row.admitted_at,
        decided_by=row.decided_by,
    )
