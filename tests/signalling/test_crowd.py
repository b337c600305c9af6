"""What one link in many hands can do: little, and nothing to anybody else."""

from pathlib import Path

import aiohttp
import pytest

from lobby.admission import MOST_WAITING
from signalling.io.heartbeat import SocketSettings
from signalling.io.lobby_board import LONGEST_LIST
from signalling.knock_limit import KnockLimit
from tests.signalling.page import ORIGIN
from tests.signalling.practice import DEVICES, Practice


async def test_one_invitation_fills_its_waiting_room_and_no_more(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    _, other = await practice.consultation(claire)
    desk = await practice.desk(claire)
    tickets = [(await practice.waiting_patient(invitation, f"Jean {number}"))[1] for number in range(MOST_WAITING)]
    refused = await practice.patient(invitation, "One too many")
    await refused.expect("problem", code="busy")
    assert await refused.closed() == 4004
    # Who has a place keeps it, and other consultations are not concerned.
    await (await practice.patient(invitation, ticket=tickets[0])).expect("waiting")
    await practice.waiting_patient(other, "Ana")
    await practice.entry(desk, "Ana")
    assert len(desk.last("lobby")["entries"]) == MOST_WAITING + 1
    # A place that becomes free is anybody's.
    entry = await practice.entry(desk, "Jean 1")
    await desk.send("decline", admission=entry["admission"], version=entry["version"])
    await desk.settled()
    await practice.waiting_patient(invitation, "One more")


async def test_one_who_left_does_not_come_back_into_a_full_waiting_room(practice: Practice) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    page, ticket = await practice.waiting_patient(invitation)
    await page.send("leave")
    await page.closed()
    for number in range(MOST_WAITING):
        await practice.waiting_patient(invitation, f"Jean {number}")
    await (await practice.patient(invitation, ticket=ticket)).expect("problem", code="busy")


async def test_knocks_on_one_consultation_are_limited_and_those_with_a_place_are_not_kept_out(tmp_path: Path) -> None:
    practice = await Practice.open(tmp_path, knocks=lambda: KnockLimit(0, 3))
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    _, other = await practice.consultation(claire)
    _, ticket = await practice.waiting_patient(invitation)
    for _ in range(2):
        page, _ = await practice.waiting_patient(invitation)
    refused = await practice.patient(invitation)
    await refused.expect("problem", code="busy")
    assert await refused.closed() == 4004
    await (await practice.patient(invitation, ticket=ticket)).expect("waiting")
    await practice.waiting_patient(other)
    assert page.close_code is None
    await practice.close()


def test_knocks_are_allowed_again_with_time_and_each_link_has_its_own_limit() -> None:
    limit = KnockLimit(1, 2)
    assert [limit.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert limit.take("b", 0.0)
    assert [limit.take("a", 1.0) for _ in range(2)] == [True, False]


def test_of_many_knocks_on_many_doors_those_of_late_are_remembered() -> None:
    limit = KnockLimit(0.001, 1)
    for number in range(3000):
        limit.take(f"door {number}", number / 10)
        assert limit.take("mine", number / 10) == (number == 0)
    assert len(limit._buckets) <= 1024


async def test_the_list_sent_to_a_practitioner_holds_the_oldest_entries_only(practice: Practice) -> None:
    claire = await practice.practitioner()
    per_consultation = MOST_WAITING
    for number in range(LONGEST_LIST // per_consultation + 1):
        consultation, _ = await practice.consultation(claire)
        for place in range(per_consultation):
            name = f"Jean {number * per_consultation + place}"
            await practice.lobby.arrive(consultation.id, name, "ok", "ok", practice.clock())
        practice.clock.advance(seconds=1)
    desk = await practice.desk(claire)
    entries = desk.last("lobby")["entries"]
    assert len(entries) == LONGEST_LIST
    assert {entry["name"] for entry in entries} == {f"Jean {number}" for number in range(LONGEST_LIST)}


async def test_devices_that_did_not_change_are_not_written(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    patient, _ = await practice.waiting_patient(invitation)

    async def fail(*_: object) -> None:
        raise AssertionError("written")

    monkeypatch.setattr(practice.lobby, "set_devices", fail)
    for _ in range(5):
        await patient.send("devices", devices=DEVICES)
    await patient.settled()
    await practice.reception.look_around()
    assert patient.close_code is None
    assert "problem" not in patient.kinds()


async def test_devices_that_change_too_often_are_written_once_a_round_and_the_last_counts(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    claire = await practice.practitioner()
    _, invitation = await practice.consultation(claire)
    desk = await practice.desk(claire)
    patient, _ = await practice.waiting_patient(invitation)
    written: list[str] = []
    set_devices = practice.lobby.set_devices

    async def note(admission: str, camera: str, microphone: str) -> None:
        written.append(camera)
        await set_devices(admission, camera, microphone)

    monkeypatch.setattr(practice.lobby, "set_devices", note)
    for camera in ("off", "missing", "off", "denied", "missing"):
        await patient.send("devices", devices={"camera": camera, "microphone": "ok"})
    await patient.settled()
    assert written == ["off"]
    await practice.reception.look_around()
    assert written == ["off", "missing"]
    await practice.entry(desk, "Jean Dupont", devices={"camera": "missing", "microphone": "ok"})
    await patient.send("devices", devices={"camera": "ok", "microphone": "ok"})
    await patient.settled()
    for _ in range(3):
        await practice.reception.look_around()
    assert written == ["off", "missing", "ok"]
    assert "problem" not in patient.kinds()


async def test_ice_restarts_that_are_asked_for_too_often_are_done_once_a_round(practice: Practice) -> None:
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    for _ in range(10):
        await patient.send("restart_ice")
    await patient.settled()
    restarts = {leg.seat: leg for leg in practice.engine.legs.values()}["patient"]
    assert restarts.restarts == 1
    for _ in range(3):
        await practice.reception.look_around()
    assert restarts.restarts == 2
    await practice.calm(host, patient)
    assert "problem" not in patient.kinds()


async def test_an_address_with_too_many_sockets_gets_no_further_one_until_one_is_closed(tmp_path: Path) -> None:
    practice = await Practice.open(tmp_path, SocketSettings(most_per_address=2))
    claire = await practice.practitioner()
    desks = [await practice.desk(claire) for _ in range(2)]
    for _ in range(2):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await practice._client.ws_connect(practice.url, headers={"Origin": ORIGIN})
        assert refused.value.status == 429
    assert [desk.close_code for desk in desks] == [None, None]
    await desks[0].close()
    await practice.vanish(desks[1])
    await practice.eventually(lambda: practice.websockets._sockets._open == {})
    for _ in range(2):
        await practice.desk(claire)
    await practice.close()
