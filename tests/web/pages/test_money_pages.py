"""Practitioners' and administrators' pages of money, as the real application draws them: axe, width, targets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser, Page, expect

from billing.agreement import When
from notify.io.post import Post
from notify.letters import PayLink
from tests.migrated import migrated_file
from tests.notify.samples import letter
from tests.web.opening import open_practice
from tests.web.pages.test_accessibility import AXE, VARIANTS, check
from tests.web.practice import PER_MINUTE, Practice
from tests.web.senders import difference

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def fill(practice: Practice) -> None:
    """A month of a practice: paid, owed, unpaid, missed and free consultations, and what is planned."""
    for days, name, amount in (
        (45, "Léa Bernard", 8000),
        (12, "Amélie Lefèvre-Castaing", 6550),
        (2, "Marc Petit", 8000),
    ):
        practice.later(days=-days)
        await practice.paid(await practice.priced(name=name), amount, seconds=48 * 60 + 18)
        practice.later(days=days)
    practice.later(days=-1)
    payment = await practice.paid(await practice.priced(name="Inès Garcia"), seconds=129)
    known = await practice.administrators.id_of("dominique@example.org")
    await practice.billing.refunds.refund(payment, 3000, known, "Too short", practice.at)
    owed = await practice.owed(await practice.priced(name="Hugo Roux", when=When.AFTER), seconds=1128)
    async with practice.till.database.transaction() as tx:
        await Post(practice.till.database).enqueue(tx, letter(PayLink, to="nobody"), "lost", practice.at, owed)
    await practice.till.talk((await practice.plan(name="Nora Blanc")).id, 300)
    practice.later(days=1)
    drafted = await practice.priced(name="Paul Durand")
    await practice.held(drafted)
    await practice.till.talk(drafted.id, 600)
    await practice.held(await practice.priced(PER_MINUTE, name="Jean Dupont"))
    await practice.priced(name="Zoé Petit", hours=2)
    await practice.plan(name="Alex Martin", hours=30)
    await practice.billing.coupons.create("ACME2026", "Acme", practice.at, percent=50, most_uses=100)
    await difference(practice)
    while await practice.billing.run(practice.at):
        pass


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def practice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Practice]:
    """A practice that has been paid for a while, behind a real port, with the sandbox for a provider."""
    async with AsyncExitStack() as stack:
        file = migrated_file(tmp_path_factory.mktemp("practice") / "visavis.sqlite3")
        at = datetime.now(UTC).replace(hour=9, minute=0)
        practice, app = await open_practice(stack, file, sandbox=True, mail_in_files=True, at=at)
        practice.client = await stack.enter_async_context(TestClient(TestServer(app)))
        practice.sandbox.set_public_origin(practice.origin)
        await fill(practice)
        yield practice


@pytest_asyncio.fixture(loop_scope="module", params=VARIANTS.values(), ids=VARIANTS.keys())
async def variant(request: pytest.FixtureRequest, browser: Browser, practice: Practice) -> AsyncIterator[Page]:
    language, scheme, size = request.param
    context = await browser.new_context(
        base_url=practice.origin, color_scheme=scheme, viewport=size, reduced_motion="reduce", locale=language
    )
    context.set_default_timeout(10_000)
    known = await practice.administrators.id_of("dominique@example.org")
    sessions = {
        "visavis": await practice.session(practice.owner),
        "visavis-admin": await practice.administrators.start_session(known, practice.at),
    }
    await context.add_cookies(
        [{"name": name, "value": value, "url": practice.origin} for name, value in sessions.items()]
    )
    await context.add_init_script(path=AXE)
    yield await context.new_page()
    await context.close()


async def test_the_desk_with_its_prices(variant: Page) -> None:
    await variant.goto("/desk")
    await expect(variant.locator(".consultation-price")).to_have_count(3)
    await check(variant, "desk with prices")
    await variant.locator("input[value=per_minute]").check(force=True)
    await variant.locator("summary").click()
    await check(variant, "the form of a price")
    await variant.locator("#patient_name").fill("Zoé")
    await variant.locator("#amount").fill("eighty")
    await variant.locator("form[data-planning] button.primary").click()
    await variant.locator("#amount[aria-invalid=true]").wait_for()
    await check(variant, "a price that is none")


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring",
        "/monitoring?status=failed",
        "/monitoring?from=x",
        "/earnings",
        "/earnings?from=2020-01-01&to=2020-01-02",
        "/payments",
        "/admin",
        "/admin?find=nothing",
        "/card/done",
    ],
)
async def test_pages_of_money(variant: Page, path: str) -> None:
    if path == "/monitoring":
        path += f"?from={(datetime.now(UTC) - timedelta(days=60)).date()}"
    await variant.goto(path)
    if path.startswith("/monitoring?from=2"):
        await expect(variant.locator(".undelivered")).to_have_count(1)
    await check(variant, path)


async def test_the_account_that_lacks_something(variant: Page, practice: Practice) -> None:
    account = await practice.billing.connect.account_of(practice.owner.id)
    missing = ("business_profile.url", "individual.verification.document", "external_account")
    practice.sandbox.require(account.id, missing)
    await variant.goto("/payments")
    await expect(variant.locator(".kyc li")).to_have_count(3)
    await check(variant, "payments, something is missing")
    practice.sandbox.require(account.id, ())


async def test_receipt_lines_that_cannot_be_printed(variant: Page) -> None:
    await variant.goto("/payments")
    await variant.locator("#lines").fill("A" * 81)
    await variant.get_by_role("button", name="Save").or_(variant.get_by_role("button", name="Enregistrer")).click()
    await expect(variant.locator("#lines[aria-invalid=true]")).to_have_value("A" * 81)
    await check(variant, "payments, receipt lines refused")
