"""Whatever happens there is an answer, and it gives nothing away."""

import asyncio
import zlib

import pytest
from aiohttp import web as aioweb
from structlog.testing import capture_logs

from web.problems import KINDS, answers_in_json, code_of_status


async def crash(_):
    raise RuntimeError("Jeanne Dupont said secret-token")


async def test_a_crash_gives_a_page_with_a_reference_that_is_in_the_log(opened):
    practice = await opened(websocket=crash)
    with capture_logs() as logs:
        answer = await practice.get("/ws")
    assert (answer.status, answer.content_type) == (500, "text/html")
    failed = next(line for line in logs if line["event"] == "request failed")
    assert failed["reference"] in await answer.text()
    assert (failed["error"], failed["route"]) == ("RuntimeError", "/ws")
    assert any("test_errors.py" in frame for frame in failed["place"])
    assert "Jeanne" not in str(logs) + await answer.text()
    assert "secret-token" not in str(logs) + await answer.text()


async def test_a_crash_of_the_api_is_a_problem_with_a_reference(practice, monkeypatch):
    async def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(practice.agenda, "consultation", broken)
    with capture_logs() as logs:
        answer = await practice.get("/api/consultations/con_AAAAAAAAAAAAAAAAAAAAAA", await practice.key(None))
    problem = await answer.json()
    assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert problem["reference"] == next(line for line in logs if "reference" in line)["reference"]
    assert "secret" not in str(logs) + str(problem)


async def test_when_the_page_of_errors_fails_too_there_is_still_an_answer(opened, monkeypatch):
    practice = await opened(websocket=crash)

    def broken(*_, **__):
        raise KeyError("secret")

    monkeypatch.setattr("web.io.rendering.Pages.html", broken)
    answer = await practice.get("/ws")
    assert answer.status == 500
    assert "secret" not in await answer.text()


async def test_a_websocket_that_crashes_is_closed_and_the_next_request_is_served(opened):
    async def begin_and_crash(request):
        socket = aioweb.WebSocketResponse()
        await socket.prepare(request)
        raise RuntimeError("secret")

    practice = await opened(websocket=begin_and_crash)
    async with practice.client.ws_connect("/ws") as socket:
        message = await asyncio.wait_for(socket.receive(), 5)
        assert message.type.name in {"CLOSE", "CLOSED", "ERROR"}
    assert (await practice.get("/healthz")).status == 200


@pytest.mark.parametrize("path", ["/language", "/login", "/open", "/join/look"])
async def test_a_body_over_64_kib_is_refused(practice, path):
    own = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    for body, status in ((b"a" * 65537, 413), (b"a" * 65536, (400, 415))):
        answer = await practice.client.post(path, data=body, headers=own)
        assert answer.status == status or answer.status in (status if isinstance(status, tuple) else ())


async def test_a_body_that_does_not_say_its_length_is_refused_as_soon_as_it_is_too_long(practice):
    async def endless():
        for _ in range(200):
            yield b"a" * 1024

    own = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    assert (await practice.client.post("/open", data=endless(), headers=own)).status == 413


async def test_a_body_that_unpacks_to_more_is_refused(practice):
    packed = zlib.compress(b" " * 10_000_000)
    assert len(packed) < 65536
    own = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json", "Content-Encoding": "deflate"}
    answer = await practice.client.post("/open", data=packed, headers=own)
    assert answer.status in {400, 413}


async def test_a_large_body_of_a_request_that_reads_none_is_refused(practice):
    own = {**await practice.as_(practice.owner), "Sec-Fetch-Site": "same-origin"}
    assert (await practice.client.post("/logout", data=b"a" * 70_000, headers=own)).status == 413
    assert practice.logged_out == []


@pytest.mark.parametrize("path", ["/login", "/language"])
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("text/plain", b"lang=en", 415),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("application/x-www-form-urlencoded", b"lang=%ff", 400),
        ("application/x-www-form-urlencoded", b"lang=%00", 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 21, 400),
    ],
)
async def test_what_is_no_form_is_refused(practice, path, kind, body, status):
    own = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    assert (await practice.client.post(path, data=body, headers=own)).status == status


async def test_a_page_that_is_not_there_is_a_page_and_a_program_gets_a_problem(practice):
    page = await practice.get("/nothing")
    assert (page.status, page.content_type) == (404, "text/html")
    for path in ("/api/nothing", "/api/"):
        answer = await practice.get(path)
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
        assert (await answer.json())["code"] == "not_found"


def test_every_status_has_a_problem_of_its_own_class():
    for status in range(400, 600):
        assert KINDS[code_of_status(status)].status // 100 == status // 100


def test_programs_are_told_from_people_by_the_address():
    assert answers_in_json("POST", "/open")
    assert answers_in_json("POST", "/join/look")
    assert not answers_in_json("GET", "/open")
    assert not answers_in_json("GET", "/join")
