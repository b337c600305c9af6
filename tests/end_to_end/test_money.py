"""A consultation that costs something, from the invitation to the receipt and back, in the browsers of all three."""

import re
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from tests.end_to_end.payers import ASKS_THE_BANK, DECLINED, DISCOVER, Payer, as_set, in_call, saved, text_of
from tests.end_to_end.practice import Practice

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# 1.00 a second, so that a short talk costs something.
PER_MINUTE = {"basis": "per_minute", "per_minute": 6000}
FIXED = {"basis": "fixed", "fixed": 8000}


async def test_a_card_is_held_the_amount_edited_and_captured_and_both_have_the_receipt(
    practice, earner, payer, administrator
):
    planned = await practice.plan("Léa Bernard", price=PER_MINUTE)
    await payer.agree(planned["patient_url"], email="lea@example.org")
    await payer.enter_card(ASKS_THE_BANK)
    await payer.confirm_at_bank()
    await payer.may_join()
    (hold,) = practice.holds(planned["id"])
    intent = (await practice.intents())[hold["intent"]]
    assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", 210000)

    await in_call(earner, payer, planned)
    await earner.meters(2)
    await payer.meters(2)
    await earner.leaves()
    await payer.is_told("Le praticien confirme le montant")
    await practice.has_last_facts(planned["id"])
    await earner.charges("45,00")
    await earner.is_told("Payé.")
    await payer.is_told("Payé : 45,00 €")

    await _captured_as_booked(practice, planned, 4500, 540)
    await administrator.finds_no_difference()
    (call,) = practice.calls(planned["id"])
    verified = await practice.verify(call)
    assert verified.status == 0
    assert verified.seconds == practice.payment(planned["id"])["seconds"] >= 2

    receipt = payer.page.get_by_role("link", name="Voir le reçu")
    ((_, letter),) = await practice.letters("lea@example.org", 1)
    assert str(await receipt.get_attribute("href")) in letter
    await receipt.click()
    name, pdf = await saved(payer.page.get_by_role("button", name="Télécharger le PDF"), payer.page)
    row = await earner.monitors(practice.url, "Léa Bernard")
    link = row.get_by_role("link", name=re.compile("^Reçu"))
    assert await saved(link, earner.page) == (name, pdf)
    assert pdf.startswith(b"%PDF")
    assert await link.inner_text() in await text_of(pdf)
    start, end, duration, amount, state = (await row.get_by_role("cell").all_inner_texts())[:5]
    assert _seconds(duration) == (_moment(end) - _moment(start)).seconds >= verified.seconds
    assert (amount.replace("\xa0", " "), state) == ("45,00 €", "Payé")


async def _captured_as_booked(practice: Practice, planned: dict[str, Any], paid: int, commission: int) -> None:
    """The payment, its hold, the provider and the ledger say the same."""
    payment = practice.payment(planned["id"])
    assert (payment["state"], payment["price"], payment["due"], payment["paid"]) == ("paid", paid, paid, paid)
    (hold,) = practice.holds(planned["id"])
    assert (hold["state"], hold["captured"], hold["fee"]) == ("captured", paid, commission)
    intent = (await practice.intents())[hold["intent"]]
    assert (intent["amount_received"], intent["application_fee_amount"]) == (paid, commission)
    assert practice.booked(f"balance:{practice.account}") == await practice.balance() > 0
    assert practice.booked(f"patient:{payment['id']}") == 0


def _moment(text: str) -> datetime:
    return datetime.strptime(" ".join(text.split()) + " +0000", "%d/%m/%Y %H:%M:%S %z")


def _seconds(text: str) -> int:
    """Return the seconds of `1 min 5 s`."""
    found = re.fullmatch(r"(?:(\d+) min )?(\d+) s", text)
    assert found is not None, text
    return int(found[1] or 0) * 60 + int(found[2])


async def test_dat_31_a_declined_card_and_another_brand_are_refused_in_words_and_another_card_works(practice, payer):
    planned = await practice.plan("Nina Roux", price=FIXED)
    await payer.agree(planned["patient_url"])
    await payer.enter_card(DECLINED)
    await payer.is_told("Votre banque a refusé la carte.")
    await payer.page.get_by_role("link", name="Revenir sans saisir de carte").click()
    await payer.is_told("La banque a refusé cette carte. Rien n'a été débité.")
    await payer.page.get_by_role("button", name="Essayer une autre carte").click()
    await payer.enter_card(DISCOVER)
    await payer.is_told("Le cabinet accepte Visa, Mastercard et American Express.")
    assert [hold["state"] for hold in practice.holds(planned["id"]) if hold["state"] == "held"] == []
    await payer.enter_card()
    await payer.may_join()
    held = [hold for hold in practice.holds(planned["id"]) if hold["state"] == "held"]
    assert [hold["amount"] for hold in held] == [8000]


async def test_nobody_reaches_the_waiting_room_before_the_hold_not_even_by_hand(practice, payer):
    planned = await practice.plan("Paul Faure", price=FIXED)
    link = planned["patient_url"]
    assert await _knocked(practice, link) == ("not_yet", ["agreement"])
    await payer.agree(link)
    await payer.page.wait_for_url("**/sandbox/card**")
    assert await _knocked(practice, link) == ("not_yet", ["hold"])
    await payer.enter_card(DECLINED)
    await payer.is_told("Votre banque a refusé la carte.")
    assert await _knocked(practice, link) == ("not_yet", ["hold"])
    await payer.enter_card(ASKS_THE_BANK)
    await payer.is_told("Réussir l'authentification")
    assert await _knocked(practice, link) == ("not_yet", ["hold"])
    await payer.confirm_at_bank()
    await payer.may_join()
    assert (await _knocked(practice, link))[0] == "waiting"


async def _knocked(practice: Practice, link: str) -> tuple[str, list[str]]:
    """Return what a program hears that asks to be let in: the type of the answer, and its obstacles."""
    devices = {"camera": "ok", "microphone": "ok"}
    knock = {
        "type": "knock",
        "invitation": link.partition("#")[2],
        "name": "Paul",
        "devices": devices,
        "ticket": None,
    }
    async with aiohttp.ClientSession(practice.url) as session, session.ws_connect("/ws", origin=practice.url) as socket:
        await socket.send_json({"n": 0, "ack": 0, "body": knock})
        while True:
            body = (await socket.receive_json(timeout=10)).get("body") or {"type": ""}
            if body["type"] not in {"", "welcome"}:
                return body["type"], body.get("obstacles", [])


async def test_dat_27_an_administrator_gives_a_part_back_and_the_practitioner_has_the_credit_note(
    practice, earner, payer: Payer, administrator
):
    planned = await practice.plan("Rémi Colin", price=FIXED)
    await payer.authorise(planned["patient_url"])
    await earner.enter(planned["practitioner_url"])
    await earner.leaves()
    await earner.page.get_by_role("button", name="Facturer le rendez-vous manqué").click()
    await earner.is_told("Payé.")
    payment = practice.payment(planned["id"])["id"]
    await administrator.gives_back(practice.url, payment, "30,00", "Rendez-vous manqué par erreur")

    row = await earner.monitors(practice.url, "Rémi Colin")
    await expect(row).to_contain_text("Remboursé en partie")
    await expect(row).to_contain_text(as_set("- 30,00 €"))
    link = row.get_by_role("link", name=re.compile("^Avoir"))
    _, pdf = await saved(link, earner.page)
    assert pdf.startswith(b"%PDF")
    text = await text_of(pdf)
    assert await link.inner_text() in text
    assert "30,00" in text
    (hold,) = practice.holds(planned["id"])
    charges = await practice.provider("GET", "/v1/charges", payment_intent=hold["intent"])
    assert [charge["amount_refunded"] for charge in charges["data"]] == [3000]
    assert practice.booked(f"balance:{practice.account}") == await practice.balance()
    await administrator.finds_no_difference()
