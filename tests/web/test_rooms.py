"""The room's page, the patient's page, and what an invitation leads to (CLI-1, CLI-8, CLI-9)."""

from datetime import timedelta

import pytest

from agenda.consultation import JoinWindow


async def invited(practice, **by):
    consultation = await practice.plan(**by)
    return consultation, await practice.lobby.invite(consultation.id, practice.at)


async def test_the_room_knows_its_consultation(practice, page_data):
    consultation, token = await invited(practice)
    html = await (await practice.get(f"/consultations/{consultation.id}", await practice.as_(practice.owner))).text()
    data = page_data(html)
    catalogue = data.pop("catalogue")
    assert isinstance(catalogue, dict)
    assert data == {
        "lang": "fr",
        "page": "room",
        "consultation": consultation.id,
        "practitioner": "Dr Anne Martin",
        "patient_name": "Jeanne Dupont",
        "starts_at": "2026-03-10T10:00:00+01:00",
        "minutes": 30,
        "invitation_url": f"{practice.origin}/join#{token}",
        "priced": False,
    }


async def test_the_patients_page_knows_nothing_and_reads_no_query(practice, page_data):
    _, token = await invited(practice)
    pages = [await (await practice.get(path)).text() for path in ("/join", f"/join?invitation={token}")]
    assert token not in pages[1]
    assert set(page_data(pages[0])) == {"lang", "page", "catalogue"}


async def test_an_invitation_tells_what_it_leads_to(practice):
    _, token = await invited(practice)
    answer = await practice.script("/join/look", {"invitation": token})
    assert answer.status == 200
    assert await answer.json() == {
        "practitioner": "Dr Anne Martin",
        "patient_name": "Jeanne Dupont",
        "starts_at": "2026-03-10T09:00:00Z",
        "minutes": 30,
        "opens_at": "2026-03-10T08:30:00Z",
        "closes_at": "2026-03-10T10:00:00Z",
        "obstacles": [],
    }


async def test_the_patient_is_named_only_while_the_link_may_still_lead_to_the_consultation(practice):
    consultations = [await invited(practice, minutes=20) for _ in range(3)]
    await practice.agenda.cancel(consultations[0][0].id, practice.at)
    await practice.agenda.end(consultations[1][0].id, practice.at)

    async def names():
        looks = [
            await (await practice.script("/join/look", {"invitation": token})).json() for _, token in consultations
        ]
        assert {look["practitioner"] for look in looks} == {"Dr Anne Martin"}
        assert {look["starts_at"] for look in looks} == {"2026-03-10T09:20:00Z"}
        return [look["patient_name"] for look in looks]

    assert await names() == [None, None, "Jeanne Dupont"]
    practice.later(minutes=80)
    assert await names() == [None, None, None]
    practice.later(minutes=-200)
    assert await names() == [None, None, "Jeanne Dupont"]


@pytest.mark.parametrize(
    ("minutes_later", "obstacles"),
    [(-31, ["too_early"]), (-30, []), (0, []), (59, []), (60, ["too_late"])],
)
async def test_the_doors_are_open_within_the_window(practice, minutes_later, obstacles):
    _, token = await invited(practice)
    practice.later(minutes=minutes_later)
    assert (await (await practice.script("/join/look", {"invitation": token})).json())["obstacles"] == obstacles


async def test_both_bounds_of_the_window_are_settings(opened):
    practice = await opened(join_window=JoinWindow(before=timedelta(minutes=5), after=timedelta(minutes=10)))
    _, token = await invited(practice, hours=1)
    look = await (await practice.script("/join/look", {"invitation": token})).json()
    assert (look["opens_at"], look["closes_at"]) == ("2026-03-10T09:55:00Z", "2026-03-10T10:40:00Z")


async def test_the_state_shown_and_the_gate_agree_at_the_last_moment(practice):
    consultation, token = await invited(practice)
    practice.later(minutes=60)
    look = await (await practice.script("/join/look", {"invitation": token})).json()
    key = await practice.key(practice.owner)
    read = await (await practice.get(f"/api/consultations/{consultation.id}", key)).json()
    assert (look["obstacles"], read["state"]) == (["too_late"], "past")


async def test_every_invitation_that_is_none_gets_the_same_answer(practice):
    consultation, token = await invited(practice)
    await practice.lobby.revoke(consultation.id, practice.at)
    answers = [
        await practice.script("/join/look", {"invitation": text})
        for text in (token, "x", token[:-1], consultation.id, "é\u0000", "a" * 256)
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({await answer.text() for answer in answers}) == 1


async def test_looking_again_and_again_is_slowed_per_address(practice):
    _, token = await invited(practice)
    here, there = ({"X-Forwarded-For": address} for address in ("203.0.113.1", "203.0.113.2"))
    statuses = [(await practice.script("/join/look", {"invitation": token}, here)).status for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    refused = await practice.script("/join/look", {"invitation": token}, here)
    assert refused.headers["Retry-After"] == "1"
    assert (await refused.json())["code"] == "too_many"
    assert (await practice.script("/join/look", {"invitation": token}, there)).status == 200
    practice.later(seconds=1)
    assert (await practice.script("/join/look", {"invitation": token}, here)).status == 200
