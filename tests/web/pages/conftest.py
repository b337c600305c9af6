"""Real Chromium on real pages, with a stand-in for the server behind them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.requirements import missing
from tests.web.pages.stand_in import StandIn, running

CHROMIUM = Path("/usr/bin/chromium")
# Ten pictures a second are enough to see that they come, and cost half as much.
ARGUMENTS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=10",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    "--auto-select-desktop-capture-source=Entire screen",
]


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[StandIn]:
    async with running(StandIn()) as stand_in:
        yield stand_in


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        missing("Chromium (apt install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, site: StandIn) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(locale="fr-FR", base_url=site.url, timezone_id="Europe/Paris")
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page whose errors, and refusals by the content security policy, fail the test."""
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if _is_trouble(message.text) else None)
    yield page
    assert troubles == []


@pytest_asyncio.fixture(loop_scope="module")
async def robot(page: Page) -> Page:
    """The page that plays the media side of the call."""
    robot = await page.context.new_page()
    await robot.goto("/robot")
    await page.bring_to_front()
    return robot


def _is_trouble(text: str) -> bool:
    return "Content Security Policy" in text or "TrustedHTML" in text
