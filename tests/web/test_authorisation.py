"""The authorisation table is what the application does: every route, every caller."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from agenda.consultation import Consultation
from web.authorisation import TABLE, Access, Caller, Outcome

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}

Send = Callable[[Any, Consultation, dict[str, str]], Awaitable[ClientResponse]]


async def _login(practice: Any, _: Consultation, who: dict[str, str]) -> ClientResponse:
    return await practice.log_in("anne@example.org", "correct horse battery", who)


async def _open(practice: Any, _: Consultation, who: dict[str, str]) -> ClientResponse:
    token = await practice.credentials.create_login_link(practice.owner.id, "/desk", practice.at, timedelta(minutes=10))
    return await practice.script("/open", {"token": token, "replace": True}, who)


async def _look(practice: Any, consultation: Consultation, who: dict[str, str]) -> ClientResponse:
    token = await practice.lobby.invite(consultation.id, practice.at)
    return await practice.script("/join/look", {"invitation": token}, who)


async def _plan(practice: Any, _: Consultation, who: dict[str, str]) -> ClientResponse:
    return await practice.form("/desk/consultations", who, patient_name="Zoé", when="now", minutes="30")


async def _plan_by_api(practice: Any, _: Consultation, who: dict[str, str]) -> ClientResponse:
    body = {"patient_name": "Zoé"}
    answer = await practice.client.post("/api/consultations", json=body, headers=who)
    if answer.status == 422:  # a platform's key acts for all and must say for whom
        body = {**body, "practitioner": "anne@example.org"}
        answer = await practice.client.post("/api/consultations", json=body, headers=who)
    return answer


SPECIAL: dict[tuple[str, str], Send] = {
    ("POST", "/login"): _login,
    ("POST", "/open"): _open,
    ("POST", "/join/look"): _look,
    ("POST", "/desk/consultations"): _plan,
    ("POST", "/api/consultations"): _plan_by_api,
}


async def _send(
    practice: Any, route: tuple[str, str], consultation: Consultation, who: dict[str, str]
) -> ClientResponse:
    method, pattern = route
    if route in SPECIAL:
        return await SPECIAL[route](practice, consultation, who)
    path = pattern.replace("{id}", consultation.id).replace("{path}", "vendor/lit-html.js")
    if method == "POST":
        return await practice.form(path, who)
    return await practice.client.request(method, path, headers=who, allow_redirects=False)


async def _credentials(practice: Any, caller: Caller) -> dict[str, str]:
    match caller:
        case Caller.ANONYMOUS | Caller.PATIENT:
            # A patient has an invitation, which is no credential for any route: it is sent by /join/look only.
            return {}
        case Caller.OWNER:
            return await practice.as_(practice.owner)
        case Caller.OTHER:
            return await practice.as_(practice.other)
        case Caller.KEY:
            return await practice.key(practice.owner)
        case Caller.FOREIGN_KEY:
            return await practice.key(practice.other)
        case Caller.PLATFORM_KEY:
            return await practice.key(None)


def _outcome(answer: ClientResponse, access: Access) -> Outcome:
    if answer.status == 303 and answer.headers["Location"] == "/login" and access is Access.PRACTITIONER:
        return Outcome.LOG_IN
    if answer.status < 400:
        return Outcome.OK
    return {401: Outcome.UNAUTHORISED, 403: Outcome.FORBIDDEN, 404: Outcome.NOT_FOUND}[answer.status]


@pytest.mark.parametrize("route", TABLE, ids=" ".join)
async def test_each_caller_gets_what_the_table_says(practice, route):
    rule = TABLE[route]
    found = {}
    for caller in Caller:
        consultation = await practice.plan()
        who = {**ELSEWHERE, **await _credentials(practice, caller)}
        answer = await _send(practice, route, consultation, who)
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
    answer = await practice.get("/ws", await practice.as_(practice.owner))
    assert await answer.json() == {"practitioner": practice.owner.id, "origins": [practice.origin]}
    assert (await (await practice.get("/ws")).json())["practitioner"] is None
