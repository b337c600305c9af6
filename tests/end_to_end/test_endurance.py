"""What may break while two people talk: the web process, a worker, the socket, the ICE path."""

import asyncio
import os
import signal

import pytest
from playwright.async_api import expect

from tests.end_to_end.people import Patient, together, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_the_web_process_is_killed_and_restarted_while_the_media_run_on(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    peers = await patient.page.evaluate("observed.peers")
    workers = deployment.worker_pids()
    deployment.kill()
    await expect(patient.page.get_by_text("Reconnexion en cours…").first).to_be_visible(timeout=20_000)
    await asyncio.gather(practitioner.sees(more=30), patient.sees(more=30), patient.hears(), practitioner.hears())
    await deployment.start()
    assert deployment.worker_pids() == workers
    await expect(patient.page.get_by_text("Reconnexion en cours…")).to_have_count(0, timeout=20_000)
    await expect(practitioner.page.get_by_text("Reconnexion en cours…")).to_have_count(0, timeout=20_000)
    await asyncio.gather(practitioner.sees(), patient.sees())
    # The same media connection all along, and signalling works again on both sides.
    assert await patient.page.evaluate("observed.peers") == peers
    await patient.button("mute").click()
    await expect(practitioner.page.get_by_text("Micro coupé").first).to_be_attached(timeout=10_000)


async def test_a_patient_in_the_waiting_room_survives_a_restart_of_the_web_process(deployment, practitioner, patient):
    planned = await deployment.plan()
    await patient.open(planned["patient_url"])
    await patient.knock()
    deployment.kill()
    await deployment.start()
    await practitioner.enter(planned["practitioner_url"])
    await practitioner.admit()
    await asyncio.gather(practitioner.sees(), patient.sees())


async def test_a_killed_worker_is_replaced_and_both_sides_rejoin_by_themselves(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    (worker,) = deployment.worker_pids()
    os.kill(worker, signal.SIGKILL)

    async def replaced() -> bool:
        return bool(deployment.worker_pids()) and worker not in deployment.worker_pids()

    await until(replaced, "a new worker runs")
    await asyncio.gather(practitioner.sees(seconds=30), patient.sees(seconds=30))


async def test_an_ice_restart_changes_the_credentials_and_the_picture_goes_on(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    offers = sum("m=audio" in frame for frame in patient.heard_on_socket)
    await patient.page.evaluate("window.dispatchEvent(new Event('online'))")

    async def offered() -> bool:
        return sum("m=audio" in frame for frame in patient.heard_on_socket) > offers

    await until(offered, "an offer with new credentials")
    await asyncio.gather(practitioner.sees(more=30), patient.sees(more=30))
    newest = [frame for frame in patient.heard_on_socket if "m=audio" in frame]
    assert _ufrag(newest[-1]) != _ufrag(newest[-2])
    assert await patient.page.evaluate("observed.peers") == 1


def _ufrag(frame: str) -> str:
    return frame.partition("a=ice-ufrag:")[2][:8]


async def test_a_page_that_is_closed_is_missed_at_once_and_may_come_back(deployment, people, practitioner, patient):
    planned = await deployment.plan()
    await together(practitioner, patient, planned)
    await patient.page.close()
    await expect(practitioner.page.get_by_text("Alex Dupont").first).to_be_visible()
    again: Patient = await people(Patient, context=patient.context)
    await again.page.goto(planned["patient_url"])
    join = again.button("join")
    await expect(join.or_(again.button("mute")).first).to_be_visible()
    if await join.count():
        await join.click()
    await asyncio.gather(practitioner.sees(), again.sees())


async def test_sigterm_drains_and_says_goodbye(deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    assert deployment.stop() == 0
    assert deployment.worker_pids() == set()
    await deployment.start()


async def test_nothing_private_is_ever_logged(deployment, practitioner, patient):
    planned = await deployment.plan("Canari Secret")
    await together(practitioner, patient, planned)
    log = deployment.log()
    token = planned["patient_url"].partition("#")[2]
    assert "worker_ready" in log
    for private in ("Canari", "Camille", token, "m=audio", "a=ice", "ice-pwd", "candidate:", "127.0.0.1:", "@", "v=0"):
        assert private not in log, private
