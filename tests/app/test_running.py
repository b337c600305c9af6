"""The life of the processes: start, readiness, signals, crashes, and who finds whom again."""

import asyncio
import json
import os
import signal
import socket
import urllib.request
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from app.ports import is_bindable
from app.workers import statistics
from signalling.close_code import CloseCode
from store.io.database import Database
from tests.app.processes import Place, get, ready, stop


def post(url: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310  # our own server
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return response.status, json.loads(response.read())


def boot(place: Place) -> str:
    """Return the name of this life of worker 0."""
    found = asyncio.run(statistics(place.data / "run", 0))
    assert found is not None
    return found.boot


def test_up_says_in_one_line_that_it_is_ready_and_what_to_open(place: Place) -> None:
    process, line = place.up("--demo")
    url = f"http://127.0.0.1:{place.port}"
    assert sorted(line) == [
        "administrator_url",
        "api_key",
        "paid_patient_url",
        "patient_url",
        "practitioner_url",
        "url",
    ]
    assert line["url"] == url
    assert line["practitioner_url"].startswith(f"{url}/open#")
    assert line["patient_url"].startswith(f"{url}/join#")
    assert get(f"{url}/healthz")[0] == 200
    assert json.loads(get(f"{url}/readyz")[1]) == {"ready": True, "checks": {"database": True, "media": True}}

    token = line["practitioner_url"].partition("#")[2]
    status, opened = post(f"{url}/open", {"token": token}, Origin=url)
    assert status == 200
    assert opened["location"].startswith("/consultations/con_")
    invitation = line["patient_url"].partition("#")[2]
    _, looked = post(f"{url}/join/look", {"invitation": invitation}, Origin=url)
    assert looked["practitioner"] == "Dr Camille Martin"
    assert looked["patient_name"] == "Alex Dupont"
    assert looked["obstacles"] == []
    status, planned = post(
        f"{url}/api/consultations", {"patient_name": "Sacha Petit"}, Authorization=f"Bearer {line['api_key']}"
    )
    assert status == 201
    assert planned["patient_url"].startswith(f"{url}/join#")

    assert process.stdout is not None
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == ""
    assert process.wait() == 0


def test_sigterm_ends_everything_that_up_started_and_says_nothing_secret(place: Place) -> None:
    process, line = place.up("--demo")
    assert len(place.worker_pids()) == 1
    assert stop(process) == 0
    assert place.worker_pids() == []
    assert is_bindable("127.0.0.1", place.port, socket.SOCK_STREAM)
    assert is_bindable("127.0.0.1", place.media_port, socket.SOCK_DGRAM)
    said = place.stderr() + "".join(path.read_text() for path in (place.data / "run").glob("*.log"))
    assert "Traceback" not in said
    secrets = [line["practitioner_url"].partition("#")[2], line["patient_url"].partition("#")[2], line["api_key"]]
    assert not any(word in said for word in [*secrets, "Camille", "Dupont"])


def test_a_signal_during_the_start_ends_it_cleanly(place: Place) -> None:
    # Without a worker `serve` waits for one, so the signal certainly comes before it is ready.
    process = place.start("serve")
    while not (place.data / "visavis.sqlite3").exists():
        assert process.poll() is None
    assert stop(process) == 0
    assert "Traceback" not in place.stderr()


def test_after_a_kill_the_next_one_finds_the_same_workers(place: Place) -> None:
    process, _ = place.up()
    before, pids = boot(place), place.worker_pids()
    assert stop(process, signal.SIGKILL) == -signal.SIGKILL
    assert place.worker_pids() == pids
    successor, _ = place.up()
    assert boot(place) == before
    assert place.worker_pids() == pids
    assert stop(successor) == 0
    assert place.worker_pids() == []


def test_a_worker_that_dies_is_replaced(place: Place) -> None:
    place.up()
    before = boot(place)
    (pid,) = place.worker_pids()
    os.kill(pid, signal.SIGKILL)
    while (found := asyncio.run(statistics(place.data / "run", 0))) is None or found.boot == before:
        pass
    assert place.worker_pids() != [pid]


def test_serve_uses_workers_of_others_and_leaves_them_alone(place: Place) -> None:
    worker = place.start("worker", "--index=0")
    web = place.start("serve", "--json")
    assert ready(web)["practitioner_url"] is None
    before = boot(place)
    assert place.worker_pids() == [worker.pid]
    assert stop(web) == 0
    assert boot(place) == before
    assert stop(worker) == 0


def test_metrics_tell_of_workers(place: Place) -> None:
    _, line = place.up()
    while "visavis_workers 1.0" not in (body := get(f"{line['url']}/metrics")[1]):
        assert "visavis_workers" in body
    assert "visavis_calls 0.0" in body


def test_people_read_each_link_on_a_line_of_its_own(place: Place) -> None:
    process = place.start("up", "--demo", lang="fr_FR.UTF-8")
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(4)]
    assert lines[0].startswith("Praticien")
    assert "Dr Camille Martin" in lines[0]
    assert lines[1].startswith(f"http://127.0.0.1:{place.port}/open#")
    assert lines[2].startswith("Patient")
    assert lines[3].startswith(f"http://127.0.0.1:{place.port}/join#")


def test_a_demonstration_in_an_old_folder_has_the_same_practitioner_and_a_new_consultation(place: Place) -> None:
    first, line = place.up("--demo")
    assert stop(first) == 0
    _, again = place.up("--demo", "--loop=python")
    assert again["patient_url"] != line["patient_url"]
    invitation = again["patient_url"].partition("#")[2]
    _, looked = post(f"{again['url']}/join/look", {"invitation": invitation}, Origin=again["url"])
    assert looked["practitioner"] == "Dr Camille Martin"


@pytest.mark.postgresql
def test_everything_runs_on_postgresql(place: Place, postgresql_url: str) -> None:
    process, line = place.up("--demo", f"--database={postgresql_url}")
    assert json.loads(get(f"{line['url']}/readyz")[1])["ready"]
    assert "ok    ready" in place.run("doctor", f"--database={postgresql_url}").stdout
    assert stop(process) == 0
    assert not (place.data / "visavis.sqlite3").exists()
    assert "ok    database" in place.run("doctor", f"--database={postgresql_url}").stdout


@pytest.mark.postgresql
def test_a_second_web_side_on_the_same_database_is_refused_until_the_first_has_ended(
    place: Place, postgresql_url: str
) -> None:
    first, _ = place.up(f"--database={postgresql_url}")
    with Place() as other:
        refused = other.run("up", f"--database={postgresql_url}")
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[-1].startswith("Another Visavis uses this database already")
        stop(first, signal.SIGKILL)
        other.up(f"--database={postgresql_url}")


@pytest.mark.postgresql
async def test_a_web_side_whose_database_another_has_taken_over_stops_and_says_so(
    place: Place, postgresql_url: str
) -> None:
    process, _ = await asyncio.to_thread(place.up, f"--database={postgresql_url}")
    other = await Database.open(postgresql_url)
    claims = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    while not await other.hold():
        async with other.reading() as tx:
            await tx.execute(claims)
    assert await asyncio.to_thread(process.wait, 30) == 1
    assert place.stderr().splitlines()[-1].startswith("Another Visavis has taken this database over")
    await other.close()


async def test_pages_that_are_open_are_told_to_come_back_and_delay_nothing(place: Place) -> None:
    process, line = await asyncio.to_thread(place.up, "--demo")
    invitation = line["patient_url"].partition("#")[2]
    knock = {"n": 0, "ack": 0, "body": {"type": "knock", "invitation": invitation, "name": "Alex Dupont"}}
    async with aiohttp.ClientSession() as browser:
        page = await browser.ws_connect(f"{line['url']}/ws", headers={"Origin": line["url"]})
        await page.send_json(knock)
        assert (await page.receive_json())["body"]["type"] == "welcome"
        process.send_signal(signal.SIGTERM)
        while (await page.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert page.close_code == CloseCode.RESTARTING
    assert await asyncio.to_thread(stop, process) == 0


def test_port_zero_takes_a_free_port_and_says_which(place: Place) -> None:
    _, line = place.up("--port=0")
    assert not line["url"].endswith(":0")
    assert get(f"{line['url']}/healthz")[0] == 200
