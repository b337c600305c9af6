"""Every page and state, in each language, scheme and size at least once: axe finds nothing (WCAG 2.2 AA)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.web.pages.stand_in import INVITATION, OTHER_CONSULTATION, PRACTITIONER, Socket, StandIn, entry, invited, peer
from tests.web.pages.test_desk import planned
from tests.web.pages.till import PAY_TOKEN, PER_MINUTE, debt, invoice, meter, missed_invoice, price
from tests.web.pages.walks import NAMES, connect, sees_frames, to_call, to_check, to_room, to_waiting

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
VARIANTS = {
    "fr-light-phone": ("fr", "light", {"width": 360, "height": 740}),
    "en-dark-desktop": ("en", "dark", {"width": 1280, "height": 800}),
}
SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, a.button, input[id]")]
    .map((element) => ({ text: element.textContent.trim(), box: element.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.width < 44 || box.height < 44))
    .map(({ text, box }) => `${text} ${box.width}x${box.height}`)"""

OVERLAP = """() => {
    const [meter, notices] = [".meter", ".notices"].map((one) => document.querySelector(one).getBoundingClientRect());
    const aside = meter.right <= notices.left || notices.right <= meter.left;
    return !aside && meter.bottom > notices.top && notices.bottom > meter.top;
}"""


@pytest_asyncio.fixture(loop_scope="module", params=VARIANTS.values(), ids=VARIANTS.keys())
async def variant(request: pytest.FixtureRequest, browser: Browser, site: StandIn) -> AsyncIterator[Page]:
    """A page in one of the variants, with axe in it."""
    site.language, scheme, size = request.param
    context = await browser.new_context(
        base_url=site.url, color_scheme=scheme, viewport=size, reduced_motion="reduce", timezone_id="Europe/Paris"
    )
    context.set_default_timeout(10_000)
    await context.add_init_script(path=AXE)
    yield await context.new_page()
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def robot(variant: Page) -> Page:
    robot = await variant.context.new_page()
    await robot.goto("/robot")
    await variant.bring_to_front()
    return robot


async def check(page: Page, state: str) -> None:
    """Assert that axe finds nothing, that nothing is wider than the window, and that targets are large enough."""
    found = await page.evaluate("() => axe.run().then(({ violations }) => violations)")
    told = [f"{state}: {one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]
    assert told == []
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), f"{state} is too wide"
    assert await page.evaluate(SMALL_TARGETS) == [], state


async def refuse(page: Page, socket: Socket, obstacle: str, state: str) -> None:
    at = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    await socket.say("not_yet", obstacles=[obstacle], opens_at=at, closes_at=at)
    await page.wait_for_function("() => document.querySelector('.end h1')")
    await check(page, state)


async def test_entrance(variant: Page, site: StandIn) -> None:
    for problem in (None, "bad_login", "too_many"):
        site.login = {"problem": problem, "email": "anne@example.org"}
        await variant.goto("/login")
        await check(variant, f"log-in, {problem}")
    await variant.goto("/error/404/not_found")
    await check(variant, "error")
    site.opens_to = None
    await variant.goto("/open#token")
    await variant.get_by_role("heading").wait_for()
    await check(variant, "used-up link")


async def test_desk(variant: Page, site: StandIn) -> None:
    await variant.goto("/desk")
    socket = await site.talk.welcomed()
    await socket.say("lobby", entries=[])
    await check(variant, "empty desk")
    now = datetime.now(ZoneInfo("Europe/Paris"))
    states = {"A": "past", "B": "open", "C": "planned", "D": "cancelled"}
    site.consultations = [
        planned(site, "Amélie Lefèvre-Castaing", now + timedelta(hours=index), state, f"con_{letter * 22}")
        for index, (letter, state) in enumerate(states.items())
    ]
    site.desk["problem"] = "bad_minutes"
    await variant.goto("/desk")
    socket = await site.talk.welcomed()
    away = entry("Lucie Bernard", "B", connected=False, same_link=True)
    await socket.say("lobby", entries=[entry(), away])
    await variant.get_by_text("Lucie Bernard").wait_for()
    await check(variant, "desk")
    await variant.get_by_role("link", name="QR code").first.click()
    await variant.get_by_role("dialog").wait_for()
    await check(variant, "QR dialog")
    await variant.keyboard.press("Escape")
    await variant.locator("form[data-confirm] button").first.click()
    await variant.get_by_role("dialog").wait_for()
    await check(variant, "cancel dialog")


async def test_patient_before_the_call(variant: Page, site: StandIn) -> None:
    await variant.add_init_script(
        """if (location.search) {
            navigator.permissions.query = async () => ({ state: "prompt" });
            if (location.search === "?refused") {
                const refuse = () => Promise.reject(new DOMException("", "NotAllowedError"));
                navigator.mediaDevices.getUserMedia = refuse;
            }
        }"""
    )
    await variant.goto(f"/join?asks#{INVITATION}")
    await variant.get_by_role("textbox").wait_for()
    await check(variant, "before the prompt")
    await variant.goto(f"/join?refused#{INVITATION}")
    await variant.get_by_role("textbox").wait_for()
    await variant.locator(".preview-words button").click()
    await variant.locator(".notice.warning").first.wait_for()
    await check(variant, "devices refused")
    await to_check(variant, site)
    await check(variant, "device check")
    socket = await to_waiting(variant, site)
    await check(variant, "waiting room")
    await variant.get_by_role("button", name=NAMES[site.language]["settings"]).click()
    await check(variant, "settings while waiting")
    await variant.keyboard.press("Escape")
    await socket.drop()
    await variant.get_by_text(NAMES[site.language]["reconnecting"]).wait_for()
    await check(variant, "waiting room without connection")
    site.look = None
    await variant.goto("/login")
    await variant.goto(f"/join#{INVITATION}")
    await variant.get_by_role("heading").wait_for()
    await check(variant, "invalid link")
    site.look = invited("too_early", opens_in=timedelta(hours=3))
    await variant.evaluate("sessionStorage.clear()")
    await variant.reload()
    await variant.get_by_role("heading").wait_for()
    await check(variant, "too early")


async def test_call(variant: Page, site: StandIn, robot: Page) -> None:
    names = NAMES[site.language]
    socket = await to_call(variant, site, robot)
    await sees_frames(variant)
    await check(variant, "call")
    for name in ("mute", "stop_video"):
        await variant.get_by_role("button", name=names[name]).click()
    silent = {"microphone": False, "camera": False, "screen": False}
    await socket.say("peer", **peer(PRACTITIONER.name, sending=silent))
    await variant.locator(".placeholder").wait_for()
    await check(variant, "call without cameras")
    await socket.say("peer", **peer(PRACTITIONER.name, sending={**silent, "screen": True}))
    await sees_frames(variant, "remote-screen")
    await check(variant, "shared screen")
    await variant.get_by_role("button", name=names["settings"]).click()
    await check(variant, "settings")
    await variant.keyboard.press("Escape")
    await socket.drop()
    await variant.get_by_text(names["reconnecting"]).wait_for()
    await check(variant, "call without signalling")
    again = await site.talk.arrival()
    await again.greet(resumed=True)
    await again.say("ended", reason="hung_up", by="practitioner")
    await variant.locator(".end h1").wait_for()
    await check(variant, "end of the call")


async def test_room(variant: Page, site: StandIn, robot: Page) -> None:
    socket = await to_room(variant, site)
    await check(variant, "room, alone")
    away = entry("Lucie Bernard", "B", connected=False)
    await socket.say("lobby", entries=[entry(), away, entry("Marc", "C", consultation=OTHER_CONSULTATION)])
    await variant.get_by_text("Lucie Bernard").wait_for()
    await check(variant, "room, somebody waits")
    await connect(socket, robot, "Jean Dupont")
    await sees_frames(variant)
    await socket.say("lobby", entries=[entry("Jean D.", "B", same_link=True)])
    await variant.locator(".aside").wait_for()
    await check(variant, "room, somebody waits during the call")
    await variant.get_by_role("button", name=NAMES[site.language]["leave"]).click()
    await variant.locator(".end h1").wait_for()
    await check(variant, "room, end")


async def test_price(variant: Page, site: StandIn) -> None:
    states = {
        "agree": price(tariff=PER_MINUTE, most_due=4000, hold_amount=4000),
        "card": price("card"),
        "card, far ahead": price("card", card_only=True),
        "wait": price("wait"),
        "declined": price("declined", declined="expired_card"),
        "expired": price("expired"),
    }
    for name, look in states.items():
        site.look, site.till.price = invited("agreement"), look
        await variant.goto("/login")
        await variant.goto(f"/join#{INVITATION}")
        await variant.locator(".price").wait_for()
        await check(variant, f"price, {name}")
    site.till.price = price()
    site.till.refusals["/join/price/coupon"] = (422, "coupon_unknown", "There is no coupon with this code.")
    await variant.reload()
    await variant.locator("#coupon").fill("NONE")
    await variant.locator(".coupon button").click()
    await variant.locator(".notice.error").wait_for()
    await check(variant, "price, a code that is none")
    site.till.price = price("ready", payment="pending", due=4500, pay_url="/pay#x")
    await variant.reload()
    await variant.locator(".end .notice").wait_for()
    await check(variant, "what is owed")


async def test_pay_link(variant: Page, site: StandIn) -> None:
    receipts = [{"id": "rec_1", "number": "CM/2026-7", "kind": "receipt", "issued_at": "2026-03-10T10:00:00Z"}]
    for debt_ in (debt(), debt("partly_refunded", covered=2000, paid=6000, refunded=1000, receipts=receipts), None):
        site.till.debt = debt_
        await variant.goto("/login")
        await variant.goto(f"/pay#{PAY_TOKEN}")
        await variant.wait_for_function("() => document.querySelector('.price, .end p')")
        await check(variant, "pay link")


async def test_metered_call(variant: Page, site: StandIn, robot: Page) -> None:
    site.till.price = price("ready", tariff=PER_MINUTE)
    socket = await to_call(variant, site, robot)
    await sees_frames(variant)
    await socket.say("meter", **meter(ends_in=95))
    await variant.locator(".meter").wait_for()
    await check(variant, "metered call")
    assert await variant.evaluate(OVERLAP) is False, "what is said hides the meter"
    site.till.price = price("ready", payment="draft")
    await socket.say("ended", reason="hung_up", by="practitioner")
    await variant.locator(".end .notice").wait_for()
    await check(variant, "end of a metered call")


async def test_invoice(variant: Page, site: StandIn, robot: Page) -> None:
    await variant.clock.install()
    site.till.invoice = invoice(running=True)
    socket = await to_room(variant, site)
    await connect(socket, robot, "Jean Dupont")
    await sees_frames(variant)
    await socket.say("meter", **meter(paused=True, running=False))
    await variant.locator(".meter").wait_for()
    await variant.get_by_role("button", name=NAMES[site.language]["invoice"]).click()
    await variant.get_by_role("dialog").wait_for()
    await check(variant, "invoice during the call")
    await variant.keyboard.press("Escape")
    for state in (invoice(), invoice(locked=True), invoice("paid", estimated=False), missed_invoice()):
        site.till.invoice = state
        await to_room(variant, site)
        await variant.clock.set_fixed_time("2030-01-01T10:00:00Z")
        await variant.get_by_role("button", name=NAMES[site.language]["leave"]).click()
        await variant.clock.run_for(1500)
        await variant.locator(".end .invoice").wait_for()
        await check(variant, "invoice at the end")


async def test_refusals(variant: Page, site: StandIn) -> None:
    socket = await to_waiting(variant, site)
    await refuse(variant, socket, "cancelled", "cancelled")
    socket = await to_room(variant, site)
    await refuse(variant, socket, "too_early", "room, too early")
