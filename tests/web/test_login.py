"""Log-in, log-out, one-time links and the session's cookie."""

import asyncio
from datetime import timedelta

import pytest

from store.io.entropy import digest

EMAIL, PASSWORD = "anne@example.org", "correct horse battery"
HTTPS = {"X-Forwarded-Proto": "https"}


def from_(address):
    return {"X-Forwarded-For": address}


async def link(practice, target="/desk"):
    return await practice.credentials.create_login_link(practice.owner.id, target, practice.at, timedelta(minutes=10))


async def test_the_front_door_leads_to_the_log_in_or_to_the_desk(practice):
    assert (await practice.get("/")).headers["Location"] == "/login"
    own = await practice.as_(practice.owner)
    assert (await practice.get("/", own)).headers["Location"] == "/desk"
    assert (await practice.get("/login", own)).headers["Location"] == "/desk"


async def test_the_right_password_starts_a_session_and_leads_to_the_desk(practice):
    answer = await practice.log_in(" Anne@Example.org ", PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (303, "/desk")
    cookie = answer.cookies["visavis"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")
    assert cookie["domain"] == ""
    desk = await practice.get("/desk", {"Cookie": f"visavis={cookie.value}"})
    assert desk.status == 200


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(practice):
    answer = await practice.log_in(EMAIL, PASSWORD, HTTPS)
    cookie = answer.cookies["__Host-visavis"]
    assert (cookie["secure"], cookie["path"], cookie["domain"], cookie["httponly"]) == (True, "/", "", True)
    assert "visavis" not in answer.cookies
    assert (await practice.get("/desk", {**HTTPS, "Cookie": f"__Host-visavis={cookie.value}"})).status == 200
    # A neighbour on the same domain could plant the unprefixed name: over https it is not read.
    assert (await practice.get("/desk", {**HTTPS, "Cookie": f"visavis={cookie.value}"})).status == 303


async def test_a_log_in_gives_a_new_session_and_ends_the_one_before(practice):
    before = await practice.session(practice.other)
    answer = await practice.log_in(EMAIL, PASSWORD, {"Cookie": f"visavis={before}"})
    assert answer.cookies["visavis"].value != before
    assert await practice.credentials.practitioner_of_session(before, practice.at) is None
    assert practice.logged_out == [(practice.other.id, digest(before))]
    assert practice.renewed == []


async def test_a_log_in_of_the_same_practitioner_disturbs_none_of_their_pages(practice):
    before = await practice.session(practice.owner)
    answer = await practice.log_in(EMAIL, PASSWORD, {"Cookie": f"visavis={before}"})
    assert practice.logged_out == []
    assert practice.renewed == [(digest(before), digest(answer.cookies["visavis"].value))]


async def test_an_unknown_email_and_a_wrong_password_get_the_same_answer(practice):
    answers = [
        await practice.log_in(email, "wrong password!", from_(f"203.0.113.{number}"))
        for number, email in enumerate((EMAIL, "nobody@example.org", "paul@example.org", "no address", ""))
    ]
    assert {answer.status for answer in answers} == {403}
    pages = {
        (await answer.text()).replace(email, "")
        for answer, email in zip(answers[:3], (EMAIL, "nobody@example.org", "paul@example.org"), strict=True)
    }
    assert len(pages) == 1
    assert not any(answer.cookies for answer in answers)


async def test_one_who_has_no_password_is_not_let_in_without_one(practice):
    assert (await practice.log_in("paul@example.org", "")).status == 403


async def test_what_was_typed_comes_back_without_the_password_and_cannot_break_the_page(practice):
    answer = await practice.log_in('"><script>alert(1)</script>', "wrong-password-1234")
    text = await answer.text()
    assert "<script>alert" not in text
    assert "wrong-password-1234" not in text


async def test_after_five_failures_an_address_waits_and_the_account_stays_open_for_others(practice):
    for _ in range(5):
        assert (await practice.log_in(EMAIL, "wrong", from_("203.0.113.1"))).status == 403
    for password in ("wrong", PASSWORD):
        answer = await practice.log_in(EMAIL, password, from_("203.0.113.1"))
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 61
        assert not answer.cookies
    assert (await practice.log_in(EMAIL, PASSWORD, from_("203.0.113.2"))).status == 303
    practice.later(seconds=61)
    assert (await practice.log_in(EMAIL, PASSWORD, from_("203.0.113.1"))).status == 303


async def test_an_unknown_account_is_slowed_as_a_known_one(practice):
    statuses = [(await practice.log_in("nobody@example.org", "wrong")).status for _ in range(6)]
    assert statuses == [403] * 5 + [429]


async def test_parallel_guesses_do_not_overtake_the_count(practice):
    answers = await asyncio.gather(*(practice.log_in(EMAIL, f"wrong {n}") for n in range(12)))
    assert sorted(answer.status for answer in answers) == [403] * 5 + [429] * 7


async def test_without_a_named_proxy_a_caller_cannot_invent_addresses(opened):
    practice = await opened(trusted_proxies=())
    statuses = [(await practice.log_in(EMAIL, "wrong", from_(f"203.0.113.{n}"))).status for n in range(6)]
    assert statuses == [403] * 5 + [429]


async def test_log_out_ends_the_session_of_this_browser_and_everything_that_runs_under_it(practice):
    elsewhere, session = await practice.session(practice.owner), await practice.session(practice.owner)
    answer = await practice.form("/logout", {"Cookie": f"visavis={session}"})
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert answer.cookies["visavis"].value == ""
    assert answer.cookies["visavis"]["max-age"] == "0"
    assert await practice.credentials.practitioner_of_session(session, practice.at) is None
    assert await practice.credentials.practitioner_of_session(elsewhere, practice.at) == practice.owner.id
    assert practice.logged_out == [(practice.owner.id, digest(session))]


async def test_log_out_everywhere_ends_the_sessions_of_every_browser_and_of_nobody_else(practice):
    elsewhere, session = await practice.session(practice.owner), await practice.session(practice.owner)
    stranger = await practice.session(practice.other)
    assert 'action="/logout/everywhere"' in await practice.seen("/desk", {"Cookie": f"visavis={session}"})
    answer = await practice.form("/logout/everywhere", {"Cookie": f"visavis={session}"})
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert answer.cookies["visavis"].value == ""
    known = [await practice.credentials.practitioner_of_session(one, practice.at) for one in (elsewhere, session)]
    assert known == [None, None]
    assert await practice.credentials.practitioner_of_session(stranger, practice.at) == practice.other.id
    assert practice.logged_out == [(practice.owner.id, None)]


async def test_log_out_with_a_session_that_has_lapsed_still_ends_everything_that_runs_under_it(practice):
    session = await practice.session(practice.owner)
    practice.later(hours=13)
    assert (await practice.get("/desk", {"Cookie": f"visavis={session}"})).status == 303
    await practice.form("/logout", {"Cookie": f"visavis={session}"})
    assert practice.logged_out == [(practice.owner.id, digest(session))]


async def test_log_out_of_nobody_revokes_nobody(practice):
    assert (await practice.form("/logout")).status == 303
    assert (await practice.form("/logout/everywhere")).status == 303
    assert practice.logged_out == []


async def test_a_session_lapses_when_idle(practice):
    own = await practice.as_(practice.owner)
    practice.later(hours=11)
    assert (await practice.get("/desk", own)).status == 200
    practice.later(hours=13)
    assert (await practice.get("/desk", own)).status == 303


async def test_who_followed_a_link_to_a_room_is_led_there_after_the_log_in(practice):
    consultation = await practice.plan()
    room = f"/consultations/{consultation.id}"
    asked = await practice.get(room)
    assert asked.headers["Location"] == "/login"
    wanted = asked.cookies["visavis_next"]
    assert (wanted.value, wanted["httponly"]) == (room, True)
    answer = await practice.log_in(EMAIL, PASSWORD, {"Cookie": f"visavis_next={wanted.value}"})
    assert answer.headers["Location"] == room
    assert answer.cookies["visavis_next"]["max-age"] == "0"


@pytest.mark.parametrize(
    "planted", ["//evil.example", "https://evil.example", "/logout", "/static/x", "/consultationsx"]
)
async def test_a_planted_destination_is_not_followed(practice, planted):
    answer = await practice.log_in(EMAIL, PASSWORD, {"Cookie": f"visavis_next={planted}"})
    assert answer.headers["Location"] == "/desk"


async def test_a_one_time_link_logs_in_once_and_leads_to_its_target(practice):
    token = await link(practice, "/consultations/con_x")
    answer = await practice.script("/open", {"token": token})
    assert answer.status == 200
    assert await answer.json() == {"location": "/consultations/con_x"}
    session = answer.cookies["visavis"].value
    assert await practice.credentials.practitioner_of_session(session, practice.at) == practice.owner.id
    again = await practice.script("/open", {"token": token})
    assert again.status == 404
    assert (await again.json())["code"] == "link_unknown"
    assert not again.cookies


async def test_a_link_replaces_another_practitioner_only_when_asked_to(practice):
    """A link that somebody else slips in must not change under whose name one works (log-in CSRF)."""
    token = await link(practice, "/consultations/con_x")
    old = await practice.session(practice.other)
    other = {"Cookie": f"visavis={old}"}
    assert "Dr Paul Petit" in await (await practice.get("/open", other)).text()
    for body in ({"token": token}, {"token": token, "replace": False}):
        asked = await practice.script("/open", body, other)
        assert (asked.status, (await asked.json())["code"]) == (409, "someone_else")
        assert not asked.cookies
    assert await practice.credentials.practitioner_of_session(old, practice.at) == practice.other.id
    assert practice.logged_out == []
    answer = await practice.script("/open", {"token": token, "replace": True}, other)
    assert await answer.json() == {"location": "/consultations/con_x"}
    session = answer.cookies["visavis"].value
    assert await practice.credentials.practitioner_of_session(session, practice.at) == practice.owner.id
    assert await practice.credentials.practitioner_of_session(old, practice.at) is None
    assert practice.logged_out == [(practice.other.id, digest(old))]


async def test_a_link_for_whoever_is_logged_in_already_asks_nothing(practice):
    own = await practice.as_(practice.owner)
    assert (await practice.script("/open", {"token": await link(practice)}, own)).status == 200
    assert practice.logged_out == []


async def test_a_link_that_is_none_is_told_so_to_whoever_is_logged_in(practice):
    answer = await practice.script("/open", {"token": "anything"}, await practice.as_(practice.other))
    assert (answer.status, (await answer.json())["code"]) == (404, "link_unknown")


async def test_looking_at_the_page_of_a_link_redeems_nothing(practice):
    token = await link(practice)
    for method in ("GET", "HEAD"):
        answer = await practice.client.request(method, "/open", params={"token": token})
        assert answer.status == 200
        assert not answer.cookies
    assert (await practice.script("/open", {"token": token})).status == 200


async def test_of_many_who_redeem_a_link_at_once_one_gets_in(practice):
    token = await link(practice)
    answers = await asyncio.gather(*(practice.script("/open", {"token": token}) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 7


async def test_a_link_lapses(practice):
    token = await link(practice)
    practice.later(minutes=10)
    assert (await practice.script("/open", {"token": token})).status == 404


async def test_a_link_leads_to_no_other_site(practice):
    answer = await practice.script("/open", {"token": await link(practice, "https://evil.example/")})
    assert await answer.json() == {"location": "/"}


@pytest.mark.parametrize(
    "body", [{}, {"token": 1}, {"token": ""}, {"token": "a" * 300}, [], "x", {"token": "a", "b": 1}]
)
async def test_a_body_that_is_no_link_is_refused(practice, body):
    assert (await practice.script("/open", body)).status == 422


async def test_guessing_links_is_slowed(practice):
    statuses = [(await practice.script("/open", {"token": f"guess {n}"})).status for n in range(61)]
    assert statuses == [404] * 60 + [429]


async def test_right_passwords_are_never_slowed(practice):
    assert {(await practice.log_in(EMAIL, PASSWORD)).status for _ in range(7)} == {303}
