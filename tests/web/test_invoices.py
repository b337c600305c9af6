"""The practitioner's side of a price: the running reading, the amount, the end, a patient who did not come."""

from datetime import timedelta

import pytest

from billing.agreement import When
from billing.gateway import IntentState
from store.facts import CallOpened
from store.ids import CallId, Prefix
from store.io.entropy import new_id
from tests.contracts.test_given_up import second_hold
from tests.web.practice import AT_END, FIXED, PER_MINUTE, Practice


async def look(practice: Practice, consultation):
    answer = await practice.get(f"/consultations/{consultation.id}/invoice", await practice.as_(practice.owner))
    return answer.status, await answer.json()


async def do(practice: Practice, consultation, path, **body):
    own = await practice.as_(practice.owner)
    answer = await practice.script(f"/consultations/{consultation.id}/{path}", body, own)
    return answer.status, await answer.json()


async def test_a_free_consultation_has_no_invoice(practice):
    status, problem = await look(practice, await practice.plan())
    assert (status, problem["code"]) == (409, "price_missing")


async def test_before_the_agreement_the_price_is_known_and_no_state(practice):
    status, seen = await look(practice, await practice.priced())
    assert (status, seen["state"], seen["patient"], seen["due"]) == (200, None, "Jeanne Dupont", 0)
    assert (await do(practice, await practice.priced(), "invoice/confirm"))[1]["code"] == "not_agreed"


async def test_mmp_52_the_net_is_estimated_before_and_true_after(practice):
    consultation = await practice.priced(FIXED)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, 90)
    seen = (await look(practice, consultation))[1]
    assert (seen["seconds"], seen["due"], seen["ceiling"], seen["state"]) == (90, 8000, 8000, "draft")
    assert (seen["card_fee"], seen["commission"], seen["net"], seen["estimated"]) == (145, 960, 6895, True)
    status, seen = await do(practice, consultation, "invoice/confirm", amount=None)
    assert (status, seen["state"], seen["due"]) == (200, "paid", 8000)
    while await practice.billing.run(practice.at):
        pass
    seen = (await look(practice, consultation))[1]
    assert (seen["card_fee"], seen["commission"], seen["net"], seen["estimated"]) == (145, 960, 6895, False)


async def test_fac_9_the_amount_is_entered_before_the_end_and_confirmed_after(practice):
    consultation = await practice.priced(AT_END)
    await practice.held(consultation)
    call = CallId(new_id(Prefix.CALL))
    await practice.billing.calls.opened(CallOpened(call, consultation.id, practice.at))
    status, seen = await do(practice, consultation, "invoice", amount=4500)
    assert (status, seen["entered"], seen["due"]) == (200, 4500, 4500)
    assert (await do(practice, consultation, "invoice/confirm", amount=4500))[1]["code"] == "call_running"
    status, seen = await do(practice, consultation, "invoice", amount=None)
    assert (status, seen["entered"]) == (200, None)


async def test_dat_26_nothing_at_all_can_be_charged(practice):
    consultation = await practice.priced(FIXED)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, 90)
    status, seen = await do(practice, consultation, "invoice/confirm", amount=0)
    assert (status, seen["state"], seen["due"]) == (200, "no_payment", 0)
    assert practice.till.gateway.received == 0


async def test_fac_10_without_a_hold_the_patient_owes_it(practice):
    consultation = await practice.priced(FIXED, When.AFTER)
    await practice.agree(consultation)
    await practice.till.talk(consultation.id, 90)
    status, seen = await do(practice, consultation, "invoice/confirm", amount=None)
    assert (status, seen["state"]) == (200, "pending")
    token = await practice.invitation(consultation)
    price = await (await practice.script("/join/price", {"invitation": token})).json()
    payment = await practice.billing.invoices.payment_of(consultation.id)
    link = f"{practice.origin}/pay#{practice.billing.invoices.pay_token(payment.id)}"
    assert (price["payment"], price["due"], price["pay_url"]) == ("pending", 8000, link)


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        (8001, 409, "amount_over_holds"),
        (10**12, 422, "bad_amount"),
        (-1, 422, "bad_amount"),
        (80.5, 422, "bad_body"),
        ("80", 422, "bad_body"),
        (True, 422, "bad_body"),
    ],
)
async def test_an_amount_that_cannot_be_charged_changes_nothing(practice, amount, status, code):
    consultation = await practice.priced(FIXED)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, 90)
    for path in ("invoice", "invoice/confirm"):
        found, problem = await do(practice, consultation, path, amount=amount)
        assert (found, problem["code"]) == (status, code), path
    seen = (await look(practice, consultation))[1]
    assert (seen["state"], seen["entered"]) == ("draft", None)


async def test_a_second_capture_and_one_after_the_holds_end_are_refused(practice):
    consultation = await practice.priced(FIXED)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, 90)
    assert (await do(practice, consultation, "invoice/confirm", amount=5000))[1]["state"] == "paid"
    status, problem = await do(practice, consultation, "invoice/confirm", amount=5000)
    assert (status, problem["code"]) == (409, "already_captured")
    assert practice.till.gateway.received == 5000
    late = await practice.priced(FIXED)
    await practice.held(late)
    await practice.till.talk(late.id, 90)
    practice.later(days=8)
    status, problem = await do(practice, late, "invoice/confirm", amount=5000)
    assert (status, problem["code"]) == (409, "hold_expired")


async def test_mmp_25_a_price_of_the_platforms_is_charged_as_it_is_or_not_at_all(practice):
    consultation = await practice.priced(FIXED, locked=True)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, 90)
    assert (await look(practice, consultation))[1]["locked"] is True
    status, problem = await do(practice, consultation, "invoice/confirm", amount=4000)
    assert (status, problem["code"]) == (409, "price_locked")
    assert (await do(practice, consultation, "invoice/confirm", amount=0))[1]["state"] == "no_payment"


async def test_of_a_claim_that_was_partly_paid_and_given_up_everything_is_said(practice):
    """40 minutes: 80 € are due; one hold of 70 € was captured, the other had lapsed."""
    consultation = await practice.priced(PER_MINUTE)
    await practice.held(consultation)
    second = await second_hold(practice.till, consultation.id, 3000)
    await practice.till.talk(consultation.id, 2400)
    practice.till.gateway._put(
        practice.till.gateway.intents[second], state=IntentState.CANCELLED, expired=True, capturable=0
    )
    status, seen = await do(practice, consultation, "invoice/confirm", amount=None)
    assert (status, seen["state"], seen["due"], seen["paid"], seen["given_up"]) == (200, "pending", 8000, 7000, 0)
    payment = await practice.billing.invoices.payment_of(consultation.id)
    await practice.billing.invoices.cancel(payment.id, practice.at)
    seen = (await look(practice, consultation))[1]
    assert (seen["state"], seen["price"], seen["due"], seen["paid"]) == ("paid", 8000, 8000, 7000)
    assert (seen["given_up"], seen["commission"]) == (1000, 840)


async def test_a_claim_of_which_nothing_was_paid_and_that_was_given_up_leaves_nothing(practice):
    consultation = await practice.priced(FIXED, When.AFTER)
    await practice.billing.invoices.cancel(await practice.owed(consultation), practice.at)
    seen = (await look(practice, consultation))[1]
    assert (seen["state"], seen["due"], seen["paid"], seen["given_up"]) == ("cancelled", 8000, 0, 8000)
    assert (seen["card_fee"], seen["commission"], seen["net"]) == (0, 0, 0)


# -- DAT-23, DAT-24: nobody came -----------------------------------------------------------------------------


async def missed(practice: Practice, tariff=FIXED):
    consultation = await practice.priced(tariff, minutes=5)
    await practice.held(consultation)
    practice.host_since = practice.at + timedelta(minutes=5)
    practice.later(minutes=20)
    return consultation


async def test_dat_24_a_missed_appointment_shows_who_was_there_and_what_it_would_cost(practice):
    consultation = await missed(practice, PER_MINUTE)
    seen = (await look(practice, consultation))[1]
    assert (seen["may_no_show"], seen["missed"], seen["due"]) == (True, 6000, 0)
    assert (seen["host_since"], seen["waited_since"]) == ("2026-03-10T09:05:00Z", None)


async def test_dat_23_a_missed_appointment_may_be_charged(practice):
    consultation = await missed(practice)
    status, seen = await do(practice, consultation, "no-show", charge=True)
    assert (status, seen["state"], seen["due"], seen["no_show"]) == (200, "paid", 8000, True)
    kept = await practice.billing.invoices.timeline(consultation.id)
    assert kept.host_since == practice.host_since


async def test_dat_24_who_has_waited_for_ten_minutes_after_the_start_has_missed_nothing(practice):
    consultation = await missed(practice)
    admission = await practice.lobby.arrive(consultation.id, "Jeanne Dupont", "ok", "ok", practice.at)
    await practice.lobby.leave(admission.id, practice.at)
    practice.patient_seconds = 600
    status, problem = await do(practice, consultation, "no-show", charge=True)
    assert (status, problem["code"]) == (409, "not_a_no_show")
    practice.patient_seconds = 599
    assert (await do(practice, consultation, "no-show", charge=True))[1]["state"] == "paid"


async def test_dat_24_or_not_or_less(practice):
    consultation = await missed(practice)
    assert (await do(practice, consultation, "no-show", charge=False))[1]["state"] == "no_payment"
    consultation = await missed(practice)
    assert (await do(practice, consultation, "no-show", charge=True, amount=3000))[1]["due"] == 3000
    consultation = await missed(practice)
    assert (await do(practice, consultation, "no-show", charge=True, amount=8001))[1]["code"] == "amount_over_holds"


async def test_without_a_meeting_a_hold_is_not_captured_under_another_name(practice):
    consultation = await practice.priced()
    await practice.held(consultation)
    status, problem = await do(practice, consultation, "invoice/confirm", amount=8000)
    assert (status, problem["code"]) == (409, "not_met")
    assert (await look(practice, consultation))[1]["state"] == "draft"


async def test_who_waits_at_the_door_has_missed_nothing(practice):
    consultation = await missed(practice)
    admission = await practice.lobby.arrive(consultation.id, "Jeanne Dupont", "ok", "ok", practice.at)
    assert (await do(practice, consultation, "no-show", charge=True))[1]["code"] == "not_a_no_show"
    await practice.lobby.leave(admission.id, practice.at)
    assert (await do(practice, consultation, "no-show", charge=True))[1]["state"] == "paid"


async def test_who_came_or_may_still_come_is_no_no_show(practice):
    early = await practice.priced(minutes=20)
    await practice.held(early)
    assert (await look(practice, early))[1]["may_no_show"] is False
    assert (await do(practice, early, "no-show", charge=True))[1]["code"] == "not_a_no_show"
    met = await practice.priced()
    await practice.held(met)
    await practice.till.talk(met.id, 30)
    assert (await look(practice, met))[1]["may_no_show"] is False
    assert (await do(practice, met, "no-show", charge=True))[1]["code"] == "not_a_no_show"


async def test_anothers_consultation_and_one_that_does_not_exist_are_the_same(practice):
    consultation = await practice.priced()
    other = await practice.as_(practice.other)
    nobodys = consultation.id[:-4] + "AAAA"
    for name in (consultation.id, nobodys):
        for path, body in (("invoice", {}), ("invoice/confirm", {}), ("no-show", {"charge": True})):
            answer = await practice.script(f"/consultations/{name}/{path}", body, other)
            assert (answer.status, (await answer.json())["code"]) == (404, "not_found")
