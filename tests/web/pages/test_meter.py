"""The meter over the call, the end of what is held, and what is owed afterwards (C2-13, C2-14, FAC-9, FAC-10)."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

import pytest
from playwright.async_api import Page, expect

from tests.web.pages.stand_in import Socket, StandIn
from tests.web.pages.till import PER_MINUTE, invoice, meter, missed_invoice, price
from tests.web.pages.walks import FR, connect, sees_frames, to_call, to_room

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SHOWN = """() => [...document.querySelectorAll(".meter dd")].map((one) => one.textContent.replace(/\\s/g, " "))"""


async def paid_call(page: Page, site: StandIn, robot: Page, **changes: object) -> Socket:
    site.till.price = price("ready", tariff=PER_MINUTE, card="visa 4242")
    socket = await to_call(page, site, robot)
    await socket.say("meter", **meter(**changes))
    return socket


async def paid_room(page: Page, site: StandIn, robot: Page, **changes: object) -> Socket:
    site.till.invoice = invoice(running=True, **changes)
    socket = await to_room(page, site)
    await connect(socket, robot, "Jean Dupont")
    await sees_frames(page)
    await socket.say("meter", **meter())
    return socket


async def test_a_free_call_has_no_meter_and_asks_for_no_invoice(page: Page, site: StandIn, robot: Page) -> None:
    socket = await to_room(page, site)
    await connect(socket, robot, "Jean Dupont")
    await sees_frames(page)
    await expect(page.locator(".meter")).to_have_count(0)
    await expect(page.get_by_role("button", name="Facture")).to_have_count(0)
    assert site.till.asked == []


async def test_c2_13_time_and_cost_go_on_between_two_readings_and_no_further_than_is_known(
    page: Page, site: StandIn, robot: Page
) -> None:
    await page.clock.install()
    await paid_call(page, site, robot, next_costs=[2317, 2320, 2323])
    await expect(page.locator(".meter")).to_contain_text("Temps facturé")
    await page.clock.run_for(3000)
    await page.wait_for_function(f"() => ({SHOWN})()[1] === '23,23 €'")
    assert (await page.evaluate(SHOWN))[0] == "12:37"
    await page.clock.run_for(2500)
    assert await page.evaluate(SHOWN) == ["12:37", "23,23 €"]


async def test_c2_14_a_meter_that_is_stopped_or_waits_stands_still_and_says_so(
    page: Page, site: StandIn, robot: Page
) -> None:
    socket = await paid_call(page, site, robot, running=False, next_costs=[])
    await expect(page.locator(".meter")).to_contain_text("Ne compte pas")
    await socket.say("meter", **meter(running=False, paused=True, next_costs=[]))
    await expect(page.locator(".meter")).to_contain_text("Compteur arrêté")
    assert (await page.evaluate(SHOWN))[:2] == ["12:34", "23,13 €"]


async def test_the_practitioner_stops_the_meter_and_lets_it_run(page: Page, site: StandIn, robot: Page) -> None:
    socket = await paid_room(page, site, robot)
    await page.get_by_role("button", name="Arrêter le compteur").click()
    await socket.hear("pause_meter")
    await socket.say("meter", **meter(running=False, paused=True, next_costs=[]))
    await page.get_by_role("button", name="Relancer le compteur").click()
    await socket.hear("resume_meter")


async def test_both_are_told_when_the_hold_is_nearly_used_up(page: Page, site: StandIn, robot: Page) -> None:
    socket = await paid_call(page, site, robot, ends_in=121, next_costs=[])
    await expect(page.get_by_text("Ce que vous avez autorisé couvre encore")).to_have_count(0)
    await socket.say("meter", **meter(ends_in=95, next_costs=[]))
    await expect(page.get_by_text("Ce que vous avez autorisé couvre encore 01:35.")).to_be_visible()
    site.till.card_url = "/card/form?more"
    async with page.context.expect_page() as opening:
        await page.get_by_role("button", name="Autoriser davantage").click()
    form = await opening.value
    await form.wait_for_url("**/card/form?more")
    await form.close()
    await page.bring_to_front()
    await page.wait_for_function("() => performance.getEntriesByName(location.origin + '/join/price/seen').length > 0")
    await socket.say("meter", **meter(ends_in=900, next_costs=[]))
    await expect(page.get_by_text("Ce que vous avez autorisé couvre encore")).to_have_count(0)


async def test_a_hold_that_could_be_raised_opens_no_form(page: Page, site: StandIn, robot: Page) -> None:
    await paid_call(page, site, robot, ends_in=60, next_costs=[])
    site.till.card_url = None
    await page.get_by_role("button", name="Autoriser davantage").click()
    await page.wait_for_function("() => performance.getEntriesByName(location.origin + '/join/price/seen').length > 0")
    assert len(page.context.pages) == 2, "the page and the robot"


async def test_a_refused_extension_says_why_and_closes_its_tab(page: Page, site: StandIn, robot: Page) -> None:
    await paid_call(page, site, robot, ends_in=60, next_costs=[])
    site.till.refusals["/join/price/more"] = (409, "nothing_to_pay", "Il n’y a rien de plus à payer.")
    await page.get_by_role("button", name="Autoriser davantage").click()
    await expect(page.get_by_text("Il n’y a rien de plus à payer.")).to_be_visible()
    assert len(page.context.pages) == 2


async def test_where_the_browser_opens_no_tab_there_is_a_link(page: Page, site: StandIn, robot: Page) -> None:
    await page.add_init_script("window.open = () => null")
    await paid_call(page, site, robot, ends_in=60, next_costs=[])
    await page.get_by_role("button", name="Autoriser davantage").click()
    link = page.get_by_role("link", name="Ouvrir le formulaire de carte")
    await expect(link).to_have_attribute("href", "/card/form")
    await expect(link).to_have_attribute("target", "_blank")


async def test_the_practitioner_is_told_too(page: Page, site: StandIn, robot: Page) -> None:
    socket = await paid_room(page, site, robot)
    await socket.say("meter", **meter(ends_in=45, next_costs=[]))
    await expect(page.get_by_text("couvre encore 00:45")).to_be_visible()
    await expect(page.get_by_role("button", name="Autoriser davantage")).to_have_count(0)


# -- at the patient's end ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence", "link"),
    [
        ({"payment": "draft"}, "Le praticien confirme le montant.", None),
        ({"payment": "no_payment", "due": 0}, "Il n’y a rien à payer.", None),
        ({"payment": "cancelled"}, "Il n’y a rien à payer.", None),
        ({"payment": "processing", "due": 2313}, "23,13 €", None),
        ({"payment": "pending", "due": 2313, "pay_url": "/pay#x"}, "À payer : 23,13 €", "Payer maintenant"),
        ({"payment": "failed", "due": 2313, "pay_url": "/pay#x"}, "À payer : 23,13 €", "Payer maintenant"),
        ({"payment": "unpaid", "due": 2313, "paid": 313, "pay_url": "/pay#x"}, "À payer : 20,00 €", "Payer maintenant"),
        ({"payment": "paid", "due": 2313, "paid": 2313, "pay_url": "/pay#x"}, "Payé : 23,13 €", "Voir le reçu"),
    ],
    ids=lambda value: value.get("payment") if isinstance(value, dict) else None,
)
async def test_fac_10_what_is_owed_stands_on_the_page_at_the_end(
    page: Page, site: StandIn, robot: Page, changes: dict[str, object], sentence: str, link: str | None
) -> None:
    socket = await paid_call(page, site, robot)
    site.till.price = price("ready", tariff=PER_MINUTE, **changes)
    await socket.say("ended", reason="hung_up", by="practitioner")
    await expect(page.locator(".end .notice")).to_contain_text(sentence)
    links = page.locator(".end .notice a")
    await expect(links).to_have_count(1 if link else 0)
    if link:
        await expect(links).to_have_text(link)


async def test_the_amount_appears_by_itself_once_it_is_confirmed(page: Page, site: StandIn, robot: Page) -> None:
    await page.clock.install()
    socket = await paid_call(page, site, robot)
    site.till.price = price("ready", payment="draft")
    await socket.say("ended", reason="hung_up", by="practitioner")
    await expect(page.get_by_text("Le praticien confirme le montant.")).to_be_visible()
    site.till.price = price("ready", payment="paid", due=2313, paid=2313)
    await page.clock.run_for(6000)
    await expect(page.get_by_text("Payé : 23,13 €")).to_be_visible()


# -- the practitioner's invoice ------------------------------------------------------------------------------


async def test_fac_9_the_amount_is_entered_during_the_call(page: Page, site: StandIn, robot: Page) -> None:
    await paid_room(page, site, robot)
    await page.get_by_role("button", name="Facture").click()
    dialog = page.get_by_role("dialog", name="Facture")
    amount = dialog.get_by_label("Montant (EUR)")
    await expect(amount).to_have_value("23,13")
    await expect(dialog).to_contain_text("Au plus 70,00 €")
    await amount.fill("lots")
    await dialog.get_by_role("button", name="Retenir ce montant").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Ce n’est pas un montant")
    site.till.refusals["/consultations/con_AAAAAAAAAAAAAAAAAAAAAA/invoice"] = (409, "amount_over_holds", "C’est plus.")
    site.till.after["invoice"] = invoice(running=True, entered=4500, price=4500, due=4500)
    await amount.fill("45,00")
    await dialog.get_by_role("button", name="Retenir ce montant").click()
    site.till.refusals.clear()
    await dialog.get_by_role("button", name="Retenir ce montant").click()
    await expect(dialog.get_by_role("button", name="Revenir au compteur")).to_be_visible()
    entered = [body["amount"] for path, body in site.till.asked if path.endswith("/invoice") and body]
    assert set(entered) == {4500}
    site.till.after["invoice"] = invoice(running=True)
    await dialog.get_by_role("button", name="Revenir au compteur").click()
    await expect(dialog.get_by_role("button", name="Revenir au compteur")).to_have_count(0)


async def test_the_dialog_goes_with_the_call_and_the_amount_is_confirmed_at_the_end(
    page: Page, site: StandIn, robot: Page
) -> None:
    socket = await paid_room(page, site, robot)
    await page.get_by_role("button", name="Facture").click()
    site.till.invoice = invoice()
    await socket.say("ended", reason="hung_up", by="patient")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    invoiced = page.get_by_role("region", name="Facture")
    for words in ("12:34", "23,13 €", "− 2,78 €", "19,75 €", "estimé"):
        await expect(invoiced).to_contain_text(words)
    site.till.after["invoice/confirm"] = invoice("paid", estimated=False)
    await invoiced.get_by_role("button", name="Confirmer le montant").click()
    await expect(invoiced.get_by_role("status")).to_have_text("Payé.")
    assert site.till.asked[-1][1] == {"amount": None}, "what was not changed is what the meter says"


@pytest.mark.parametrize(
    ("state", "told", "sums"),
    [
        ("paid", "Payé.", {"due": 7000, "paid": 5000, "given_up": 2000}),
        ("cancelled", "Annulé.", {"due": 7000, "given_up": 7000, "commission": 0, "card_fee": 0, "net": 0}),
    ],
)
async def test_what_was_given_up_stands_beside_what_was_confirmed_and_paid(
    page: Page, site: StandIn, robot: Page, state: str, told: str, sums: dict[str, int]
) -> None:
    await paid_room(page, site, robot)
    site.till.invoice = invoice(state, price=7000, **sums)
    await page.get_by_role("button", name=FR["leave"]).click()
    invoiced = page.get_by_role("region", name="Facture")
    await expect(invoiced.get_by_role("status")).to_have_text(told)
    words = await invoiced.locator("dt").all_inner_texts()
    amounts = await invoiced.locator("dd").all_inner_texts()
    rows = {word: said.replace("\xa0", " ").replace("\u202f", " ") for word, said in zip(words, amounts, strict=True)}
    euros = {word: f"{sums.get(name, 0) // 100},00 €" for word, name in (("Payé", "paid"), ("Abandonné", "given_up"))}
    assert rows["À la charge du patient"] == "70,00 €"
    assert {word: rows[word] for word in euros} == euros
    assert ("Commission de la plateforme" in rows) == (state == "paid")


async def test_dat_26_nothing_can_be_charged_and_less_too(page: Page, site: StandIn, robot: Page) -> None:
    await paid_room(page, site, robot)
    site.till.invoice = invoice()
    await page.get_by_role("button", name=FR["leave"]).click()
    site.till.after["invoice/confirm"] = invoice("no_payment", price=0, due=0)
    await page.get_by_label("Montant (EUR)").fill("0")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Rien n’est prélevé.")).to_be_visible()
    assert site.till.asked[-1][1] == {"amount": 0}


async def test_dat_23_a_missed_appointment_is_charged_or_not(page: Page, site: StandIn) -> None:
    site.till.invoice = missed_invoice()
    await to_room(page, site)
    await page.get_by_role("button", name=FR["leave"]).click()
    await expect(page.get_by_role("region", name="Facture")).to_have_count(0)
    await page.clock.set_fixed_time("2030-01-01T10:00:00Z")
    await expect(page.get_by_text("Le patient n’est pas venu.")).to_be_visible()
    site.till.after["no-show"] = invoice("paid", no_show=True, due=6000, price=6000)
    await page.get_by_role("button", name="Facturer le rendez-vous manqué : 60,00 €").click()
    await expect(page.get_by_text("Payé.")).to_be_visible()
    assert site.till.asked[-1][1] == {"charge": True}


async def test_mmp_25_a_platforms_price_is_charged_or_given_up(page: Page, site: StandIn, robot: Page) -> None:
    await paid_room(page, site, robot, locked=True)
    site.till.invoice = invoice(locked=True)
    await page.get_by_role("button", name=FR["leave"]).click()
    await expect(page.get_by_text("Ce prix a été fixé par la plateforme")).to_be_visible()
    await expect(page.get_by_label("Montant (EUR)")).to_have_count(0)
    site.till.after["invoice/confirm"] = invoice("no_payment", due=0)
    await page.get_by_role("button", name="Ne rien facturer").click()
    assert site.till.asked[-1][1] == {"amount": 0}
