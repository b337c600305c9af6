"""Two seats, whatever comes: tabs, browsers, races, leaves. Over 300 lines: each of them is a walk of its own."""

import asyncio
import random
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from lobby.admission import MOST_WAITING
from signalling.io.heartbeat import SocketSettings
from signalling.io.tables import calls, seats
from signalling.knock_limit import KnockLimit
from store.ids import CallId
from tests.signalling.page import Page
from tests.signalling.practice import SENDING, Practice

NOBODY = "adm_aaaaaaaaaaaaaaaaaaaaaa"


async def rows_of(practice: Practice) -> list[tuple[str, str]]:
    async with practice.database.reading() as tx:
        found = await tx.execute(select(seats.c.seat, seats.c.leg).order_by(seats.c.seat))
        return [(row.seat, row.leg) for row in found.all()]


async def test_same_browser_in_a_second_tab_takes_the_seat_over(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, first = await practice.call(claire, consultation, invitation)
    ticket = first.last("admitted")["ticket"]
    second = await practice.patient(invitation, ticket=ticket)
    await first.expect("displaced", how="same_person")
    assert await first.closed() == 4001
    await second.expect("admitted")
    assert (await second.expect("offer"))["fresh"] is True
    await second.until("peer", connected=True)
    await practice.calm(host, second)
    assert "waiting" not in second.kinds()
    assert host.last("peer")["connected"] is True
    assert host.last("lobby")["entries"] == []
    assert len(practice.engine.legs) == 2


async def test_same_browser_in_a_second_tab_takes_the_place_over_while_waiting(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    first, ticket = await practice.waiting_patient(invitation)
    second = await practice.patient(invitation, ticket=ticket)
    await second.expect("waiting")
    await first.expect("displaced", how="same_person")
    assert await first.closed() == 4001
    await practice.calm(desk)
    await practice.entry(desk, "Jean Dupont", connected=True)
    assert len(desk.last("lobby")["entries"]) == 1


async def test_the_practitioners_second_tab_takes_the_seat_over(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    first, patient = await practice.call(claire, consultation, invitation)
    second = await practice.host(claire, consultation)
    await first.expect("displaced", how="same_person")
    assert await first.closed() == 4001
    assert (await second.expect("offer"))["fresh"] is True
    await practice.calm(second, patient)
    assert patient.last("peer")["connected"] is True
    assert patient.last("call")["state"] == second.last("call")["state"] == "live"
    assert len(practice.engine.legs) == 2


async def test_another_browser_with_the_same_link_waits_and_admitting_it_moves_the_seat(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, first = await practice.call(claire, consultation, invitation)
    second, _ = await practice.waiting_patient(invitation, "Jean's phone")
    await practice.entry(host, "Jean's phone", same_link=True)
    assert first.close_code is None
    await practice.admit(host, "Jean's phone")
    await first.expect("displaced", how="moved")
    assert await first.closed() == 4001
    await second.expect("admitted")
    await second.until("peer", connected=True)
    await practice.calm(host, second)
    assert host.last("peer")["name"] == "Jean's phone"
    assert len(practice.engine.legs) == 2
    # The one who lost it may wait again, and is seen for what it is.
    back = await practice.patient(invitation, ticket=first.last("admitted")["ticket"])
    await back.expect("waiting")
    await practice.entry(host, "Jean Dupont", same_link=True)


async def test_a_third_person_gets_no_seat_while_two_talk(practice: Practice) -> None:
    """DAT-12."""
    claire = await practice.practitioner()
    paul = await practice.practitioner("Dr Paul Petit", "paul@example.org")
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    stranger = await practice.host(paul, consultation)
    await stranger.expect("problem", code="not_found")
    third, _ = await practice.waiting_patient(invitation, "Somebody")
    await third.send("answer", negotiation=1, sdp="answer")
    await third.expect("problem", code="stale")
    await practice.calm(host, patient, third)
    assert "offer" not in third.kinds()
    assert stranger.kinds() == ["problem"]
    assert host.last("call")["state"] == patient.last("call")["state"] == "live"
    assert len(practice.engine.opened) == 2


async def test_foreign_and_unknown_ids_are_not_found(practice: Practice) -> None:
    claire = await practice.practitioner()
    paul = await practice.practitioner("Dr Paul Petit", "paul@example.org")
    consultation, invitation = await practice.consultation(claire)
    mine, theirs = await practice.desk(claire), await practice.desk(paul)
    patient, _ = await practice.waiting_patient(invitation)
    entry = await practice.entry(mine, "Jean Dupont")
    for admission in (entry["admission"], NOBODY):
        for decision in ("admit", "decline"):
            await theirs.send(decision, admission=admission, version=entry["version"])
            await theirs.expect("problem", code="not_found")
    openings = (
        {"type": "enter", "consultation": "con_aaaaaaaaaaaaaaaaaaaaaa", "sending": SENDING},
        {"type": "enter", "consultation": consultation.id, "sending": SENDING},
        {"type": "knock", "invitation": "no-such-invitation", "name": "X"},
    )
    for opening in openings:
        page = await practice.page(paul).open(**opening)
        await page.expect("problem", code="not_found")
        assert await page.closed() == 4004
    await practice.calm(patient)
    assert patient.kinds() == ["welcome", "waiting"] + ["waiting"] * (len(patient.kinds()) - 2)


async def test_a_patient_cannot_do_what_the_practitioner_does(practice: Practice) -> None:
    """CLI-24."""
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    entry = await practice.entry(desk, "Jean Dupont")
    for decision in ("admit", "decline"):
        await patient.send(decision, admission=entry["admission"], version=entry["version"])
        await patient.expect("problem", code="not_found")
    assert "lobby" not in patient.kinds()
    for opening in ({"type": "attend"}, {"type": "enter", "consultation": entry["consultation"]}):
        page = await practice.page().open(**opening)
        await page.expect("problem", code="log_in")
        assert await page.closed() == 4004


@pytest.mark.timeout(300)
@pytest.mark.parametrize("most_waiting", [MOST_WAITING, 300])
async def test_300_racing_joins_leave_one_holder_in_each_seat(tmp_path: Path, most_waiting: int) -> None:
    """Many pages of one link, half of them with a ticket, while two tabs of the practitioner admit whom they see.

    Those beyond the waiting room's limit are told so; with a limit that is never met, all 300 race for the seats.
    """
    practice = await Practice.open(
        tmp_path, SocketSettings(most_per_address=1000), most_waiting, knocks=lambda: KnockLimit(300, 300)
    )
    try:
        with structlog.testing.capture_logs() as log:
            await race_for_the_seats(practice, most_waiting)
    finally:
        await practice.close()
    assert [line for line in log if line["log_level"] == "error"] == []


async def race_for_the_seats(practice: Practice, most_waiting: int) -> None:
    dice = random.Random(7)  # noqa: S311  # to be repeated, not secret
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    tickets = [(await practice.waiting_patient(invitation, f"Early {number}"))[1] for number in range(4)]
    desk = await practice.desk(claire)
    stop = asyncio.Event()

    async def admit_all(page: Page) -> None:
        while not stop.is_set():
            for entry in page.last("lobby")["entries"][:3]:
                await page.send("admit", admission=entry["admission"], version=entry["version"])
            await page.settled()
            # Below the limit on messages, however fast the machine.
            await asyncio.sleep(0.25)

    async def join(number: int) -> Page | None:
        await asyncio.sleep(dice.random() * 2)
        if number % 30 == 0:
            return await practice.host(claire, consultation)
        ticket = dice.choice(tickets) if number % 2 else None
        page = await practice.patient(invitation, f"Jean {number}", ticket)
        await practice.eventually(lambda: bool(page.heard))
        if page.kinds()[0] == "problem":
            assert page.heard == [{"type": "problem", "code": "busy"}]
            assert await page.closed() == 4004
            return None
        await page.expect("welcome")
        return page

    async def waiting_room_keeps_its_limit() -> None:
        while not stop.is_set():
            assert len(await practice.lobby.waiting([consultation.id])) <= most_waiting
            await asyncio.sleep(0.05)

    admitting = [asyncio.create_task(admit_all(page)) for page in (desk, await practice.desk(claire))]
    watching = asyncio.create_task(waiting_room_keeps_its_limit())
    pages = await asyncio.gather(*(join(number) for number in range(300)))
    stop.set()
    await asyncio.gather(*admitting, watching)
    assert most_waiting == MOST_WAITING or None not in pages
    await practice.calm(desk)

    def sits(page: Page | None) -> bool:
        return page is not None and page.close_code is None and "offer" in page.kinds()

    seated = [page for page in [*pages, *practice.pages] if sits(page)]
    await practice.calm(*set(seated))
    seated = [page for page in set(seated) if sits(page)]
    assert sorted(page.last("welcome")["role"] for page in seated) == ["patient", "practitioner"]
    taken = await rows_of(practice)
    assert [seat for seat, _ in taken] == ["patient", "practitioner"]
    assert {leg for _, leg in taken} == set(practice.engine.legs)
    assert len(practice.engine.legs) == 2
    assert practice.engine.most_legs_of_a_call == 2
    assert len(practice.engine.opened) > 4
    assert {page.last("call")["state"] for page in seated} == {"live"}


async def test_a_reload_of_the_host_alone(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    first = await practice.host(claire, consultation)
    await first.expect("offer")
    await first.close()
    second = await practice.host(claire, consultation)
    assert (await second.expect("offer"))["fresh"] is True
    await practice.waiting_patient(invitation)
    await practice.admit(second)
    await second.until("peer", connected=True)
    assert len(practice.engine.legs) == 2


async def test_a_reload_of_either_side_in_a_call_needs_no_new_admission(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    live_since = host.last("call")["live_since"]
    practice.clock.advance(seconds=30)
    await patient.close()
    patient = await practice.patient(invitation, ticket=patient.last("admitted")["ticket"])
    await patient.until("peer", connected=True)
    await practice.calm(host, patient)
    await host.close()
    host = await practice.host(claire, consultation)
    await host.until("peer", connected=True)
    await practice.calm(host, patient)
    assert "waiting" not in patient.kinds()
    assert host.last("call") == patient.last("call") == {"type": "call", "state": "live", "live_since": live_since}
    assert len(practice.engine.legs) == 2


async def test_a_reload_after_the_window_closed_takes_the_seat_of_a_call_that_runs_over(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    practice.clock.advance(minutes=70)
    await practice.reception.look_around()
    await practice.calm(host, patient)
    patient = await practice.patient(invitation, ticket=patient.last("admitted")["ticket"])
    await patient.until("peer", connected=True)
    host = await practice.host(claire, consultation)
    await host.until("peer", connected=True)
    await (await practice.patient(invitation, "Late")).expect("not_yet", obstacles=["too_late"])


async def test_the_patients_leave_frees_the_seat_and_the_practitioner_stays(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await patient.send("leave")
    assert await patient.closed() == 4002
    assert patient._unacked == []
    await host.until("peer", present=False, connected=False)
    await practice.calm(host)
    assert host.last("call")["state"] == "interrupted"
    assert [leg.seat for leg in practice.engine.legs.values()] == ["practitioner"]
    back = await practice.patient(invitation, ticket=patient.last("admitted")["ticket"])
    await back.expect("waiting")
    await practice.admit(host)
    await host.until("call", state="live")


async def test_the_practitioners_leave_ends_the_call_for_both(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await host.send("leave")
    for page in (host, patient):
        await page.expect("ended", reason="hung_up", by="practitioner")
        assert await page.closed() == 4002
    await practice.eventually(lambda: practice.engine.legs == {})
    assert await rows_of(practice) == []
    async with practice.database.reading() as tx:
        row = (await tx.execute(select(calls))).one()
    assert (row.state, row.reason, row.ended_at) == ("ended", "hung_up", practice.clock())
    # The consultation may be entered again, and the patient's ticket leads to the waiting room.
    again = await practice.host(claire, consultation)
    await again.until("call", state="open", live_since=None)
    back = await practice.patient(invitation, ticket=patient.last("admitted")["ticket"])
    await back.expect("waiting")


async def test_a_patient_admitted_from_the_desk_sits_alone_until_the_practitioner_enters(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    await practice.admit(desk)
    await patient.until("call", state="open")
    await patient.expect("offer", fresh=True)
    host = await practice.host(claire, consultation)
    await host.until("peer", present=True)
    await patient.until("peer", connected=True)
    await practice.calm(host, patient)
    assert patient.last("call")["state"] == host.last("call")["state"] == "live"


async def test_the_last_one_to_leave_ends_the_call(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    await practice.admit(desk)
    await patient.expect("offer")
    await patient.send("leave")
    assert await patient.closed() == 4002
    await practice.eventually(lambda: practice.engine.legs == {})
    async with practice.database.reading() as tx:
        assert (await tx.execute(select(calls.c.reason))).scalar_one() == "hung_up"


async def test_who_leaves_the_waiting_room_is_off_the_list(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, ticket = await practice.waiting_patient(invitation)
    await practice.entry(desk, "Jean Dupont")
    await patient.send("leave")
    assert await patient.closed() == 4002
    await desk.expect("lobby", entries=[])
    await (await practice.patient(invitation, ticket=ticket)).expect("waiting")
    await practice.entry(desk, "Jean Dupont")


async def test_what_one_sends_is_told_to_the_other(practice: Practice) -> None:
    """CLI-16..23: mute, camera, screen share."""
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    sharing = {"microphone": False, "camera": True, "screen": True}
    await patient.send("sending", sending=sharing)
    await host.until("peer", sending=sharing)
    await host.send("sending", sending=sharing)
    await patient.until("peer", sending=sharing)


async def test_logging_out_closes_the_sockets_and_the_media(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    await practice.reception.revoke_practitioner(claire.id)
    assert await host.closed() == await desk.closed() == 4003
    await patient.until("peer", present=True, connected=False)
    await practice.calm(patient)
    assert [leg.seat for leg in practice.engine.legs.values()] == ["patient"]
    # Neither the session nor its leg comes back by itself.
    resumed = practice.page(claire)
    await resumed.open(type="resume", session=host.session)
    await resumed.expect("problem", code="session_unknown")
    practice.clock.advance(seconds=30)
    await practice.reception.look_around()
    await practice.engine.heard()
    assert len(practice.engine.legs) == 1
    # Logged in again, the seat is still theirs.
    host = await practice.host(claire, consultation)
    await host.until("peer", connected=True)
    await patient.until("peer", connected=True)


async def test_a_logged_out_browser_cannot_resume_a_practitioners_session(practice: Practice) -> None:
    claire = await practice.practitioner()
    desk = await practice.desk(claire)
    thief = practice.page()
    await thief.open(type="resume", session=desk.session)
    await thief.expect("problem", code="session_unknown")
    assert desk.close_code is None


async def test_one_call_of_a_consultation_is_open_at_most(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    for _ in range(3):
        host = await practice.host(claire, consultation)
        await host.expect("offer")
        await host.send("leave")
        await host.closed()
    async with practice.database.reading() as tx:
        found = [CallId(row.id) for row in (await tx.execute(select(calls.c.id))).all()]
    assert len(set(found)) == 3
