"""The authorisation table is what the application does: every route, every caller."""

from typing import Any

import pytest
from aiohttp import ClientResponse

from store.io.entropy import digest
from tests.web.senders import send
from web.authorisation import TABLE, Access, Caller, Outcome

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


async def _credentials(practice: Any, caller: Caller) -> dict[str, str]:
    """A patient has an invitation or a pay link, which is no credential: the scripts of two pages send it."""
    nobody: dict[str, str] = {}
    who = {
        Caller.OWNER: lambda: practice.as_(practice.owner),
        Caller.OTHER: lambda: practice.as_(practice.other),
        Caller.KEY: lambda: practice.key(practice.owner),
        Caller.FOREIGN_KEY: lambda: practice.key(practice.other),
        Caller.PLATFORM_KEY: lambda: practice.key(None),
        Caller.ADMINISTRATOR: practice.as_administrator,
    }
    return await who[caller]() if caller in who else nobody


def _outcome(answer: ClientResponse, access: Access) -> Outcome:
    doors = {Access.PRACTITIONER: "/login", Access.ADMINISTRATOR: "/admin/login"}
    told_to = answer.headers.get("Location") if answer.status == 303 else None
    if told_to and told_to == doors.get(access) and "visavis-admin" not in answer.cookies:
        return Outcome.LOG_IN
    if answer.status < 400:
        return Outcome.OK
    return {401: Outcome.UNAUTHORISED, 403: Outcome.FORBIDDEN, 404: Outcome.NOT_FOUND}[answer.status]


@pytest.mark.parametrize("route", TABLE, ids=" ".join)
async def test_each_caller_gets_what_the_table_says(opened, route):
    """The whole table. The sandbox's pages are there only where it stands for the provider, `/card` only where not."""
    practice = await opened(sandbox=route[1].startswith("/sandbox"))
    rule = TABLE[route]
    found = {}
    for caller in Caller:
        answer = await send(practice, route, {**ELSEWHERE, **await _credentials(practice, caller)})
        found[caller] = _outcome(answer, rule.access)
    assert found == rule.outcomes


async def test_every_route_of_the_application_is_in_the_table_and_every_row_is_a_route(practice):
    routes = {
        (route.method, route.resource.canonical)
        for route in practice.client.app.router.routes()
        if route.method != "HEAD"
    }
    assert routes == set(TABLE)


async def test_what_is_not_ones_own_and_what_does_not_exist_get_the_same_answer(practice):
    consultation = await practice.plan()
    nobodys = consultation.id[:-4] + "AAAA"
    for who in (await practice.as_(practice.other), await practice.key(practice.other)):
        root = "/api/consultations" if "Authorization" in who else "/consultations"
        answers = [await practice.get(f"{root}/{name}", who) for name in (consultation.id, nobodys, "con_x")]
        assert [answer.status for answer in answers] == [404, 404, 404]
        bodies = [(await answer.text()).replace(consultation.id, nobodys) for answer in answers[:2]]
        assert bodies[0] == bodies[1]


async def test_an_ended_session_and_a_planted_cookie_are_nobody(practice):
    session = await practice.session(practice.owner)
    await practice.credentials.end_session(session)
    for cookie in (f"visavis={session}", "visavis=", "visavis=x", "visavis=" + "é" * 40, f"__Host-visavis={session}"):
        answer = await practice.get("/desk", {"Cookie": cookie})
        assert (answer.status, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer vsv_unknown_unknown_unknown", "Basic YTpi", "Bearer é" * 9])
async def test_a_key_that_is_none_is_answered_401(practice, header):
    answer = await practice.get("/api/consultations/con_x", {"Authorization": header})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_websocket_server_learns_who_is_logged_in_and_which_pages_are_ours(practice):
    session = await practice.session(practice.owner)
    answer = await practice.get("/ws", {"Cookie": f"visavis={session}"})
    assert await answer.json() == {"log_in": [practice.owner.id, digest(session)], "origins": [practice.origin]}
    assert (await (await practice.get("/ws")).json())["log_in"] is None
