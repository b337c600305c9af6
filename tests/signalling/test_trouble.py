"""When something of ours fails: a second process, a crash at the wrong moment, a database that refuses."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from signalling.call import Call
from signalling.io import rows
from signalling.io.rows import SeatRow, SessionRow
from signalling.io.tables import calls, sessions
from store.ids import AdmissionId, CallId, LegId, PractitionerId, Prefix, Seat, SessionId
from store.io.entropy import digest, new_id
from tests.signalling.practice import Practice

SECRET = "Jean Dupont of Lyon"


@dataclass
class Troubled:
    practice: Practice
    log: list[Any]

    def errors(self) -> list[tuple[str, str]]:
        return [(line["event"], line["error"]) for line in self.log if line["log_level"] == "error"]


@pytest.fixture
async def troubled(tmp_path: Path) -> AsyncIterator[Troubled]:
    with structlog.testing.capture_logs() as log:
        practice = await Practice.open(tmp_path)
        yield Troubled(practice, log)
        await practice.close()
    assert SECRET not in str(log)


async def another_process_seats(practice: Practice, call: CallId, seat: Seat, consultation: str) -> None:
    row = SeatRow(
        consultation=consultation,
        seat=seat,
        call=call,
        practitioner=PractitionerId("pra_other") if seat is Seat.PRACTITIONER else None,
        admission=AdmissionId("adm_other") if seat is Seat.PATIENT else None,
        session=SessionId("ses_other"),
        leg=LegId("leg_other"),
        taken_at=practice.clock(),
    )
    async with practice.database.transaction() as tx:
        await rows.take_seat(tx, row, None)


async def test_a_patient_is_refused_a_seat_that_the_database_gave_to_a_different_person(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.expect("offer")
    call = next(iter(practice.engine.legs.values())).call
    await another_process_seats(practice, call, Seat.PATIENT, consultation.id)
    patient, _ = await practice.waiting_patient(invitation)
    await practice.admit(host)
    await patient.expect("problem", code="seat_taken")
    assert await patient.closed() == 4004
    await practice.calm(host)
    assert host.last("peer")["present"] is False
    assert len(practice.engine.opened) == 1


async def test_a_practitioner_is_refused_a_seat_that_the_database_gave_to_a_different_page(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    await another_process_seats(practice, CallId("cal_other"), Seat.PRACTITIONER, consultation.id)
    host = await practice.host(claire, consultation)
    await host.expect("problem", code="seat_taken")
    assert await host.closed() == 4004
    assert practice.engine.opened == []


async def test_a_request_that_fails_here_ends_the_socket_and_the_page_resumes(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = troubled.practice
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    await practice.waiting_patient(invitation)
    entry = await practice.entry(desk, "Jean Dupont")

    async def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as broken:
        broken.setattr(practice.lobby, "admit", fail)
        await desk.send("admit", admission=entry["admission"], version=entry["version"])
        assert await desk.closed() == 1011
    assert troubled.errors() == [("request failed", "RuntimeError")]
    await desk.resume()
    assert desk.last("welcome")["resumed"] is True
    await practice.admit(desk)
    await desk.settled()


async def test_a_page_whose_opening_fails_here_is_not_taken_to_be_here(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = troubled.practice
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)

    async def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as broken:
        broken.setattr(rows, "take_seat", fail)
        host = await practice.host(claire, consultation)
        assert await host.closed() == 1011
    practice.clock.advance(seconds=20)
    assert practice.reception.host_state(claire.id) == "absent"
    practice.clock.advance(minutes=2)
    await practice.reception.look_around()
    assert practice.reception._services.presence.participants() == []
    await (await practice.host(claire, consultation)).expect("offer")


async def test_a_patient_whose_seat_could_not_be_written_is_told_in_time_and_may_wait_again(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = troubled.practice
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, ticket = await practice.waiting_patient(invitation)

    async def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as broken:
        broken.setattr(rows, "take_seat", fail)
        await practice.admit(desk)
        assert await desk.closed() == 1011
    await practice.vanish(patient)
    await patient.resume()
    await patient.expect("lapsed")
    await (await practice.patient(invitation, ticket=ticket)).expect("waiting")


async def test_a_round_that_fails_in_part_goes_on_with_the_rest(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = troubled.practice
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    host = await practice.host(claire, consultation)
    await host.expect("offer")

    async def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(practice.lobby, "expire", fail)
    practice.clock.advance(minutes=60)
    await practice.reception.look_around()
    await host.expect("ended", reason="never_joined")
    assert troubled.errors() == [("sweep failed", "RuntimeError")]


async def test_sessions_that_could_not_be_closed_are_closed_by_the_next_round(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = troubled.practice
    desk = await practice.desk(await practice.practitioner())
    await desk.send("leave")
    assert await desk.closed() == 4002

    async def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as broken:
        broken.setattr(rows, "close_sessions", fail)
        await practice.reception.look_around()
    await practice.reception.look_around()
    async with practice.database.reading() as tx:
        assert (await tx.execute(select(sessions.c.closed_at))).scalar_one() == practice.clock()


async def test_a_list_that_cannot_be_made_is_made_at_the_next_change(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = troubled.practice
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)

    async def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    with monkeypatch.context() as broken:
        broken.setattr(practice.lobby, "waiting", fail)
        await practice.waiting_patient(invitation, "First")
        await practice.eventually(lambda: bool(troubled.errors()))
    await practice.waiting_patient(invitation, "Second")
    await practice.entry(desk, "Second")
    assert {entry["name"] for entry in desk.last("lobby")["entries"]} == {"First", "Second"}
    assert set(troubled.errors()) == {("list not shown", "RuntimeError")}


async def test_a_crash_between_the_last_leave_and_the_end_leaves_no_open_call(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    async with practice.database.transaction() as tx:
        await rows.add_call(tx, Call(CallId("cal_lost"), consultation.id, practice.clock()))
    await practice.restart()
    async with practice.database.reading() as tx:
        assert (await tx.execute(select(calls.c.reason))).scalar_one() == "hung_up"
    await (await practice.host(claire, consultation)).expect("offer")


async def session_row(practice: Practice, **known: Any) -> SessionRow:
    """Leave a session in the database as a crash would have."""
    at = practice.clock()
    token = new_id(Prefix.SESSION)
    role = Seat.PATIENT if "admission" in known else Seat.PRACTITIONER
    fields = {"consultation": None, "practitioner": None, "admission": None, **known}
    row = SessionRow(id=SessionId(token), token_hash=digest(token), role=role, created_at=at, last_seen_at=at, **fields)
    async with practice.database.transaction() as tx:
        await rows.add_session(tx, row)
    return row


async def test_after_a_crash_of_two_sessions_of_one_place_the_newer_one_counts(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    _, ticket = await practice.waiting_patient(invitation)
    place = await practice.lobby.admission_of_ticket(ticket, practice.clock())
    practice.clock.advance(seconds=1)
    newer = await session_row(practice, consultation=consultation.id, admission=place.id)
    older = practice.pages[-1].session
    await practice.restart()
    page = await practice.page().open(type="resume", session=older)
    await page.expect("displaced", how="same_person")
    page = await practice.page().open(type="resume", session=newer.id)
    await page.expect("waiting", ticket=ticket)


async def test_after_a_crash_a_session_that_never_got_its_seat_begins_anew(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    lost = await session_row(practice, consultation=consultation.id, practitioner=claire.id)
    await practice.restart()
    page = await practice.page(claire).open(type="resume", session=lost.id)
    await page.expect("problem", code="session_unknown")


async def test_after_a_crash_one_who_waits_without_a_session_is_off_the_list_in_time(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    await practice.lobby.arrive(consultation.id, "Jean Dupont", "ok", "ok", practice.clock())
    desk = await practice.desk(claire)
    await practice.entry(desk, "Jean Dupont", connected=False)
    practice.clock.advance(minutes=2)
    await practice.waiting_patient(invitation, "Ana")
    await practice.entry(desk, "Ana")
    assert [entry["name"] for entry in desk.last("lobby")["entries"]] == ["Ana"]


async def test_after_a_crash_one_who_entered_without_a_seat_waits_again(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    patient, ticket = await practice.waiting_patient(invitation)
    place = await practice.lobby.admission_of_ticket(ticket, practice.clock())
    await practice.lobby.admit(place.id, place.version, claire.id, practice.clock())
    await practice.lobby.enter(place.id, practice.clock())
    await practice.restart()
    resumed = await practice.page().open(type="resume", session=patient.session)
    await resumed.expect("problem", code="session_unknown")
    back = await practice.patient(invitation, ticket=ticket)
    await back.expect("waiting")
    assert practice.engine.legs == {}


async def test_a_restart_without_a_worker_knows_the_calls_all_the_same(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, _ = await practice.call(claire, consultation, invitation)
    await practice.stop()
    practice.engine.available = False
    await practice.start()
    host._url = practice.url
    await host.resume()
    await host.until("peer", present=True, connected=False)
    practice.engine.available = True
    await host.send("leave")
    await host.expect("ended", reason="hung_up")
