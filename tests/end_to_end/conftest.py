import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from tests.end_to_end.deployment import Deployment
from tests.end_to_end.payers import Administrator, Earner, Payer
from tests.end_to_end.people import Patient, Person, Practitioner
from tests.end_to_end.practice import Practice
from tests.requirements import missing

FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=10",
    "--auto-accept-this-tab-capture",
    "--auto-select-desktop-capture-source=Entire screen",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


def chromium_path() -> str:
    path = shutil.which("chromium")
    if path is None:
        missing("Chromium is not installed (Debian: apt-get install chromium)")
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
    yield browser
    await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    chromium_path()
    folder: Path = tmp_path_factory.mktemp("visavis") / "data"
    deployment = Deployment(folder)
    await deployment.start()
    yield deployment
    deployment.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Practice]:
    chromium_path()
    practice = Practice(tmp_path_factory.mktemp("practice") / "data")
    await practice.start()
    yield practice
    practice.stop()


Arrive = Callable[..., Awaitable[Person]]


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser) -> AsyncIterator[Arrive]:
    """Return a function that brings a `Practitioner` or `Patient`; all leave at the end, and none met an error."""
    here: list[Person] = []

    async def arrive(kind: type[Person], **options: object) -> Person:
        person = await kind.arrive(browser, **options)
        here.append(person)
        return person

    yield arrive
    errors = [error for person in here for error in person.errors]
    for person in here:
        await person.close()
    assert errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def practitioner(people: Arrive) -> Practitioner:
    return await people(Practitioner)


@pytest_asyncio.fixture(loop_scope="session")
async def patient(people: Arrive) -> Patient:
    return await people(Patient)


@pytest_asyncio.fixture(loop_scope="session")
async def earner(people: Arrive) -> Earner:
    return await people(Earner)


@pytest_asyncio.fixture(loop_scope="session")
async def payer(people: Arrive) -> Payer:
    return await people(Payer)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def administrator(browser: Browser, practice: Practice) -> AsyncIterator[Administrator]:
    """Logged in once for a module, as their link is good once."""
    administrator = await Administrator.arrive(browser)
    assert isinstance(administrator, Administrator)
    await administrator.enter(practice.url, practice.ready["administrator_url"])
    yield administrator
    await administrator.close()
