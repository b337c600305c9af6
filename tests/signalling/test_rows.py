"""The database keeps the promise of two seats and one call by itself, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from signalling.call import Call, CallState, EndReason, Place, SeatTaken
from signalling.io import rows
from signalling.io.rows import SeatRow, SessionRow
from store.ids import AdmissionId, CallId, ConsultationId, LegId, PractitionerId, Prefix, Seat, SessionId, WorkerId
from store.io.database import Database
from store.io.entropy import new_id

AT = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
CON = ConsultationId("con_1")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    database = await Database.open(request.getfixturevalue(f"migrated_{request.param}_url"))
    yield database
    await database.close()


def call(consultation: ConsultationId = CON) -> Call:
    return Call(CallId(new_id(Prefix.CALL)), consultation, AT)


def seat(holder: str, leg: str, which: Seat = Seat.PATIENT) -> SeatRow:
    return SeatRow(
        consultation=CON,
        seat=which,
        call=CallId("cal_1"),
        practitioner=PractitionerId(holder) if which is Seat.PRACTITIONER else None,
        admission=AdmissionId(holder) if which is Seat.PATIENT else None,
        session=SessionId(f"ses_{leg}"),
        leg=LegId(leg),
        taken_at=AT,
    )


def place(row: SeatRow) -> Place:
    return Place(row.holder, row.session, "Name", row.leg, AT)


def session(**changes: object) -> SessionRow:
    row = SessionRow(
        SessionId(new_id(Prefix.SESSION)), new_id(Prefix.SESSION), Seat.PATIENT, CON, None, AdmissionId("adm_1"), AT, AT
    )
    return replace(row, **changes)


async def test_a_patient_is_counted_while_one_of_their_pages_is_here_and_once(database: Database) -> None:
    def minutes(came: int, seen: int, **more: object) -> SessionRow:
        spans = {"created_at": AT + timedelta(minutes=came), "last_seen_at": AT + timedelta(minutes=seen)}
        return session(token_hash=new_id(Prefix.SESSION), **spans, **more)

    host = {"role": Seat.PRACTITIONER, "practitioner": PractitionerId("pra_1"), "admission": None}
    here = [minutes(-10, -5), minutes(-2, 3), minutes(1, 4), minutes(8, 9), minutes(8, 8), minutes(0, 30, **host)]
    elsewhere = minutes(0, 20, consultation=ConsultationId("con_2"))
    async with database.transaction() as tx:
        for row in (*here, elsewhere):
            await rows.add_session(tx, row)
            await rows.touch_sessions(tx, [row.id], row.last_seen_at)
    async with database.reading() as tx:
        assert await rows.patient_seconds(tx, CON, AT) == 5 * 60
        assert await rows.patient_seconds(tx, ConsultationId("con_3"), AT) == 0


async def test_of_many_who_take_a_free_seat_at_once_one_gets_it(database: Database) -> None:
    async def take(number: int) -> bool:
        try:
            async with database.transaction() as tx:
                await rows.take_seat(tx, seat(f"adm_{number}", f"leg_{number}"), None)
        except SeatTaken:
            return False
        return True

    assert sum(await asyncio.gather(*(take(number) for number in range(30)))) == 1
    async with database.reading() as tx:
        assert len(await rows.all_seats(tx)) == 1


async def test_of_many_who_take_over_at_once_one_gets_the_seat(database: Database) -> None:
    first = seat("adm_0", "leg_0")
    async with database.transaction() as tx:
        await rows.take_seat(tx, first, None)

    async def take_over(number: int) -> bool:
        try:
            async with database.transaction() as tx:
                await rows.take_seat(tx, seat(f"adm_{number}", f"leg_{number}"), place(first))
        except SeatTaken:
            return False
        return True

    assert sum(await asyncio.gather(*(take_over(number) for number in range(1, 30)))) == 1


async def test_one_call_of_a_consultation_is_open(database: Database) -> None:
    first = call()
    async with database.transaction() as tx:
        await rows.add_call(tx, first)
        await rows.add_call(tx, call(ConsultationId("con_2")))
    with pytest.raises(SeatTaken):
        async with database.transaction() as tx:
            await rows.add_call(tx, call())
    async with database.transaction() as tx:
        await rows.save_call(tx, first.end(EndReason.HUNG_UP, AT))
        await rows.add_call(tx, call())


async def test_an_ended_call_stays_as_it_ended(database: Database) -> None:
    mine = call()
    async with database.transaction() as tx:
        await rows.add_call(tx, mine)
        await rows.note_worker(tx, mine.id, WorkerId("wrk_1"))
        await rows.save_call(tx, replace(mine, state=CallState.LIVE, live_since=AT))
    async with database.reading() as tx:
        assert await rows.open_calls(tx) == [replace(mine, state=CallState.LIVE, live_since=AT)]
    async with database.transaction() as tx:
        await rows.save_call(tx, mine.end(EndReason.PEER_LOST, AT))
        await rows.save_call(tx, replace(mine, state=CallState.LIVE))
    async with database.reading() as tx:
        assert await rows.open_calls(tx) == []


async def test_seats_are_freed_one_by_one_or_together(database: Database) -> None:
    both = [seat("pra_1", "leg_1", Seat.PRACTITIONER), seat("adm_1", "leg_2")]
    async with database.transaction() as tx:
        for row in both:
            await rows.take_seat(tx, row, None)
        assert sorted(await rows.all_seats(tx), key=lambda row: row.leg) == both
        await rows.free_seats(tx, CallId("cal_1"), Seat.PATIENT)
        assert await rows.all_seats(tx) == both[:1]
        await rows.free_seats(tx, CallId("cal_1"))
        assert await rows.all_seats(tx) == []


async def test_sessions_are_found_by_the_hash_of_their_token_and_closed_once(database: Database) -> None:
    mine, other = session(), session(admission=AdmissionId("adm_2"))
    async with database.transaction() as tx:
        await rows.add_session(tx, mine)
        await rows.add_session(tx, other)
        assert await rows.session_of_token(tx, mine.token_hash) == mine
        assert await rows.session_of_token(tx, "unknown") is None
        await rows.touch_sessions(tx, {mine.id}, AT + timedelta(seconds=30))
        await rows.close_sessions(tx, {mine.id}, AT + timedelta(minutes=1))
        await rows.close_sessions(tx, {mine.id}, AT + timedelta(minutes=2))
        await rows.close_sessions(tx, set(), AT)
        closed = await rows.session_of_token(tx, mine.token_hash)
        assert closed is not None
        assert (closed.last_seen_at, closed.closed_at) == (AT + timedelta(seconds=30), AT + timedelta(minutes=1))
        assert await rows.open_sessions(tx) == [other]


async def test_sessions_that_were_not_seen_for_long_are_closed_unless_they_sit(database: Database) -> None:
    sits, waits, fresh = session(id=SessionId("ses_leg_1")), session(), session(last_seen_at=AT + timedelta(hours=1))
    async with database.transaction() as tx:
        for row in (sits, waits, fresh):
            await rows.add_session(tx, row)
        await rows.take_seat(tx, seat("adm_1", "leg_1"), None)
        await rows.close_sessions_unseen_since(tx, AT + timedelta(minutes=1), AT + timedelta(hours=1))
        assert {row.id for row in await rows.open_sessions(tx)} == {sits.id, fresh.id}


async def test_who_goes_on_elsewhere_is_known_by_person_and_consultation(database: Database) -> None:
    mine = session(closed_at=AT)
    others = (
        session(admission=AdmissionId("adm_2")),
        session(consultation=ConsultationId("con_2")),
        session(closed_at=AT),
    )
    async with database.transaction() as tx:
        for row in (mine, *others):
            await rows.add_session(tx, row)
        await rows.close_sessions(tx, {mine.id, others[2].id}, AT)
        assert not await rows.goes_on_elsewhere(tx, mine)
        await rows.add_session(tx, session())
        assert await rows.goes_on_elsewhere(tx, mine)
        assert not await rows.goes_on_elsewhere(tx, replace(mine, consultation=None, practitioner=PractitionerId("p")))
