"""The whole path in two real browsers: links, device check, waiting room, admission, call, end."""

import asyncio
import re
import statistics

import pytest
from playwright.async_api import expect

from tests.end_to_end.people import Patient, Person, Practitioner, together, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_cli_10_to_24_two_people_meet_by_way_of_the_waiting_room(deployment, practitioner, patient):
    planned = await deployment.plan("Alex Dupont")
    await practitioner.enter(planned["practitioner_url"])
    await patient.open(planned["patient_url"])
    assert await patient.page.get_by_label("Votre nom", exact=True).input_value() == "Alex Dupont"
    await expect(patient.page.locator("video:visible")).to_have_count(1)
    await expect(patient.page.get_by_role("meter")).to_be_visible()
    await patient.knock("Alex D.")
    assert await patient.button("admit").count() == 0
    await expect(practitioner.page.get_by_text("Alex D.").first).to_be_visible()
    await practitioner.admit("Alex D.")
    await asyncio.gather(practitioner.sees(), patient.sees(), practitioner.hears(), patient.hears())


async def test_cli_17_muting_is_heard_and_shown_on_the_other_side(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    await practitioner.hears()
    await patient.button("mute").click()
    await expect(patient.button("unmute")).to_be_visible()
    await asyncio.sleep(0.5)
    quiet = await practitioner.energy()
    await asyncio.sleep(1.5)
    assert await practitioner.energy() - quiet < 1e-4
    await patient.button("unmute").click()
    await practitioner.hears()


async def test_cli_18_a_camera_switched_off_is_said_and_comes_back(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    await patient.button("stop_video").click()
    await expect(
        practitioner.page.get_by_text("a coupé la caméra").or_(practitioner.page.get_by_text("caméra")).first
    ).to_be_visible()
    await practitioner.sees_nothing_new()
    await patient.page.get_by_role("button", name="Démarrer la vidéo").click()
    await practitioner.sees()


async def test_cli_19_hiding_ones_own_image_hides_only_that(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    before = await patient.page.locator("video:visible").count()
    await patient.button("hide_self").click()
    await expect(patient.page.locator("video:visible")).to_have_count(before - 1)
    await practitioner.sees()
    await patient.page.get_by_role("button", name="Afficher mon image").click()
    await expect(patient.page.locator("video:visible")).to_have_count(before)


async def test_cli_20_a_shared_screen_is_seen_and_ends(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    await patient.button("share").click()
    await practitioner.sees("remote-screen", 5)
    await practitioner.sees()
    await patient.page.get_by_role("button", name="Arrêter le partage").click()
    await expect(practitioner.page.locator("#remote-screen")).to_have_class(re.compile("away"))


async def test_cli_22_the_settings_name_the_devices(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    await patient.button("settings").click()
    dialog = patient.page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    assert await dialog.get_by_role("combobox").count() >= 2
    await patient.page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def test_cli_23_the_practitioner_who_leaves_ends_the_call_for_both(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    await practitioner.button("leave").click()
    confirm = practitioner.page.get_by_role("dialog").get_by_role("button").first
    if await practitioner.page.get_by_role("dialog").count():
        await confirm.click()
    await expect(patient.button("mute")).to_be_hidden(timeout=10_000)
    await expect(patient.page.get_by_role("heading").first).to_be_visible()


async def test_a_declined_patient_is_told_so_and_gets_no_media(deployment, practitioner, patient):
    planned = await deployment.plan()
    await practitioner.enter(planned["practitioner_url"])
    await patient.open(planned["patient_url"])
    await patient.knock()
    await practitioner.button("decline").click()
    await expect(patient.page.get_by_role("heading", name="Salle d'attente", exact=True)).to_be_hidden(timeout=10_000)
    assert await patient.page.evaluate("observed.peers") == 0


async def test_the_path_works_in_english_with_its_names(deployment, people):
    planned = await deployment.plan()
    practitioner: Practitioner = await people(Practitioner, locale="en-GB")
    patient: Patient = await people(Patient, locale="en-GB")
    await together(practitioner, patient, planned)
    for word in ("mute", "stop_video", "share", "hide_self", "settings", "leave"):
        await expect(patient.button(word)).to_be_visible()


async def test_the_patient_may_come_first_and_is_seen_when_the_practitioner_arrives(deployment, practitioner, patient):
    planned = await deployment.plan()
    await patient.open(planned["patient_url"])
    await patient.knock()
    await practitioner.enter(planned["practitioner_url"])
    await practitioner.admit()
    await asyncio.gather(practitioner.sees(), patient.sees())


async def test_dat_12_the_same_link_in_another_browser_waits_while_two_talk_and_moves_the_seat_when_admitted(
    deployment, people, practitioner, patient
):
    planned = await deployment.plan()
    await together(practitioner, patient, planned)
    other: Patient = await people(Patient)
    await other.open(planned["patient_url"])
    await other.knock("Quelqu'un d'autre")
    await practitioner.sees()
    assert await other.page.evaluate("observed.peers") == 0
    assert not any("m=audio" in frame for frame in other.heard_on_socket)
    await expect(practitioner.page.get_by_text("Même lien").first).to_be_visible()
    await practitioner.admit("Quelqu'un")
    await asyncio.gather(practitioner.sees(), other.sees())
    await expect(patient.button("mute")).to_be_hidden()


async def test_a_second_tab_of_the_same_browser_takes_the_seat_over_and_the_first_is_told(
    deployment, people, practitioner, patient
):
    planned = await deployment.plan()
    await together(practitioner, patient, planned)
    second: Patient = await people(Patient, context=patient.context)
    await second.open(planned["patient_url"])
    await second.button("join").click()
    await second.is_in_call()
    await asyncio.gather(practitioner.sees(), second.sees())
    await expect(patient.button("mute")).to_be_hidden()


async def rejoin(person: Person, other: Person) -> None:
    await person.page.reload()
    await asyncio.gather(person.sees(), other.sees())


async def test_a_reload_of_either_side_resumes_by_itself(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    await rejoin(patient, practitioner)
    await rejoin(practitioner, patient)
    await asyncio.gather(practitioner.hears(), patient.hears())


async def test_a_reload_of_the_host_who_is_alone_locks_nobody_out(deployment, practitioner, patient):
    planned = await deployment.plan()
    await practitioner.enter(planned["practitioner_url"])
    await practitioner.page.reload()
    await practitioner.is_in_room()
    await patient.open(planned["patient_url"])
    await patient.knock()
    await practitioner.admit()
    await asyncio.gather(practitioner.sees(), patient.sees())


async def test_a_reload_in_the_waiting_room_keeps_the_place(deployment, practitioner, patient):
    planned = await deployment.plan()
    await patient.open(planned["patient_url"])
    await patient.knock()
    await patient.page.reload()
    await patient.waits()
    await practitioner.enter(planned["practitioner_url"])
    await expect(practitioner.page.get_by_role("button", name="Accepter")).to_have_count(1)
    await practitioner.admit()
    await patient.sees()


async def test_how_long_it_takes_from_admission_to_the_first_rendered_frame(
    deployment, people, practitioner, record_property
):
    """Printed, not asserted: timings on shared machines are noisy."""
    took = []
    for _ in range(3):
        planned = await deployment.plan()
        patient: Patient = await people(Patient)
        await practitioner.enter(planned["practitioner_url"])
        await patient.open(planned["patient_url"])
        await patient.knock()
        await asyncio.sleep(0.5)
        await practitioner.admit()
        await patient.sees(more=3)
        clicked = await practitioner.page.evaluate("observed.clickedAt")
        took.append(await patient.page.evaluate("observed.firstFrameAt['remote-video']") - clicked)
        await patient.close()
        await practitioner.button("leave").click()
    assert all(milliseconds > 0 for milliseconds in took)
    record_property("admit_to_first_frame_ms", took)
    print(f"\nadmit → first rendered frame: p50 {statistics.median(took):.0f} ms of {[round(t) for t in took]}")


async def test_the_desk_shows_who_waits_and_admits_from_there(deployment, practitioner, patient):
    planned = await deployment.plan("Zoé Petit")
    await practitioner.enter(planned["practitioner_url"])
    await practitioner.page.goto(deployment.url + "/desk")
    await patient.open(planned["patient_url"])
    await patient.knock()
    await expect(practitioner.page.get_by_text("Zoé Petit").first).to_be_visible()
    await until(lambda: _titled(practitioner), "the tab's title tells of the one who waits")
    await practitioner.admit("Zoé Petit")
    await asyncio.gather(practitioner.sees(), patient.sees())


async def _titled(person: Person) -> bool:
    return (await person.page.title()).startswith("(")
