"""Log-in, one-time links, errors, and the choice of language."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import PRACTITIONER, StandIn
from tests.web.pages.walks import expect_heading, focused_text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_log_in_that_failed_keeps_the_address_and_says_why(page: Page, site: StandIn) -> None:
    site.login = {"problem": "bad_login", "email": "anne@example.org"}
    await page.goto("/login")
    await expect(page.get_by_role("alert")).to_contain_text("ne vont pas ensemble")
    await expect(page.get_by_label("Adresse e-mail")).to_have_value("anne@example.org")
    await expect(page.get_by_label("Mot de passe")).to_be_focused()
    await page.get_by_label("Mot de passe").fill("a better password")
    await page.get_by_role("button", name="Se connecter").click()
    await page.wait_for_url("**/desk")
    assert site.posted == [("/login", {"email": "anne@example.org", "password": "a better password"})]


async def test_too_many_attempts_are_told(page: Page, site: StandIn) -> None:
    site.login = {"problem": "too_many", "email": ""}
    await page.goto("/login")
    await expect(page.get_by_role("alert")).to_contain_text("Trop de tentatives")


async def test_a_one_time_link_logs_in_and_leaves_no_token_behind(page: Page, site: StandIn) -> None:
    await page.goto("/open#one-time-token")
    await page.wait_for_url("**/desk")
    assert site.posted == [("/open", {"token": "one-time-token", "replace": False})]


async def test_a_link_asks_before_it_replaces_who_is_logged_in(page: Page, site: StandIn) -> None:
    site.logged_in = PRACTITIONER
    await page.goto("/open#one-time-token")
    await expect_heading(page, "Un autre praticien est connecté ici.")
    assert await focused_text(page) == "Un autre praticien est connecté ici."
    await expect(page.get_by_role("main").get_by_text("Dr Anne Martin")).to_be_visible()
    await expect(page.get_by_role("link", name="Ne rien changer")).to_have_attribute("href", "/desk")
    await page.get_by_role("button", name="English").click()
    await expect_heading(page, "Another practitioner is logged in here.")
    await page.get_by_role("button", name="Log them out and go on").click()
    await page.wait_for_url("**/desk")
    assert [body["replace"] for path, body in site.posted if path == "/open"] == [False, False, True]


async def test_a_page_that_nobody_sees_uses_no_link_up(page: Page, site: StandIn) -> None:
    """A scanner of mail may run scripts; it does not show the page."""
    await page.add_init_script(
        "window.seen = 'hidden';"
        "Object.defineProperty(Document.prototype, 'visibilityState', { get: () => window.seen })"
    )
    await page.goto("/open#one-time-token")
    await page.evaluate("new Promise((done) => setTimeout(done, 300))")
    assert site.posted == []
    await page.evaluate("window.seen = 'visible'; document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_url("**/desk")
    assert len(site.posted) == 1


async def test_a_link_that_was_used_up_leads_to_the_log_in(page: Page, site: StandIn) -> None:
    site.opens_to = None
    await page.goto("/open#one-time-token")
    await expect_heading(page, "Ce lien ne fonctionne plus")
    assert await focused_text(page) == "Ce lien ne fonctionne plus"
    await expect(page.get_by_role("link", name="Se connecter")).to_have_attribute("href", "/login")
    assert page.url.endswith("/open")


async def test_an_error_has_a_sentence_and_a_way_on(page: Page, site: StandIn) -> None:
    await page.goto("/error/404/not_found")
    await expect_heading(page, "Page introuvable")
    await expect(page.get_by_text("Il n’y a rien ici, ou cela ne vous est pas destiné.")).to_be_visible()
    await expect(page.get_by_text("4fe2a1c0")).to_be_visible()
    await expect(page.get_by_role("link", name="Retour à l’accueil")).to_be_visible()


async def test_the_language_is_changed_where_one_stands(page: Page, site: StandIn) -> None:
    await page.goto("/login")
    assert await page.evaluate("document.documentElement.lang") == "fr"
    await page.get_by_role("button", name="English").click()
    await expect_heading(page, "Log in")
    assert await page.evaluate("document.documentElement.lang") == "en"
    assert page.url.endswith("/login")
