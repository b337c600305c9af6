"""`connection.js` in a real browser, through losses and resumptions. Frames as in docs/protocol.md."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.web.pages.stand_in import StandIn

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

START = """async () => {
    const { Connection } = await import("/static/js/connection.js");
    window.heard = [];
    window.states = [];
    window.line = new Connection({
        url: `ws://${location.host}/ws`,
        opening: () => ({ type: "attend" }),
        onEvent: (event) => window.heard.push(event),
        onState: (state) => window.states.push(state),
    });
    line.start();
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def line(page: Page) -> Page:
    """A page without a script of its own, on which a connection was started as `line`."""
    await page.goto("/error/404/not_found")
    await page.evaluate(START)
    return page


async def heard(page: Page, count: int) -> list[dict[str, object]]:
    await page.wait_for_function("(count) => heard.length >= count", arg=count)
    return list(await page.evaluate("heard"))


async def test_opens_without_a_number_and_numbers_what_follows_from_one(line: Page, site: StandIn) -> None:
    socket = await site.talk.arrival()
    assert socket.opening == {"type": "attend"}
    await socket.greet()
    await heard(line, 1)
    await line.evaluate("line.send({ type: 'send_back' }); line.send({ type: 'restart_ice' })")
    assert await socket.hear("restart_ice")
    assert [frame["n"] for frame in site.talk.frames] == [1, 2]


async def test_a_lost_socket_loses_and_repeats_nothing_in_either_direction(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    await socket.say("rejoin")
    await heard(line, 2)
    await socket.drop()
    await line.wait_for_function("() => line.state === 'reconnecting'")
    await line.evaluate("line.send({ type: 'send_back' }); line.send({ type: 'restart_ice' })")

    again = await site.talk.arrival()
    assert again.opening == {"type": "resume", "session": site.talk.session}
    assert again.ack == 1
    site.talk.sent += 1
    site.talk.said.append({"n": site.talk.sent, "ack": 0, "body": {"type": "lapsed"}})
    await again.greet(resumed=True)
    assert [(await again.hear("send_back"))["type"], (await again.hear("restart_ice"))["type"]] == [
        "send_back",
        "restart_ice",
    ]
    assert [event["type"] for event in await heard(line, 4)] == ["welcome", "rejoin", "welcome", "lapsed"]
    assert await line.evaluate("states") == ["online", "reconnecting", "online"]


async def test_what_was_not_acknowledged_is_sent_again_under_its_number(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    await heard(line, 1)
    site.talk.acknowledging = False
    await line.evaluate("line.send({ type: 'restart_ice' })")
    await socket.hear("restart_ice")
    await socket.drop()
    again = await site.talk.arrival()
    await again.greet(resumed=True)
    await again.hear("restart_ice")
    assert [frame["n"] for frame in site.talk.frames] == [1, 1]


async def test_what_is_received_twice_is_heard_once(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    await socket.say("rejoin")
    await socket.send(site.talk.said[0])
    await socket.say("lapsed")
    assert [event["type"] for event in await heard(line, 3)] == ["welcome", "rejoin", "lapsed"]


async def test_a_server_that_forgot_what_it_said_numbers_anew_and_is_heard(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    for _ in range(3):
        await socket.say("rejoin")
    await heard(line, 4)
    await socket.drop()
    again = await site.talk.arrival()
    site.talk.forget()
    await again.greet(resumed=False)
    await again.say("lapsed")
    assert (await heard(line, 6))[-1]["type"] == "lapsed"


async def test_an_unknown_session_begins_anew_with_the_opening_message(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    await heard(line, 1)
    await socket.drop()
    again = await site.talk.arrival()
    await again.send({"n": 0, "ack": 0, "body": {"type": "problem", "code": "session_unknown"}})
    anew = await site.talk.welcomed()
    assert anew.opening == {"type": "attend"}
    await line.evaluate("line.send({ type: 'send_back' })")
    await anew.hear("send_back")
    assert site.talk.frames[-1]["n"] == 1


@pytest.mark.parametrize("code", [4000, 4001, 4002, 4003, 4004])
async def test_a_final_close_is_not_answered_by_another_socket(line: Page, site: StandIn, code: int) -> None:
    socket = await site.talk.welcomed()
    await heard(line, 1)
    await socket.drop(code)
    await line.wait_for_function("() => line.state === 'gone'")
    await asyncio.sleep(0.6)
    assert site.talk.arrivals.empty()


async def test_a_log_out_elsewhere_is_told_though_it_comes_without_a_last_word(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    await heard(line, 1)
    await socket.drop(4003)
    assert (await heard(line, 2))[-1] == {"type": "problem", "code": "log_in"}


async def test_says_that_it_is_alive_after_five_seconds_and_gives_up_after_twelve(page: Page, site: StandIn) -> None:
    await page.clock.install()
    await page.goto("/error/404/not_found")
    await page.evaluate(START)
    socket = await site.talk.welcomed()
    await heard(page, 1)
    site.talk.acknowledging = False
    await page.clock.run_for(4000)
    assert await page.evaluate("line.state") == "online"
    await page.clock.run_for(2000)
    await socket.hear("alive")
    await page.clock.run_for(5000)
    assert await page.evaluate("line.state") == "online"
    await page.clock.run_for(3000)
    assert await page.evaluate("states.at(-1)") != "online"


async def test_a_leave_is_delivered_before_the_connection_ends(line: Page, site: StandIn) -> None:
    socket = await site.talk.welcomed()
    await heard(line, 1)
    await socket.drop()
    await line.wait_for_function("() => line.state === 'reconnecting'")
    await line.evaluate("void line.closeWith({ type: 'leave' })")
    again = await site.talk.arrival()
    await again.greet(resumed=True)
    await again.hear("leave")
    await line.wait_for_function("() => line.state === 'gone'")
