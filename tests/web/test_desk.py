"""The desk: what is planned, the form that plans, the patient's link (CLI-1, DAT-9)."""

import re
from datetime import UTC, datetime

import pytest

from web.planning import read_form
from web.problems import Refused


async def plan(practice, **fields):
    own = await practice.as_(practice.owner)
    typed = {"patient_name": "Zoé Petit", "when": "now", "starts_at": "", "minutes": "30", **fields}
    return await practice.form("/desk/consultations", own, **typed)


async def the_only_one(practice):
    found = await practice.agenda.consultations_of(
        practice.owner.id, datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert len(found) == 1
    return found[0]


async def test_a_consultation_for_now_starts_now(practice):
    answer = await plan(practice, minutes="45")
    made = await the_only_one(practice)
    assert (answer.status, answer.headers["Location"]) == (303, f"/desk#{made.id}")
    assert (made.patient_name, made.starts_at, made.minutes) == ("Zoé Petit", practice.at, 45)


async def test_a_consultation_for_later_starts_at_the_practitioners_local_time(practice):
    await plan(practice, when="later", starts_at="2026-04-02T14:30")
    assert (await the_only_one(practice)).starts_at == datetime(2026, 4, 2, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"patient_name": " "}, "bad_patient_name"),
        ({"patient_name": "a" * 81}, "bad_patient_name"),
        ({"patient_name": "a\u202eb"}, "bad_patient_name"),
        ({"minutes": "4"}, "bad_minutes"),
        ({"minutes": "241"}, "bad_minutes"),
        ({"minutes": "thirty"}, "bad_minutes"),
        ({"minutes": "-30"}, "bad_minutes"),
        ({"minutes": "٣٠"}, "bad_minutes"),
        ({"minutes": ""}, "bad_minutes"),
        ({"minutes": "9" * 5000}, "bad_minutes"),
        ({"when": "later", "starts_at": ""}, "bad_time"),
        ({"when": "later", "starts_at": "tomorrow"}, "bad_time"),
        ({"when": "later", "starts_at": "2026-03-29T02:30"}, "no_such_time"),
        ({"when": "later", "starts_at": "2026-03-10T08:00"}, "bad_start"),
        ({"when": "later", "starts_at": "2027-03-20T08:00"}, "bad_start"),
    ],
    ids=str,
)
async def test_what_cannot_be_planned_is_said_and_what_was_typed_is_kept(practice, fields, problem):
    typed = {"patient_name": "Zoé Petit", "when": "now", "minutes": "30", **fields}
    with pytest.raises(Refused) as refused:
        read_form(typed, "Europe/Paris", practice.at)
    assert refused.value.code == problem
    answer = await plan(practice, **typed)
    assert answer.status == 422
    text = await answer.text()
    if fields.get("patient_name") is None:
        assert "Zoé Petit" in text
    assert not (
        await practice.agenda.consultations_of(practice.owner.id, practice.at, datetime.max.replace(tzinfo=UTC))
    )


async def test_a_form_with_unknown_or_missing_fields_crashes_nothing(practice):
    own = await practice.as_(practice.owner)
    assert (await practice.form("/desk/consultations", own)).status == 422
    assert (await practice.form("/desk/consultations", own, strange="1", when="never")).status == 422


async def test_the_desk_shows_ones_own_of_today_and_the_coming_ones(practice, page_data):
    names = {
        "earlier today": {"hours": -1},
        "now": {},
        "next month": {"days": 30},
        "in a year": {"days": 365},
    }
    for name, by in names.items():
        await practice.plan(name=name, **by)
    await practice.plan(practice.other, name="another's")
    practice.later(hours=2)
    html = await (await practice.get("/desk", await practice.as_(practice.owner))).text()
    assert [one["patient_name"] for one in page_data(html)["consultations"]] == list(names)
    practice.later(days=1)
    html = await (await practice.get("/desk", await practice.as_(practice.owner))).text()
    assert [one["patient_name"] for one in page_data(html)["consultations"]] == ["next month", "in a year"]


async def test_one_that_began_before_midnight_and_is_still_open_is_shown(practice, page_data):
    practice.at = datetime(2026, 3, 10, 22, 50, tzinfo=UTC)  # 23:50 in Paris
    await practice.plan(name="late")
    practice.later(minutes=20)
    own = await practice.as_(practice.owner)
    assert len(page_data(await (await practice.get("/desk", own)).text())["consultations"]) == 1
    practice.later(hours=1)
    assert page_data(await (await practice.get("/desk", own)).text())["consultations"] == []


async def test_the_link_shown_is_the_patients_and_stays_the_same(practice, page_data):
    consultation = await practice.plan()
    own = await practice.as_(practice.owner)
    links = [
        page_data(await (await practice.get("/desk", own)).text())["consultations"][0]["invitation_url"]
        for _ in range(2)
    ]
    assert links[0] == links[1]
    base, _, token = links[0].partition("/join#")
    assert base == practice.origin
    assert await practice.lobby.consultation_of(token) == consultation.id


async def test_links_carry_the_public_address_where_there_is_one(opened, page_data):
    practice = await opened(public_url="https://visio.example.org")
    await practice.plan()
    html = await (await practice.get("/desk", await practice.as_(practice.owner))).text()
    link = page_data(html)["consultations"][0]["invitation_url"]
    assert re.fullmatch(r"https://visio\.example\.org/join#[A-Za-z0-9_-]{43}", link)


async def test_a_cancelled_consultation_keeps_no_link_and_lets_nobody_in(practice, page_data):
    consultation = await practice.plan()
    token = await practice.lobby.invite(consultation.id, practice.at)
    own = await practice.as_(practice.owner)
    for _ in range(2):
        answer = await practice.form(f"/desk/consultations/{consultation.id}/cancel", own)
        assert (answer.status, answer.headers["Location"]) == (303, "/desk")
    assert set(practice.cancelled) == {consultation.id}
    html = await (await practice.get("/desk", own)).text()
    assert page_data(html)["consultations"][0]["invitation_url"] == ""
    assert (await practice.get(f"/desk/consultations/{consultation.id}/invitation.svg", own)).status == 404
    look = await practice.script("/join/look", {"invitation": token})
    assert (await look.json())["obstacles"] == ["cancelled"]


async def test_what_is_over_cannot_be_cancelled(practice):
    consultation = await practice.plan()
    practice.later(hours=2)
    own = await practice.as_(practice.owner)
    assert (await practice.form(f"/desk/consultations/{consultation.id}/cancel", own)).status == 409
    assert (await practice.agenda.consultation(consultation.id)).cancelled_at is None
    assert practice.cancelled == []


async def test_the_qr_code_is_a_picture_without_inline_styles(practice):
    consultation = await practice.plan()
    own = await practice.as_(practice.owner)
    answer = await practice.get(f"/desk/consultations/{consultation.id}/invitation.svg", own)
    assert (answer.status, answer.content_type) == (200, "image/svg+xml")
    assert answer.headers["Cache-Control"] == "no-store"
    picture = await answer.text()
    assert picture.startswith("<svg")
    assert "style" not in picture
    assert "<script" not in picture


async def test_a_name_cannot_break_out_of_the_page_or_of_its_data(practice, page_data):
    hostile = "</script><img src=x onerror=alert(1)>&amp;"
    await practice.plan(name=hostile)
    html = await (await practice.get("/desk", await practice.as_(practice.owner))).text()
    assert "<img src=x" not in html
    assert page_data(html)["consultations"][0]["patient_name"] == hostile
