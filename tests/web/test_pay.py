"""The pay link: what is owed, paying it, and the receipts, whenever the patient comes back (FAC-10, FAC-11, DAT-30)."""

import pytest

from billing.agreement import When
from tests.web.practice import Practice


async def asks(practice: Practice, path: str, payment: str):
    answer = await practice.script(f"/pay/{path}", {"token": practice.billing.invoices.pay_token(payment)})
    return answer.status, await answer.json()


async def owed(practice: Practice) -> str:
    return await practice.owed(await practice.priced(when=When.AFTER), seconds=90)


async def test_fac_10_the_link_says_what_is_owed_and_to_whom(practice):
    status, look = await asks(practice, "look", await owed(practice))
    assert status == 200
    assert look == {
        "state": "pending",
        "practitioner": "Dr Anne Martin",
        "starts_at": "2026-03-10T09:00:00Z",
        "currency": "EUR",
        "exponent": 2,
        "seconds": 90,
        "price": 8000,
        "covered": 0,
        "due": 8000,
        "paid": 0,
        "refunded": 0,
        "no_show": False,
        "card": "",
        "receipts": [],
    }


async def test_fac_10_the_patient_pays_by_the_link_and_gets_the_receipt(practice):
    payment = await owed(practice)
    status, form = await asks(practice, "card", payment)
    assert (status, form["url"][:6]) == (200, "/card#")
    (intent,) = practice.till.gateway.intents
    practice.till.gateway.enter_card(intent)
    status, look = await asks(practice, "seen", payment)
    assert (status, look["state"], look["paid"], look["card"]) == (200, "paid", 8000, "visa 4242")
    while await practice.billing.run(practice.at):
        pass
    (receipt,) = (await asks(practice, "look", payment))[1]["receipts"]
    assert receipt["kind"] == "receipt"
    token = practice.billing.invoices.pay_token(payment)
    answer = await practice.form("/pay/receipt", token=token, receipt=receipt["id"])
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{receipt["number"].replace("/", "-")}.pdf"'
    assert (await answer.read()).startswith(b"%PDF-")


async def test_a_second_form_is_the_first_one_again_and_what_is_paid_is_not_paid_twice(practice):
    payment = await owed(practice)
    urls = {(await asks(practice, "card", payment))[1]["url"] for _ in range(3)}
    assert len(urls) == len(practice.till.gateway.intents) == 1
    (intent,) = practice.till.gateway.intents
    practice.till.gateway.enter_card(intent)
    await asks(practice, "seen", payment)
    status, problem = await asks(practice, "card", payment)
    assert (status, problem["code"]) == (409, "nothing_to_pay")
    assert practice.till.gateway.received == 8000


async def test_dat_30_receipts_can_be_had_at_any_time_later(practice):
    payment = await practice.paid(await practice.priced())
    practice.later(days=900)
    (receipt,) = (await asks(practice, "look", payment))[1]["receipts"]
    token = practice.billing.invoices.pay_token(payment)
    assert (await practice.form("/pay/receipt", token=token, receipt=receipt["id"])).status == 200


async def test_a_receipt_of_another_payment_is_not_there(practice):
    mine, another = [await practice.paid(await practice.priced()) for _ in range(2)]
    token = practice.billing.invoices.pay_token(mine)
    (theirs,) = await practice.billing.receipts.of_payment(another)
    for name in (theirs.id, "rec_AAAAAAAAAAAAAAAAAAAAAA", "", "../x"):
        answer = await practice.form("/pay/receipt", token=token, receipt=name)
        assert (answer.status, answer.content_type) == (404, "text/html"), name


@pytest.mark.parametrize("path", ["look", "seen", "card"])
async def test_a_link_that_is_none_gets_the_same_answer_everywhere(practice, path):
    token = practice.billing.invoices.pay_token(await owed(practice))
    texts = set()
    for wrong in (token[:-2], token[::-1], "x", "é\u0000", "pay_AAAAAAAAAAAAAAAAAAAAAA", "A" * 256):
        answer = await practice.script(f"/pay/{path}", {"token": wrong})
        assert answer.status == 404, wrong
        texts.add(await answer.text())
    assert len(texts) == 1
    assert (await practice.form("/pay/receipt", token=token[:-2], receipt="x")).status == 404


async def test_trying_links_is_slowed_per_address(practice):
    statuses = [(await practice.script("/pay/look", {"token": "x"})).status for _ in range(61)]
    assert statuses == [404] * 60 + [429]


async def test_the_page_knows_nothing_and_the_token_stands_in_no_address(practice, page_data):
    answer = await practice.get("/pay")
    assert set(page_data(await answer.text())) == {"lang", "page", "catalogue"}


async def test_a_cancelled_request_says_that_nothing_is_owed(practice):
    payment = await owed(practice)
    await practice.billing.invoices.cancel(payment, practice.at)
    assert (await asks(practice, "look", payment))[1]["state"] == "cancelled"
    status, problem = await asks(practice, "card", payment)
    assert (status, problem["code"]) == (409, "nothing_to_pay")
