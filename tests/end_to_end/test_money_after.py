"""Consultations that are paid afterwards, missed, or paid by a company's code."""

import re

import pytest
from playwright.async_api import expect

from tests.end_to_end.payers import as_set, in_call, saved

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

FIXED = {"basis": "fixed", "fixed": 8000}
# What the practitioner says at the end, asked for by a link.
AT_END = {"basis": "at_end", "pay": "after"}


async def test_fac_9_to_11_and_18_an_amount_entered_during_the_call_is_asked_for_by_link_again_and_paid(
    practice, earner, payer, administrator
):
    planned = await practice.plan("Léa Bernard", price=AT_END)
    await payer.agree(planned["patient_url"], email="lea@example.org")
    await payer.may_join()
    assert practice.holds(planned["id"]) == []
    await in_call(earner, payer, planned)
    await earner.meters(1)
    await earner.enters("30,00")
    await earner.leaves()
    # Nobody confirms: what was entered is final some seconds after the end.
    await payer.is_told("À payer : 30,00 €")
    await earner.is_told("Le patient a un lien de paiement")

    practice.as_if_asked_earlier(planned["id"])
    row = await earner.monitors(practice.url, "Léa Bernard")
    await expect(row).to_contain_text("En attente")
    await row.get_by_role("button", name="Renvoyer une demande de paiement").click()
    await earner.is_told("La demande de paiement a été renvoyée.")

    link = payer.page.get_by_role("link", name="Payer maintenant")
    address = str(await link.get_attribute("href"))
    for _, letter in await practice.letters("lea@example.org", 2):
        assert address in letter
    await link.click()
    await payer.page.get_by_role("button", name=as_set("Payer 30,00 € par carte")).click()
    await payer.enter_card()
    await expect(payer.page.get_by_role("heading", name="Payé", exact=True)).to_be_visible(timeout=15_000)
    _, pdf = await saved(payer.page.get_by_role("button", name="Télécharger le PDF"), payer.page)
    assert pdf.startswith(b"%PDF")
    (*_, (subject, letter)) = await practice.letters("lea@example.org", 3)
    assert "reçu" in subject
    assert address in letter
    row = await earner.monitors(practice.url, "Léa Bernard")
    await expect(row).to_contain_text("Payé")
    await expect(row.get_by_role("button", name="Renvoyer")).to_have_count(0)
    assert practice.booked(f"balance:{practice.account}") == await practice.balance() > 0
    await administrator.finds_no_difference()


async def test_dat_23_a_missed_appointment_is_charged_from_the_hold(practice, earner, payer):
    planned = await practice.plan("Marc Blanc", price=FIXED)
    await payer.authorise(planned["patient_url"])
    await earner.enter(planned["practitioner_url"])
    await earner.leaves()
    await earner.is_told("Le patient n'est pas venu.")
    await earner.page.get_by_role("button", name="Facturer le rendez-vous manqué").click()
    await earner.is_told("Payé.")
    (hold,) = practice.holds(planned["id"])
    assert (hold["state"], hold["captured"]) == ("captured", 8000)
    assert (await practice.intents())[hold["intent"]]["amount_received"] == 8000
    row = await earner.monitors(practice.url, "Marc Blanc")
    await expect(row).to_contain_text(as_set("80,00 €"))


async def test_dat_24_a_missed_appointment_need_not_be_charged_and_the_card_is_free_again(practice, earner, payer):
    planned = await practice.plan("Marie Noir", price=FIXED)
    await payer.authorise(planned["patient_url"])
    await payer.button("join").click()
    await payer.waits()
    await earner.enter(planned["practitioner_url"])
    await earner.leaves()
    await earner.is_told("Le patient attendait depuis")
    await earner.page.get_by_role("button", name="Ne pas facturer").click()
    await earner.is_told("Rien n'est prélevé.")
    await practice.hold_states(planned["id"], "released")
    (hold,) = practice.holds(planned["id"])
    assert (await practice.intents())[hold["intent"]]["status"] == "canceled"
    row = await earner.monitors(practice.url, "Marie Noir")
    await expect(row).to_contain_text("Pas de paiement")


async def test_mmp_25_a_code_that_pays_all_asks_for_no_card_and_makes_no_payment_intent(
    practice, earner, payer, administrator
):
    await administrator.makes_coupon("PORT100", 100)
    before = await practice.intents()
    planned = await practice.plan("Luc Petit", price=FIXED)
    await payer.agree(planned["patient_url"], coupon="PORT100")
    await payer.may_join()
    await in_call(earner, payer, planned)
    await earner.meters(1)
    await earner.leaves()
    await earner.charges()
    await payer.is_told("Il n'y a rien à payer.")
    payment = practice.payment(planned["id"])
    assert (payment["state"], payment["price"], payment["covered"], payment["due"]) == ("no_payment", 8000, 8000, 0)
    assert practice.holds(planned["id"]) == []
    assert await practice.intents() == before
    owed = practice.rows(
        "SELECT account, sum(amount) FROM entries WHERE account LIKE 'organisation:%' GROUP BY account"
    )
    assert [amount for _, amount in owed] == [8000]


async def test_mmp_30_a_code_that_pays_half_leaves_a_hold_of_the_other_half(practice, payer, administrator):
    await administrator.makes_coupon("PORT50", 50)
    planned = await practice.plan("Lola Grand", price=FIXED)
    await payer.agree(planned["patient_url"], coupon="PORT50")
    await payer.enter_card()
    await payer.may_join()
    (hold,) = practice.holds(planned["id"])
    assert (hold["state"], hold["amount"]) == ("held", 4000)
    assert (await practice.intents())[hold["intent"]]["amount_capturable"] == 4000


async def test_a_code_that_nobody_made_is_refused_in_words(practice, payer):
    planned = await practice.plan("Zoé Petit", price=FIXED)
    await payer.open(planned["patient_url"])
    await payer.page.fill("#coupon", "INVENTED")
    await payer.page.get_by_role("button", name="Utiliser le code").click()
    await expect(payer.page.get_by_role("alert").filter(has_text=re.compile("Aucun coupon"))).to_be_visible()
