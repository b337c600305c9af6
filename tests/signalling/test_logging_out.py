"""A log-out is not outrun by what was under way."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from signalling.io import rows
from signalling.io.tables import calls, seats
from tests.signalling.page import ORIGIN
from tests.signalling.practice import SENDING, Practice


async def test_one_who_logged_out_between_the_upgrade_and_the_opening_message_is_not_let_in(
    practice: Practice,
) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    headers = {"Origin": ORIGIN, "X-Practitioner": claire.id}
    openings = ({"type": "attend"}, {"type": "enter", "consultation": consultation.id, "sending": SENDING})
    sockets = [await practice._client.ws_connect(practice.url, headers=headers) for _ in openings]
    await practice.log_out(claire)
    for ws, opening in zip(sockets, openings, strict=True):
        await ws.send_str(json.dumps({"n": 0, "ack": 0, "body": opening}))
        assert json.loads((await ws.receive()).data)["body"] == {"type": "problem", "code": "log_in"}
        await ws.receive()
        assert ws.close_code == 4004


async def nothing_taken(practice: Practice) -> bool:
    async with practice.database.reading() as tx:
        sitting = (await tx.execute(select(seats.c.seat))).all()
        going_on = (await tx.execute(select(calls.c.id).where(calls.c.ended_at.is_(None)))).all()
    return not sitting and not going_on and not practice.engine.legs


async def test_one_who_logged_out_while_the_room_was_waited_for_gets_nothing(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, _ = await practice.consultation(claire)
    room = practice.reception._services.presence.room(consultation, claire.name)
    async with room.visit():
        host = await practice.host(claire, consultation)
        await practice.eventually(lambda: room._visitors == 2)
        await practice.log_out(claire)
    assert await host.closed() == 4003
    assert host.kinds() == ["welcome"]
    assert practice.engine.opened == []
    assert await nothing_taken(practice)
    practice.logged_out.clear()
    await (await practice.host(claire, consultation)).expect("offer")


async def test_one_who_logged_out_while_the_desk_was_begun_sees_no_list(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    claire = await practice.practitioner()
    add_session = rows.add_session

    async def log_out_meanwhile(*said: Any) -> None:
        await add_session(*said)
        await practice.log_out(claire)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(rows, "add_session", log_out_meanwhile)
        desk = await practice.page(claire).open(type="attend")
        assert await desk.closed() == 4003
    assert desk.kinds() == ["welcome"]
    assert practice.reception.host_state(claire.id) == "absent"


@pytest.mark.parametrize("reloading", [False, True])
async def test_one_who_logged_out_while_the_seat_was_taken_gets_no_leg(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, *, reloading: bool
) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    if reloading:
        earlier, patient = await practice.call(claire, consultation, invitation)
    opened = len(practice.engine.opened)
    take_seat = rows.take_seat

    async def log_out_meanwhile(*said: Any) -> None:
        await take_seat(*said)
        practice.logged_out.add(claire.id)
        practice.reception._services.background.start(practice.reception.revoke_practitioner(claire.id), "log-out")
        practice.reception._services.revocations.note(claire.id)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(rows, "take_seat", log_out_meanwhile)
        host = await practice.host(claire, consultation)
        assert await host.closed() == 4003
    # The room is free again when what was under way is over.
    async with practice.reception._services.presence.room(consultation, claire.name).visit():
        assert len(practice.engine.opened) == opened
    if not reloading:
        assert await nothing_taken(practice)
        return
    assert await earlier.closed() == 4003
    await patient.until("peer", present=True, connected=False)
    await practice.eventually(lambda: [leg.seat for leg in practice.engine.legs.values()] == ["patient"])
    practice.logged_out.clear()
    host = await practice.host(claire, consultation)
    await host.until("peer", connected=True)


async def test_a_log_out_ends_the_pages_of_its_own_browser_only(practice: Practice) -> None:
    claire = await practice.practitioner()
    here, there = [await practice.page(claire, browser).open(type="attend") for browser in ("here", "there")]
    await practice.reception.revoke_practitioner(claire.id, "here")
    assert await here.closed() == 4003
    await practice.calm(there)
    assert there.close_code is None
    await practice.reception.revoke_practitioner(claire.id)
    assert await there.closed() == 4003


async def test_a_page_whose_browser_is_not_known_since_a_restart_ends_with_any_log_out(practice: Practice) -> None:
    claire = await practice.practitioner()
    desk = await practice.desk(claire)
    await practice.restart()
    await practice.reception.revoke_practitioner(claire.id, "another browser")
    resumed = await practice.page(claire).open(type="resume", session=desk.session)
    await resumed.expect("problem", code="session_unknown")


async def test_a_desk_ends_with_its_log_in_and_not_with_one_that_was_renewed(practice: Practice) -> None:
    claire = await practice.practitioner()
    practice.lapsed |= {"an old one", "a lapsed one"}
    lapsed, renewed, present = [
        await practice.page(claire, browser).open(type="attend")
        for browser in ("a lapsed one", "an old one", "a present one")
    ]
    practice.reception.renew_log_in("an old one", "a new one")
    await practice.reception.look_around()
    assert await lapsed.closed() == 4003
    await practice.calm(renewed, present)
    assert renewed.close_code is present.close_code is None
    await practice.reception.revoke_practitioner(claire.id, "a new one")
    assert await renewed.closed() == 4003


async def test_a_call_goes_on_when_the_log_in_lapses(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    practice.lapsed.add("a browser")
    practice.clock.advance(seconds=60)
    await practice.reception.look_around()
    await practice.calm(host, patient)
    assert host.close_code is patient.close_code is None
    assert len(practice.engine.legs) == 2
