"""The practitioner's desk: the live waiting list and the day's consultations."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import CONSULTATION, EMPTY_FORM, INVITATION, StandIn, entry
from tests.web.pages.walks import FR

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PARIS = ZoneInfo("Europe/Paris")


def planned(site: StandIn, name: str, at: datetime, state: str = "open", id: str = CONSULTATION) -> SimpleNamespace:  # noqa: A002
    link = state in {"open", "planned"}
    return SimpleNamespace(
        id=id,
        patient_name=name,
        starts_at=at,
        minutes=30,
        state=state,
        invitation_url=f"{site.url}/join#{INVITATION}" if link else "",
        room_url=f"/consultations/{id}",
        qr_url=f"/desk/consultations/{id}/invitation.svg" if link else "",
        price=None,
    )


async def test_without_consultations_it_says_what_to_do(page: Page, site: StandIn) -> None:
    await page.goto("/desk")
    socket = await site.talk.welcomed()
    assert socket.opening == {"type": "attend"}
    await socket.say("lobby", entries=[])
    await expect(page.get_by_text("Aucune téléconsultation n’est prévue.")).to_be_visible()
    await expect(page.get_by_text("Personne n’attend.")).to_be_visible()


async def test_days_are_named_in_the_practitioners_zone(page: Page, site: StandIn) -> None:
    now = datetime.now(PARIS)
    site.consultations = [planned(site, "Jean Dupont", now), planned(site, "Lucie", now + timedelta(days=1), "planned")]
    await page.goto("/desk")
    await expect(page.get_by_role("heading", level=3).first).to_contain_text("Aujourd’hui, ")
    await expect(page.get_by_role("heading", level=3).last).to_contain_text("Demain, ")
    await expect(page.get_by_role("link", name="Ouvrir la salle (Jean Dupont)")).to_be_visible()


async def test_admitting_goes_to_the_room_and_admits_there(page: Page, site: StandIn) -> None:
    site.consultations = [planned(site, "Jean Dupont", datetime.now(PARIS).replace(hour=14, minute=0))]
    await page.goto("/desk")
    socket = await site.talk.welcomed()
    await socket.say("lobby", entries=[entry()])
    await expect(page.get_by_text("rendez-vous de 14:00")).to_be_visible()
    await expect(page).to_have_title("(1) Jean Dupont attend")
    await page.get_by_role("button", name="Accepter Jean Dupont").click()
    room = await site.talk.welcomed()
    assert room.opening["type"] == "enter"
    assert page.url.endswith(f"/consultations/{CONSULTATION}")
    await room.say("lobby", entries=[entry(version=7)])
    assert await room.hear("admit") == {"type": "admit", "admission": entry()["admission"], "version": 7}
    await page.reload()
    again = await site.talk.welcomed()
    await again.say("lobby", entries=[entry(version=8)])
    await page.get_by_role("button", name=FR["decline"]).click()
    await again.hear("decline")
    assert [frame["body"]["version"] for frame in site.talk.frames if is_admit(frame)] == [7]


def is_admit(frame: dict[str, Any]) -> bool:
    return bool((frame.get("body") or {}).get("type") == "admit")


async def test_declining_and_a_lost_connection(page: Page, site: StandIn) -> None:
    await page.goto("/desk")
    socket = await site.talk.welcomed()
    await socket.say("lobby", entries=[entry(version=2)])
    await page.get_by_role("button", name=FR["decline"]).click()
    assert (await socket.hear("decline"))["version"] == 2
    await socket.drop()
    await expect(page.get_by_text(FR["reconnecting"])).to_be_visible()
    again = await site.talk.arrival()
    await again.greet(resumed=True)
    await expect(page.get_by_text(FR["reconnecting"])).to_have_count(0)


async def test_a_log_out_elsewhere_is_told(page: Page, site: StandIn) -> None:
    await page.goto("/desk")
    socket = await site.talk.welcomed()
    await socket.drop(4003)
    await expect(page.get_by_text("Votre session a pris fin.")).to_be_visible()
    await expect(page.get_by_role("link", name="Se connecter")).to_be_visible()


async def test_the_time_is_asked_for_only_when_it_is_not_now(page: Page, site: StandIn) -> None:
    await page.goto("/desk")
    field = page.get_by_label("Date et heure")
    await expect(field).to_be_hidden()
    await page.get_by_label("Plus tard").check()
    await expect(field).to_be_visible()
    value = await field.input_value()
    assert datetime.fromisoformat(value).minute in {0, 30}
    await page.get_by_label("Nom du patient").fill("Jean Dupont")
    await page.get_by_role("button", name="Créer").click()
    await page.wait_for_url("**/desk")
    form = {**EMPTY_FORM, "patient_name": "Jean Dupont", "when": "later", "starts_at": value}
    del form["currency"]
    assert site.posted == [("/desk/consultations", form)]


async def test_what_is_wrong_with_the_form_stands_beside_it(page: Page, site: StandIn) -> None:
    site.desk = {"problem": "bad_minutes", "form": {**EMPTY_FORM, "patient_name": "Jean", "minutes": "2"}}
    await page.goto("/desk")
    await expect(page.get_by_role("alert")).to_have_text("Une téléconsultation dure de 5 à 240 minutes.")
    field = page.get_by_label("Durée en minutes")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description("Une téléconsultation dure de 5 à 240 minutes.")


async def test_cancelling_asks_first(page: Page, site: StandIn) -> None:
    site.consultations = [planned(site, "Jean Dupont", datetime.now(PARIS))]
    await page.goto("/desk")
    await page.get_by_role("button", name="Annuler (Jean Dupont)").click()
    dialog = page.get_by_role("dialog", name="Annuler cette téléconsultation")
    await dialog.get_by_role("button", name="La garder").click()
    assert site.posted == []
    await page.get_by_role("button", name="Annuler (Jean Dupont)").click()
    await dialog.get_by_role("button", name="Annuler la téléconsultation").click()
    await page.wait_for_url("**/desk")
    assert [path for path, _ in site.posted] == [f"/desk/consultations/{CONSULTATION}/cancel"]


async def test_alerts_are_allowed_by_a_click(page: Page, site: StandIn) -> None:
    await page.add_init_script(
        """window.shown = [];
        window.Notification = class {
            static permission = "default";
            static async requestPermission() { return (Notification.permission = "granted"); }
            constructor(title) { shown.push(title); }
            close() {}
        };
        document.hasFocus = () => false;"""
    )
    await page.goto("/desk")
    socket = await site.talk.welcomed()
    await socket.say("lobby", entries=[])
    await page.get_by_role("button", name="M’alerter quand quelqu’un arrive").click()
    await expect(page.get_by_text("Un carillon vous prévient quand quelqu’un arrive.")).to_be_visible()
    await socket.say("lobby", entries=[entry()])
    await page.wait_for_function("() => shown.length === 1")
    assert await page.evaluate("shown") == ["Jean Dupont attend"]
