"""Holds that lapse before the call, and holds that are used up during it."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.end_to_end.payers import ASKS_THE_BANK, as_set, in_call

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# 0.50 a second; planned for 5 minutes, 10 are held.
PRICE = {"basis": "per_minute", "per_minute": 3000}
HELD_SECONDS, HELD = 600, 30000
EIGHT_DAYS = 8 * 24 * 3600


async def test_when_the_hold_is_nearly_used_up_both_are_warned_and_a_second_one_makes_the_meters_limit_grow(
    practice, earner, payer
):
    planned = await practice.plan("Léa Bernard", price=PRICE, minutes=5)
    await payer.authorise(planned["patient_url"])
    await practice.as_if_talked(planned["id"], HELD_SECONDS - 8)
    await in_call(earner, payer, planned)
    await earner.is_told("L'empreinte bancaire de")
    await payer.is_told("Ce que vous avez autorisé couvre encore")
    async with payer.context.expect_page() as opened:
        await payer.page.get_by_role("button", name="Autoriser davantage").click()
    form = await opened.value
    await payer.enter_card(page=form)
    await expect(form.get_by_role("heading", name="Merci")).to_be_visible(timeout=15_000)
    for page in (earner.page, payer.page):
        await expect(page.get_by_text("couvre encore")).to_have_count(0, timeout=15_000)
    await payer.meters(HELD_SECONDS + 2)
    await earner.leaves()
    await practice.has_last_facts(planned["id"])
    await earner.charges()
    await earner.is_told("Payé.")

    payment = practice.payment(planned["id"])
    assert payment["seconds"] > HELD_SECONDS + 1
    assert (payment["due"], payment["waived"]) == (payment["seconds"] * 50, 0)
    first, second = practice.holds(planned["id"])
    assert (first["amount"], first["state"], first["captured"]) == (HELD, "captured", HELD)
    assert (second["state"], second["captured"]) == ("captured", payment["due"] - HELD)
    intents = await practice.intents()
    received = [intents[hold["intent"]]["amount_received"] for hold in (first, second)]
    assert received == [HELD, payment["due"] - HELD]
    assert practice.booked(f"balance:{practice.account}") == await practice.balance() > 0


async def test_beyond_the_hold_nothing_is_billed(practice, earner, payer):
    planned = await practice.plan("Marc Blanc", price=PRICE, minutes=5)
    await payer.authorise(planned["patient_url"])
    await practice.as_if_talked(planned["id"], HELD_SECONDS - 1)
    await in_call(earner, payer, planned)
    await earner.meters(HELD_SECONDS + 2)
    for page in (earner.page, payer.page):
        await expect(page.locator("dl.meter")).to_contain_text(as_set("300,00 €"))
    await earner.leaves()
    await practice.has_last_facts(planned["id"])
    await earner.charges()
    await earner.is_told("Payé.")
    payment = practice.payment(planned["id"])
    assert (payment["due"], payment["paid"]) == (HELD, HELD)
    assert payment["waived"] == payment["seconds"] * 50 - HELD > 0


async def test_dat_34_a_hold_that_lapses_in_the_waiting_room_is_authorised_again_there(practice, earner, payer):
    planned = await practice.plan("Nina Roux", price=PRICE)
    await payer.agree(planned["patient_url"])
    await payer.enter_card(ASKS_THE_BANK)
    await payer.confirm_at_bank()
    await payer.may_join()
    await payer.button("join").click()
    await payer.waits()
    await practice.let_pass(EIGHT_DAYS)
    await payer.is_told("L'empreinte sur votre carte a expiré")
    await payer.page.get_by_role("button", name="Autoriser de nouveau").click()
    await payer.enter_card(ASKS_THE_BANK)
    await payer.confirm_at_bank()
    await payer.waits()
    states = [hold["state"] for hold in practice.holds(planned["id"])]
    assert states[0] == "expired"
    assert states[-1] == "held"
    await earner.enter(planned["practitioner_url"])
    await earner.admit()
    await asyncio.gather(earner.sees(), payer.sees())
