"""The practitioner's room: who waits, whom to let in, the call, the end. CLI-24, MMP-60."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import CONSULTATION, INVITATION, OTHER_CONSULTATION, StandIn, entry, peer
from tests.web.pages.walks import FR, connect, expect_heading, negotiate, receives, sees_frames, to_room

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

COUNTS_NOTES = """window.notes = 0;
window.OscillatorNode = new Proxy(OscillatorNode, { construct: (kind, parts) => {
    window.notes += 1;
    return new kind(...parts);
} });"""


async def test_enters_at_once_and_offers_the_link_while_alone(page: Page, site: StandIn) -> None:
    await page.goto(f"/consultations/{CONSULTATION}")
    socket = await site.talk.welcomed()
    assert socket.opening["type"] == "enter"
    assert socket.opening["consultation"] == CONSULTATION
    await socket.say("lobby", entries=[])
    await expect(page.get_by_text("Personne n’attend encore.")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Le lien du patient")).to_have_value(f"{site.url}/join#{INVITATION}")
    await sees_frames(page, "self-video")


async def test_the_link_can_be_copied_and_shown_as_a_code(page: Page, site: StandIn) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await to_room(page, site)
    await page.get_by_role("button", name="Copier le lien").click()
    await expect(page.get_by_role("button", name="Lien copié")).to_be_visible()
    assert await page.evaluate("() => navigator.clipboard.readText()") == f"{site.url}/join#{INVITATION}"
    await page.get_by_role("button", name="QR code").click()
    picture = page.get_by_role("img", name="QR code du lien")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="QR code")).to_be_focused()


async def test_one_who_comes_is_announced_by_chime_title_name_and_time(page: Page, site: StandIn) -> None:
    await page.add_init_script(COUNTS_NOTES)
    socket = await to_room(page, site)
    assert await page.evaluate("notes") == 0
    devices = {"camera": "denied", "microphone": "ok"}
    await socket.say("lobby", entries=[entry("M. Dupont", devices=devices, connected=False)])
    await expect(page.get_by_text("attend depuis 4 min")).to_be_visible()
    await expect(page.get_by_text("Pas de caméra")).to_be_visible()
    await expect(page.get_by_text("Sa page est en veille ou sans réseau")).to_be_visible()
    await expect(page).to_have_title("(1) M. Dupont attend")
    assert await page.evaluate("notes") == 2
    await socket.say("lobby", entries=[entry("M. Dupont", version=2)])
    assert await page.evaluate("notes") == 2
    await socket.say("lobby", entries=[entry("M. Dupont", version=2), entry("Mme Petit", "B")])
    await expect(page).to_have_title("(2) M. Dupont et une autre personne attendent")
    assert await page.evaluate("notes") == 4
    await socket.say("lobby", entries=[])
    await expect(page).to_have_title("Jean Dupont · Visavis")


async def test_admitting_names_the_person_and_the_version_that_was_seen(page: Page, site: StandIn) -> None:
    socket = await to_room(page, site)
    await socket.say("lobby", entries=[entry("M. Dupont", version=3)])
    await page.get_by_role("button", name="Accepter M. Dupont").click()
    assert await socket.hear("admit") == {"type": "admit", "admission": entry()["admission"], "version": 3}
    await expect(page.get_by_role("button", name=FR["admit"])).to_be_disabled()
    await socket.say("problem", code="stale")
    await expect(page.get_by_text("La décision était déjà prise")).to_be_visible()
    await expect(page.get_by_role("button", name=FR["admit"])).to_be_enabled()


async def test_declining(page: Page, site: StandIn) -> None:
    socket = await to_room(page, site)
    await socket.say("lobby", entries=[entry("M. Dupont", version=3)])
    await page.get_by_role("button", name="Refuser M. Dupont").click()
    assert (await socket.hear("decline"))["version"] == 3
    await socket.say("lobby", entries=[])
    await expect(page.get_by_role("heading", name=FR["waiting"])).to_be_focused()


async def test_an_address_admits_nobody(page: Page, site: StandIn) -> None:
    """Whoever waits can send the practitioner a link with their own admission in it."""
    await page.goto(f"/consultations/{CONSULTATION}#admit={entry()['admission']}")
    socket = await site.talk.welcomed()
    await socket.say("lobby", entries=[entry(version=7)])
    await page.get_by_role("button", name=FR["decline"]).click()
    await socket.hear("decline")
    assert [frame for frame in site.talk.frames if (frame.get("body") or {}).get("type") == "admit"] == []


async def test_the_call_begins_when_the_patient_is_there(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_room(page, site)
    await negotiate(socket, robot, fresh=True)
    await socket.say("lobby", entries=[entry()])
    await page.get_by_role("button", name=FR["admit"]).click()
    await socket.say("lobby", entries=[])
    await socket.say("peer", **peer("Jean Dupont"))
    await sees_frames(page)
    await receives(robot, "0")
    await receives(robot, "1")
    await expect(page.get_by_text("Le lien du patient")).to_have_count(0)


async def test_the_same_link_again_is_shown_during_the_call(page: Page, site: StandIn, robot: Page) -> None:
    """DAT-12"""
    socket = await to_room(page, site)
    await connect(socket, robot, "Jean Dupont")
    entries = [entry("Jean D.", "B", same_link=True), entry("Lucie", "C", consultation=OTHER_CONSULTATION)]
    await socket.say("lobby", entries=entries)
    await expect(page.get_by_text("Même lien que Jean Dupont")).to_be_visible()
    await expect(page.get_by_text("Une autre personne attend pour une autre de vos téléconsultations.")).to_be_visible()
    await expect(page.get_by_role("button", name="Accepter Lucie")).to_have_count(0)


async def test_a_patient_can_be_sent_back_and_may_leave(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_room(page, site)
    await connect(socket, robot, "Jean Dupont")
    await page.get_by_role("button", name="Renvoyer en salle d’attente").click()
    await socket.hear("send_back")
    gone = {"microphone": False, "camera": False, "screen": False}
    await socket.say("peer", **peer("", present=False, connected=False, sending=gone))
    await expect(page.get_by_text("Jean Dupont a quitté la téléconsultation.")).to_be_visible()
    await expect(page.get_by_text("Personne n’attend encore.")).to_be_visible()
    await expect(page.get_by_role("button", name="Renvoyer en salle d’attente")).to_have_count(0)


async def test_leaving_ends_it_and_one_may_go_back(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_room(page, site)
    await connect(socket, robot, "Jean Dupont")
    await page.get_by_role("button", name=FR["leave"]).click()
    await socket.hear("leave")
    await expect_heading(page, "La téléconsultation est terminée")
    await expect(page.get_by_text("Durée de l’appel")).to_be_visible()
    await page.get_by_role("button", name="Retourner dans la salle").click()
    assert (await site.talk.arrival()).opening["type"] == "enter"


async def test_a_second_tab_takes_over_and_the_first_says_so(page: Page, site: StandIn) -> None:
    socket = await to_room(page, site)
    await socket.say("displaced", how="same_person")
    await expect_heading(page, "Vous continuez dans un autre onglet")
    await page.get_by_role("button", name="Continuer plutôt ici").click()
    assert (await site.talk.arrival()).opening["type"] == "enter"


async def test_a_room_that_is_not_open_yet_says_when(page: Page, site: StandIn) -> None:
    await page.goto(f"/consultations/{CONSULTATION}")
    socket = await site.talk.arrival()
    at = "2040-01-02T10:00:00+00:00"
    refusal = {"type": "not_yet", "obstacles": ["too_early"], "opens_at": at, "closes_at": at}
    await socket.send({"n": 0, "ack": 0, "body": refusal})
    await expect_heading(page, "Vous êtes en avance")
    await expect(page.get_by_text("Cette salle ouvre lundi 2 janvier à 11:00")).to_be_visible()


@pytest.mark.parametrize(
    ("code", "heading"),
    [("log_in", "Veuillez vous reconnecter"), ("not_found", "Cette salle n’est pas ouverte")],
)
async def test_a_room_that_is_refused_says_why(page: Page, site: StandIn, code: str, heading: str) -> None:
    await page.goto(f"/consultations/{CONSULTATION}")
    socket = await site.talk.arrival()
    await socket.send({"n": 0, "ack": 0, "body": {"type": "problem", "code": code}})
    await expect_heading(page, heading)
