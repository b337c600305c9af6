"""The pay link's page: what is owed, paying it, receipts (FAC-10, DAT-29, DAT-30)."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import StandIn
from tests.web.pages.till import PAY_TOKEN, debt
from tests.web.pages.walks import expect_heading

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

RECEIPT = {"id": "rec_1", "number": "CM/2026-7", "kind": "receipt", "issued_at": "2026-03-10T10:00:00Z"}
CREDIT = {**RECEIPT, "id": "rec_2", "number": "CM/2026-8", "kind": "credit_note"}


async def to_pay(page: Page, site: StandIn, **changes: object) -> None:
    site.till.debt = debt(**changes)
    await page.goto(f"/pay#{PAY_TOKEN}")
    await page.get_by_role("heading", level=1).wait_for()


async def test_fac_10_the_sums_and_the_way_to_the_card_and_back(page: Page, site: StandIn) -> None:
    await to_pay(page, site, price=10_000, covered=2000)
    await expect_heading(page, "À payer")
    sums = page.get_by_role("region", name="Montant")
    for words in ("20:34", "100,00 €", "− 20,00 €", "80,00 €"):
        await expect(sums).to_contain_text(words)
    await page.get_by_role("button", name="Payer 80,00 € par carte").click()
    await page.wait_for_url("**/card/form")
    assert PAY_TOKEN not in page.url
    site.till.after["seen"] = debt("paid", paid=8000, card="visa 4242", receipts=[RECEIPT])
    await page.goto("/pay")
    await expect_heading(page, "Payé")
    await expect(page.get_by_text("Payé avec Visa 4242")).to_be_visible()
    assert site.till.paths() == ["/pay/look", "/pay/card", "/pay/seen"]


@pytest.mark.parametrize(
    ("state", "heading", "payable"),
    [
        ("draft", "Le montant n’est pas encore confirmé", False),
        ("pending", "À payer", True),
        ("unpaid", "À payer", True),
        ("failed", "Le paiement n’a pas abouti", True),
        ("processing", "Le paiement est en cours", False),
        ("paid", "Payé", False),
        ("no_payment", "Il n’y a rien à payer", False),
        ("cancelled", "Il n’y a rien à payer", False),
        ("refunded", "Remboursé", False),
        ("disputed", "Payé", False),
    ],
)
async def test_every_state_has_its_heading(page: Page, site: StandIn, state: str, heading: str, payable: bool) -> None:
    await to_pay(page, site, state=state)
    await expect_heading(page, heading)
    await expect(page.get_by_role("button", name="par carte")).to_have_count(1 if payable else 0)


async def test_a_payment_on_its_way_is_followed_without_a_flicker(page: Page, site: StandIn) -> None:
    await page.clock.install()
    await to_pay(page, site, state="processing")
    site.till.after["seen"] = debt("paid", paid=8000)
    await page.clock.run_for(5000)
    await expect_heading(page, "Payé")


async def test_dat_30_receipts_are_downloaded_by_a_form_without_the_token_in_an_address(
    page: Page, site: StandIn
) -> None:
    await to_pay(page, site, state="partly_refunded", paid=8000, refunded=3000, receipts=[RECEIPT, CREDIT])
    await expect(page.get_by_text("Avoir CM/2026-8")).to_be_visible()
    await page.get_by_role("button", name="Télécharger le PDF (CM/2026-7)").click()
    await page.wait_for_url("**/desk")  # where the stand-in sends every form
    assert site.posted == [("/pay/receipt", {"token": PAY_TOKEN, "receipt": "rec_1"})]


async def test_a_link_that_leads_nowhere_and_a_service_that_is_away(page: Page, site: StandIn) -> None:
    site.till.debt = None
    await page.goto(f"/pay#{PAY_TOKEN}")
    await expect_heading(page, "Ce lien ne fonctionne pas")
    await page.route("**/pay/look", lambda route: route.abort())
    await page.reload()
    await expect_heading(page, "Cette page n’a pas pu être chargée")
    await page.unroute("**/pay/look")
    site.till.debt = debt()
    await page.get_by_role("button", name="Réessayer").click()
    await expect_heading(page, "À payer")


async def test_a_refusal_stands_beside_the_button(page: Page, site: StandIn) -> None:
    await to_pay(page, site)
    site.till.refusals["/pay/card"] = (503, "provider_unavailable", "Le prestataire ne répond pas.")
    await page.get_by_role("button", name="Payer 80,00 € par carte").click()
    await expect(page.get_by_role("alert")).to_have_text("Le prestataire ne répond pas.")
    await expect(page.get_by_role("button", name="Payer 80,00 € par carte")).to_be_enabled()
