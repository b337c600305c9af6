"""A practitioner and a patient at real Chromium pages, whose cameras show the time.

Playwright and Chromium are needed here only; without them `why_not` says so in words.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
_PATIENCE_MS = 30_000
_LOCALE = "en-GB"
_ADMIT = "Admit"
_CLOCK = Path(__file__).with_name("page_clock.js")


class Seen(msgspec.Struct, frozen=True, rename="camel"):
    """What a page rendered of the other one; times in milliseconds of the machine's clock, delays in milliseconds."""

    frames: int
    unreadable: int
    first_frame_at: float | None
    admitted_at: float | None
    delays: list[float]


def chromium() -> str | None:
    """Return the path of Chromium, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def why_not() -> str:
    """Return why there can be no pages here; empty when there can."""
    if find_spec("playwright") is None:
        return "Playwright is not installed (pip install playwright)"
    return "" if chromium() is not None else "Chromium is not installed (Debian: apt-get install chromium)"


@asynccontextmanager
async def browser() -> AsyncIterator["Browser"]:
    """Give a Chromium; look at `why_not` first."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 — an optional dependency

    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield launched
        finally:
            await launched.close()


class Person:
    """Somebody at a page in a browser of their own."""

    def __init__(self, context: "BrowserContext", page: "Page") -> None:
        self._context = context
        self._page = page

    @classmethod
    async def arrive(cls, browser: "Browser", width: int, height: int, rate: int) -> Self:
        """Return somebody with an empty page and a camera of that size and rate."""
        context = await browser.new_context(locale=_LOCALE, permissions=["camera", "microphone"])
        context.set_default_timeout(_PATIENCE_MS)
        clock = _CLOCK.read_text(encoding="utf-8")
        for name, value in (("WIDTH", width), ("HEIGHT", height), ("RATE", rate), ("ADMIT", _ADMIT)):
            clock = clock.replace(f"__{name}__", str(value))
        await context.add_init_script(clock)
        return cls(context, await context.new_page())

    async def enter(self, url: str, consultation: str, cookie: str) -> None:
        """Enter the room of a consultation as its practitioner; `cookie` is theirs, as in a `Cookie` header."""
        pairs = (part.split("=", 1) for part in cookie.split("; "))
        await self._context.add_cookies([{"name": name, "value": value, "url": url} for name, value in pairs])
        await self._page.goto(f"{url}/consultations/{consultation}")
        await self._page.get_by_role("button", name=re.compile("^Leave")).wait_for()

    async def knock(self, link: str) -> None:
        """Follow a patient's link into the waiting room."""
        await self._page.goto(link)
        await self._page.get_by_role("button", name=re.compile("^Join")).click()
        await self._page.get_by_role("heading", name="Waiting room", exact=True).wait_for()

    async def admit(self) -> None:
        """Let in the one who waits."""
        await self._page.get_by_role("button", name=re.compile(f"^{_ADMIT}")).first.click()

    async def sees(self) -> None:
        """Wait until a picture of the other one has been rendered."""
        async with asyncio.timeout(_PATIENCE_MS / 1000):
            # Playwright's own waiting needs `eval`, which the pages' policy forbids.
            while not await self._page.evaluate("bench.firstFrameAt !== null"):  # noqa: ASYNC110 — the page has no event
                await asyncio.sleep(0.05)

    async def forget_delays(self) -> None:
        """Count frames and delays from now on: the first second says how a call begins, not how it is."""
        await self._page.evaluate("() => { bench.frames = bench.unreadable = 0; bench.delays.length = 0; }")

    async def seen(self) -> Seen:
        """Return what was rendered so far."""
        return msgspec.convert(await self._page.evaluate("bench"), Seen)

    async def close(self) -> None:
        """Close the browser's window."""
        await self._context.close()
