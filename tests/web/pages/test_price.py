"""The price before the waiting room: every state of it, the agreement, codes, cards. DAT-31..34, MMP-25."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import INVITATION, StandIn, invited
from tests.web.pages.till import PER_MINUTE, price
from tests.web.pages.walks import FR, expect_heading, focused_text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

COSTS = "Ce que coûte cette téléconsultation"
# Counts how often the page's heading was taken away and put back, and every word that came and went.
WATCH = """() => {
    window.changes = [];
    const note = () => {
        const heading = document.querySelector("h1")?.textContent ?? "";
        if (window.changes.at(-1) !== heading) window.changes.push(heading);
    };
    new MutationObserver(note).observe(document.getElementById("app"), { childList: true, subtree: true });
}"""


async def to_price(page: Page, site: StandIn, look: dict[str, object], obstacle: str = "agreement") -> None:
    site.look = invited(obstacle)
    site.till.price = look
    await page.goto(f"/join#{INVITATION}")
    await expect_heading(page, COSTS)


async def test_the_price_is_told_in_words_with_its_maximum_before_anybody_agrees(page: Page, site: StandIn) -> None:
    tariff = {**PER_MINUTE, "fixed": 500, "minimum_seconds": 600, "granularity": 60, "minimum": 1500}
    await to_price(page, site, price(tariff=tariff, most=7000, most_due=7000, hold_amount=7000))
    card = page.get_by_role("region", name="Prix")
    for words in (
        "2,00 € par minute",
        "plus 5,00 €",
        "Gratuit au début : 1 min",
        "15,00 €",
        "pour 30 minutes",
        "70,00 €",
    ):
        await expect(card).to_contain_text(words)
    await expect(page.get_by_role("button", name="Accepter et autoriser 70,00 €")).to_be_visible()


async def test_dat_32_agreeing_leads_to_the_card_and_back_to_the_check(page: Page, site: StandIn) -> None:
    await to_price(page, site, price())
    site.till.after = {"agree": price("card"), "seen": price("ready", card="visa 4242")}
    await expect(page.get_by_label("Votre nom")).to_have_value("Jean Dupont")
    await page.get_by_label("Votre adresse e-mail").fill("jean@example.org")
    await page.get_by_role("button", name="Accepter et autoriser 80,00 €").click()
    await page.wait_for_url("**/card/form")
    assert site.till.asked[-2:] == [
        (
            "/join/price/agree",
            {
                "invitation": INVITATION,
                "name": "Jean Dupont",
                "email": "jean@example.org",
                "coupon": "",
                "most": 8000,
            },
        ),
        ("/join/price/card", {"invitation": INVITATION}),
    ]
    assert INVITATION not in page.url
    site.look = invited()
    await page.goto("/join")
    await expect(page.get_by_role("button", name=FR["join"])).to_be_visible()
    assert page.url.endswith(f"/join#{INVITATION}")


async def test_the_form_asks_for_name_and_address_before_anything_is_sent(page: Page, site: StandIn) -> None:
    await to_price(page, site, price())
    await page.get_by_role("button", name="Accepter et autoriser").click()
    await expect(page.get_by_label("Votre adresse e-mail")).to_be_focused()
    await page.get_by_label("Votre adresse e-mail").fill("nobody")
    await page.get_by_role("button", name="Accepter et autoriser").click()
    assert "/join/price/agree" not in site.till.paths()


async def test_a_refusal_stands_on_the_page_and_what_was_typed_stays(page: Page, site: StandIn) -> None:
    await to_price(page, site, price())
    site.till.refusals["/join/price/agree"] = (409, "price_changed", "Le prix a changé entre-temps.")
    await page.get_by_label("Votre adresse e-mail").fill("jean@example.org")
    await page.get_by_role("button", name="Accepter et autoriser").click()
    await expect(page.get_by_role("alert")).to_have_text("Le prix a changé entre-temps.")
    await expect(page.get_by_label("Votre adresse e-mail")).to_have_value("jean@example.org")
    await page.route("**/join/price/agree", lambda route: route.abort())
    await page.get_by_role("button", name="Accepter et autoriser").click()
    await expect(page.get_by_role("alert")).to_contain_text("Le service ne répond pas")


async def test_mmp_25_a_code_is_tried_and_its_price_shown(page: Page, site: StandIn) -> None:
    await to_price(page, site, price())
    site.till.after["coupon"] = price(most_due=4000, hold_amount=4000, covered_percent=50)
    code = page.get_by_label("Code de votre entreprise")
    await code.fill("ACME")
    await page.get_by_role("button", name="Utiliser le code").click()
    await expect(page.get_by_role("button", name="Accepter et autoriser 40,00 €")).to_be_visible()
    await expect(page.get_by_role("region", name="Prix")).to_contain_text("− 40,00 €")
    site.till.refusals["/join/price/coupon"] = (422, "coupon_expired", "Ce code a expiré.")
    await code.fill("OLD")
    await code.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Ce code a expiré.")
    site.till.after["coupon"] = price(most_due=0, hold_amount=0, covered_percent=100)
    await code.fill("ALL")
    await page.get_by_role("button", name="Utiliser le code").click()
    await expect(page.get_by_role("button", name="Accepter ce prix")).to_be_visible()


async def test_dat_31_a_declined_card_says_why_and_offers_another(page: Page, site: StandIn) -> None:
    await to_price(page, site, price("declined", declined="insufficient_funds"), "hold")
    await expect(page.get_by_text("le solde de cette carte est insuffisant")).to_be_visible()
    await expect(page.get_by_text("Rien n’a été débité.")).to_be_visible()
    await page.get_by_role("button", name="Essayer une autre carte").click()
    await page.wait_for_url("**/card/form")
    site.till.price = price("declined", declined="card_brand_not_accepted")
    await page.goto(f"/join#{INVITATION}")
    await expect(page.get_by_text("Seules Visa, Mastercard et American Express")).to_be_visible()


async def test_dat_34_an_expired_hold_is_authorised_again(page: Page, site: StandIn) -> None:
    await to_price(page, site, price("expired"), "hold")
    await expect(page.get_by_text("Rien n’a été débité.")).to_be_visible()
    await page.get_by_role("button", name="Autoriser de nouveau").click()
    await page.wait_for_url("**/card/form")


async def test_a_kept_card_needs_no_form_again(page: Page, site: StandIn) -> None:
    await to_price(page, site, price("card", card="visa 4242"), "hold")
    site.till.card_url = None
    site.till.after["seen"] = price("ready", card="visa 4242")
    site.look = invited()
    await page.get_by_role("button", name="Autoriser 80,00 € sur Visa 4242").click()
    await expect(page.get_by_role("button", name=FR["join"])).to_be_visible()


async def test_far_ahead_the_card_is_kept_and_the_page_says_that_nothing_is_set_aside_yet(
    page: Page, site: StandIn
) -> None:
    site.look = invited("too_early", "agreement", opens_in=timedelta(days=20))
    site.till.price = price(card_only=True)
    await page.goto(f"/join#{INVITATION}")
    await expect_heading(page, COSTS)
    await expect(page.get_by_text("rien n’est prélevé ni mis de côté")).to_be_visible()
    await expect(page.get_by_role("button", name="Accepter et passer à la carte")).to_be_visible()
    site.look = invited("too_early", "hold", opens_in=timedelta(days=20))
    site.till.price = price("card", card_only=True)
    await page.reload()
    await page.get_by_role("button", name="Continuer vers la carte").click()
    await page.wait_for_url("**/card/form")
    site.till.after["seen"] = price("ready", card="visa 4242", card_only=True)
    await page.goto("/join")
    await expect_heading(page, "Vous êtes en avance")


async def test_a_bank_that_is_being_asked_is_waited_for_without_a_flicker(page: Page, site: StandIn) -> None:
    await page.clock.install()
    await to_price(page, site, price("wait"), "hold")
    await expect(page.get_by_text("Votre banque est interrogée")).to_be_visible()
    await page.evaluate(WATCH)
    await is_asked(page, site, times=2)
    assert await page.evaluate("changes") in ([], [COSTS])
    site.look = invited()
    site.till.after["seen"] = price("ready")
    await is_asked(page, site, times=1)
    await expect(page.get_by_role("button", name=FR["join"])).to_be_visible()
    assert "Un instant…" not in await page.evaluate("changes")


async def is_asked(page: Page, site: StandIn, times: int) -> None:
    """Let the page's time pass until it has asked so many times more how the price stands."""
    before = site.till.paths().count("/join/price/seen")
    while site.till.paths().count("/join/price/seen") < before + times:
        await page.clock.run_for(1000)


async def test_where_the_gate_still_says_no_the_page_waits_and_does_not_go_round_in_circles(
    page: Page, site: StandIn
) -> None:
    site.look = invited("hold")
    site.till.price = price("ready", card="visa 4242")
    await page.clock.install()
    await page.goto(f"/join#{INVITATION}")
    await expect(page.get_by_text("Votre autorisation est en cours de vérification.")).to_be_visible()
    await page.evaluate(WATCH)
    asked = len(site.till.asked)
    await page.clock.run_for(7000)
    await page.evaluate("async () => { await fetch('/login'); }")  # whatever was asked before has arrived
    assert len(site.till.asked) == asked
    assert await page.evaluate("changes") == []


async def test_after_the_invoice_the_link_says_what_is_owed_and_asks_for_no_card(page: Page, site: StandIn) -> None:
    site.look = invited("hold")
    site.till.price = price("ready", payment="pending", due=4500, pay_url="/pay#x")
    await page.goto(f"/join#{INVITATION}")
    await expect(page.get_by_text("À payer : 45,00 €")).to_be_visible()
    await expect(page.get_by_role("link", name="Payer maintenant")).to_have_attribute("href", "/pay#x")


async def test_a_price_that_cannot_be_loaded_can_be_asked_for_again(page: Page, site: StandIn) -> None:
    site.look = invited("agreement")
    site.till.price = price()
    site.till.refusals["/join/price"] = (503, "not_ready", "Le service n’est pas encore prêt.")
    await page.goto(f"/join#{INVITATION}")
    await expect(page.get_by_role("alert")).to_have_text("Le service n’est pas encore prêt.")
    await page.get_by_role("button", name="Réessayer").click()
    await expect_heading(page, COSTS)


async def test_nobody_is_asked_for_money_once_it_is_over(page: Page, site: StandIn) -> None:
    for obstacle in ("cancelled", "too_late", "ended"):
        site.look = invited(obstacle, "agreement")
        await page.goto("/login")
        await page.goto(f"/join#{INVITATION}")
        await page.get_by_role("heading", level=1).wait_for()
        await expect(page.get_by_role("button", name="Accepter")).to_have_count(0)
    assert site.till.asked == []


async def test_the_keyboard_is_enough_and_stands_at_the_heading_first(page: Page, site: StandIn) -> None:
    await to_price(page, site, price())
    await page.get_by_label("Votre nom").focus()
    names = []
    for _ in range(4):
        await page.keyboard.press("Tab")
        names.append(await page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
    assert names[:2] == ["email", "coupon"]
    assert names[3].startswith("Accepter et autoriser")
    assert await focused_text(page) == names[3]


async def test_in_english(page: Page, site: StandIn) -> None:
    site.language = "en"
    site.look = invited("agreement")
    site.till.price = price()
    await page.goto(f"/join#{INVITATION}")
    await expect_heading(page, "What this consultation costs")
    await expect(page.get_by_role("button", name="Agree, and authorise €80.00")).to_be_visible()
