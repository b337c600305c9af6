"""The rows of signalling: sessions, calls and seats, written and read within the caller's transaction."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from signalling.call import Call, CallState, Place, SeatTaken
from signalling.io.tables import calls, seats, sessions
from store.ids import AdmissionId, CallId, ConsultationId, LegId, PractitionerId, Seat, SessionId, WorkerId

_Id = TypeVar("_Id", bound=str)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as the database remembers it: `consultation` is None for a desk, `admission` for a practitioner."""

    id: SessionId
    token_hash: str
    role: Seat
    consultation: ConsultationId | None
    practitioner: PractitionerId | None
    admission: AdmissionId | None
    created_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SeatRow:
    """Who sits where. Of `practitioner` and `admission` one is set, and it is the holder."""

    consultation: ConsultationId
    seat: Seat
    call: CallId
    practitioner: PractitionerId | None
    admission: AdmissionId | None
    session: SessionId
    leg: LegId
    taken_at: datetime

    @property
    def holder(self) -> str:
        return self.practitioner or self.admission or ""


async def add_session(tx: AsyncConnection, row: SessionRow) -> None:
    """Remember a new session."""
    await tx.execute(
        insert(sessions).values(
            id=row.id,
            token_hash=row.token_hash,
            role=row.role,
            consultation=row.consultation,
            practitioner=row.practitioner,
            admission=row.admission,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
        )
    )


async def close_sessions(tx: AsyncConnection, ids: Collection[SessionId], at: datetime) -> None:
    """Note that these sessions are over."""
    for some in _batches(ids):
        theirs = sessions.c.id.in_(some)
        await tx.execute(update(sessions).where(theirs, sessions.c.closed_at.is_(None)).values(closed_at=at))


async def close_sessions_unseen_since(tx: AsyncConnection, since: datetime, at: datetime) -> None:
    """Close the sessions of pages that have been away for longer, but for those who sit in a seat."""
    seated = select(seats.c.session)
    unseen = (sessions.c.last_seen_at < since, sessions.c.closed_at.is_(None), sessions.c.id.not_in(seated))
    await tx.execute(update(sessions).where(*unseen).values(closed_at=at))


async def touch_sessions(tx: AsyncConnection, ids: Collection[SessionId], at: datetime) -> None:
    """Note that these pages were here."""
    for some in _batches(ids):
        await tx.execute(update(sessions).where(sessions.c.id.in_(some)).values(last_seen_at=at))


async def open_sessions(tx: AsyncConnection) -> list[SessionRow]:
    """Return the sessions that are not over, oldest first."""
    still = select(sessions).where(sessions.c.closed_at.is_(None)).order_by(sessions.c.created_at)
    return [_session(row) for row in (await tx.execute(still)).all()]


async def session_of_token(tx: AsyncConnection, token_hash: str) -> SessionRow | None:
    """Return the session with that token, closed or not."""
    row = (await tx.execute(select(sessions).where(sessions.c.token_hash == token_hash))).one_or_none()
    return _session(row) if row else None


async def add_call(tx: AsyncConnection, call: Call) -> None:
    """Remember a new call. Raises `SeatTaken` when another one of its consultation is open."""
    row = {"id": call.id, "consultation": call.consultation, "state": call.state, "opened_at": call.opened_at}
    try:
        await tx.execute(insert(calls).values(row))
    except IntegrityError:
        raise SeatTaken(call.consultation) from None


async def save_call(tx: AsyncConnection, call: Call) -> None:
    """Note the call's state; one that has ended stays as it is."""
    changed = {
        "state": call.state,
        "live_since": call.live_since,
        "ended_at": call.ended_at,
        "reason": call.reason,
    }
    await tx.execute(update(calls).where(calls.c.id == call.id, calls.c.ended_at.is_(None)).values(changed))


async def note_worker(tx: AsyncConnection, call: CallId, worker: WorkerId) -> None:
    """Note which worker holds the call's media."""
    await tx.execute(update(calls).where(calls.c.id == call).values(worker=worker))


async def open_calls(tx: AsyncConnection) -> list[Call]:
    """Return the calls that have not ended, without their seats."""
    rows = (await tx.execute(select(calls).where(calls.c.ended_at.is_(None)))).all()
    return [Call(row.id, row.consultation, row.opened_at, CallState(row.state), row.live_since) for row in rows]


async def take_seat(tx: AsyncConnection, row: SeatRow, before: Place | None) -> None:
    """Put the row's holder into the seat in which `before` sat. Raises `SeatTaken` when somebody else was faster."""
    values = {
        "consultation": row.consultation,
        "seat": row.seat,
        "call": row.call,
        "practitioner": row.practitioner,
        "admission": row.admission,
        "session": row.session,
        "leg": row.leg,
        "taken_at": row.taken_at,
    }
    if before is None:
        try:
            await tx.execute(insert(seats).values(values))
        except IntegrityError:
            raise SeatTaken(row.seat) from None
        return
    as_seen = (seats.c.consultation == row.consultation, seats.c.seat == row.seat, seats.c.leg == before.leg)
    done = await tx.execute(update(seats).where(*as_seen).values(values))
    if done.rowcount != 1:
        raise SeatTaken(row.seat)


async def free_seats(tx: AsyncConnection, call: CallId, seat: Seat | None = None) -> None:
    """Free one seat of the call, or both."""
    which = seats.c.call == call
    await tx.execute(delete(seats).where(which if seat is None else which & (seats.c.seat == seat)))


async def host_since(tx: AsyncConnection, consultation: ConsultationId) -> datetime | None:
    """Return when the practitioner first sat down in the consultation, None for never."""
    first = select(func.min(sessions.c.created_at)).where(
        sessions.c.consultation == consultation, sessions.c.role == Seat.PRACTITIONER
    )
    found: datetime | None = (await tx.execute(first)).scalar_one()
    return found


async def patient_seconds(tx: AsyncConnection, consultation: ConsultationId, since: datetime) -> int:
    """Return for how many seconds since then a patient's page was here, to the half minute that it is noted by."""
    theirs = select(sessions.c.created_at, sessions.c.last_seen_at).where(
        sessions.c.consultation == consultation, sessions.c.role == Seat.PATIENT, sessions.c.last_seen_at > since
    )
    total, until = timedelta(), since
    for came, seen in (await tx.execute(theirs.order_by(sessions.c.created_at))).all():
        total += max(seen - max(came, until), timedelta())
        until = max(until, seen)
    return int(total.total_seconds())


async def all_seats(tx: AsyncConnection) -> list[SeatRow]:
    """Return every seat that is taken."""
    return [_seat(row) for row in (await tx.execute(select(seats))).all()]


async def goes_on_elsewhere(tx: AsyncConnection, row: SessionRow) -> bool:
    """Whether the person of this session has another one that took its place."""
    if row.consultation is None:
        return False
    same_person = (
        sessions.c.practitioner == row.practitioner if row.practitioner else sessions.c.admission == row.admission
    )
    other = (sessions.c.consultation == row.consultation, sessions.c.closed_at.is_(None), sessions.c.id != row.id)
    found = await tx.execute(select(sessions.c.id).where(same_person, *other).limit(1))
    return found.first() is not None


def _session(row: Row[*tuple[object, ...]]) -> SessionRow:
    return SessionRow(
        id=row.id,
        token_hash=row.token_hash,
        role=Seat(row.role),
        consultation=row.consultation,
        practitioner=row.practitioner,
        admission=row.admission,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        closed_at=row.closed_at,
    )


def _seat(row: Row[*tuple[object, ...]]) -> SeatRow:
    return SeatRow(
        consultation=row.consultation,
        seat=Seat(row.seat),
        call=row.call,
        practitioner=row.practitioner,
        admission=row.admission,
        session=row.session,
        leg=row.leg,
        taken_at=row.taken_at,
    )


def _batches(ids: Collection[_Id]) -> Iterator[list[_Id]]:
    """Yield the ids some at a time: a statement takes so many parameters only, and should not take long."""
    every = list(ids)
    for first in range(0, len(every), _BATCH):
        yield every[first : first + _BATCH]
