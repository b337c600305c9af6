"""The price on the invitation's page (DAT-32 to DAT-34, MMP-25, FAC). Over 300 lines: one page's whole story."""

import pytest

from billing.agreement import When
from tests.web.practice import AT_END, FIXED, PER_MINUTE, Practice

# Of the 35 minutes that are held for 30 planned ones.
NEARLY_ALL = 33 * 60
JEANNE = {"name": "Jeanne Dupont", "email": "jeanne@example.org"}


async def asks(practice: Practice, path: str, consultation, **more):
    token = await practice.invitation(consultation)
    answer = await practice.script(f"/join/price{path}", {"invitation": token, **more})
    return answer.status, await answer.json()


async def looks(practice, consultation):
    status, look = await asks(practice, "", consultation)
    assert status == 200
    return look


async def test_a_free_consultation_asks_for_nothing(practice):
    look = await looks(practice, await practice.plan())
    assert (look["state"], look["most"], look["payment"], look["pay_url"]) == ("free", 0, None, None)


async def test_the_most_is_told_before_the_patient_agrees(practice):
    look = await looks(practice, await practice.priced(PER_MINUTE))
    assert (look["state"], look["minutes"], look["when"]) == ("agree", 30, "hold")
    # 30 minutes at 2.00 and five to overrun.
    assert (look["most"], look["most_due"], look["hold_amount"]) == (7000, 7000, 7000)
    assert look["tariff"] == {
        "basis": "per_minute",
        "currency": "EUR",
        "exponent": 2,
        "fixed": 0,
        "per_minute": 200,
        "free_seconds": 0,
        "minimum_seconds": 0,
        "granularity": 1,
        "minimum": 0,
        "cap": None,
    }


async def test_dat_32_agreeing_card_and_hold(practice):
    consultation = await practice.priced()
    status, agreed = await asks(practice, "/agree", consultation, **JEANNE, most=8000)
    assert (status, agreed["state"], agreed["hold_amount"], agreed["payment"]) == (200, "card", 8000, "draft")
    status, form = await asks(practice, "/card", consultation)
    assert status == 200
    assert form["url"].startswith("/card#")
    (intent,) = practice.till.gateway.intents
    practice.till.gateway.enter_card(intent)
    status, held = await asks(practice, "/seen", consultation)
    assert (status, held["state"], held["card"]) == (200, "ready", "visa 4242")
    assert held["capture_before"] == "2026-03-17T09:00:00Z"
    token = await practice.invitation(consultation)
    assert (await (await practice.script("/join/look", {"invitation": token})).json())["obstacles"] == []
    assert await asks(practice, "/card", consultation) == (200, {"url": None})


async def test_dat_34_a_hold_that_has_lapsed_is_asked_for_again(practice):
    consultation = await practice.priced(days=5)
    await practice.held(consultation)
    assert (await looks(practice, consultation))["state"] == "ready"
    practice.later(days=8)
    status, look = await asks(practice, "/seen", consultation)
    assert (status, look["state"]) == (200, "expired")


async def test_dat_31_a_declined_card_is_told_with_the_banks_reason_and_nothing_is_held(practice):
    consultation = await practice.priced()
    await practice.agree(consultation)
    await practice.till.enter_card(consultation.id, declined="insufficient_funds")
    look = await looks(practice, consultation)
    assert (look["state"], look["declined"]) == ("declined", "insufficient_funds")
    token = await practice.invitation(consultation)
    assert (await (await practice.script("/join/look", {"invitation": token})).json())["obstacles"] == ["hold"]


async def test_long_before_the_start_the_card_is_kept_and_nothing_is_held(practice):
    consultation = await practice.priced(days=20)
    await practice.agree(consultation)
    look = await looks(practice, consultation)
    assert (look["state"], look["card_only"], look["hold_amount"]) == ("card", True, 8000)
    await practice.till.enter_card(consultation.id)
    look = await looks(practice, consultation)
    assert (look["state"], look["card"]) == ("ready", "visa 4242")
    assert practice.till.gateway.received == 0
    practice.later(days=19, hours=23, minutes=45)
    look = await looks(practice, consultation)
    assert (look["state"], look["card_only"]) == ("card", False)
    assert await asks(practice, "/card", consultation) == (200, {"url": None})
    assert (await looks(practice, consultation))["state"] == "ready"


async def test_paying_afterwards_needs_an_agreement_and_no_card(practice):
    consultation = await practice.priced(when=When.AFTER)
    assert (await looks(practice, consultation))["hold_amount"] == 0
    status, look = await asks(practice, "/agree", consultation, **JEANNE, most=8000)
    assert (status, look["state"]) == (200, "ready")


async def test_an_amount_said_at_the_end_is_held_at_its_cap(practice):
    look = await looks(practice, await practice.priced(AT_END))
    assert (look["most"], look["hold_amount"]) == (10_000, 10_000)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"most": 7999}, 409, "price_changed"),
        ({"most": None}, 409, "price_changed"),
        ({"most": -1}, 422, "bad_body"),
        ({"most": 80.5}, 422, "bad_body"),
        ({"name": "  "}, 422, "bad_patient_name"),
        ({"name": "a\u202eb"}, 422, "bad_patient_name"),
        ({"name": "a" * 81}, 422, "bad_body"),
        ({"email": "nobody"}, 422, "bad_contact"),
        ({"email": "a@b\r\nBcc: c@d.ef"}, 422, "bad_contact"),
        ({"coupon": "NONE"}, 422, "coupon_unknown"),
        ({"coupon": "\u0000"}, 422, "coupon_unknown"),
        ({"amount": 1}, 422, "bad_body"),
    ],
    ids=str,
)
async def test_an_agreement_that_is_none_changes_nothing(practice, change, status, code):
    consultation = await practice.priced()
    found, problem = await asks(practice, "/agree", consultation, **{**JEANNE, "most": 8000, **change})
    assert (found, problem["code"]) == (status, code)
    assert (await looks(practice, consultation))["state"] == "agree"


async def test_what_was_agreed_to_stays_when_it_is_agreed_to_again(practice):
    consultation = await practice.priced()
    for _ in range(2):
        assert (await asks(practice, "/agree", consultation, **JEANNE, most=8000))[0] == 200
    await practice.billing.coupons.create("ACME", "Acme", practice.at, percent=50)
    status, problem = await asks(practice, "/agree", consultation, **JEANNE, most=8000, coupon="ACME")
    assert (status, problem["code"]) == (409, "already_agreed")


async def test_there_is_nothing_to_agree_to_or_to_hold_where_it_is_free(practice):
    consultation = await practice.plan()
    assert (await asks(practice, "/agree", consultation, **JEANNE))[1]["code"] == "price_missing"
    assert (await asks(practice, "/card", consultation))[0] == 409
    assert (await asks(practice, "/more", consultation))[1]["code"] == "price_missing"


async def test_a_practitioner_who_lost_their_account_is_told_to_the_patient(practice):
    consultation = await practice.priced()
    practice.till.gateway.ask(practice.owner.id, "external_account", can_charge=False)
    await practice.billing.connect.look(practice.owner.id, practice.at)
    status, problem = await asks(practice, "/agree", consultation, **JEANNE, most=8000)
    assert (status, problem["code"]) == (409, "no_account")


# -- coupons (MMP-25) ----------------------------------------------------------------------------------------


async def test_mmp_25_a_code_is_tried_before_anything_is_used_up(practice):
    coupons, consultation = practice.billing.coupons, await practice.priced()
    await coupons.create("HALF", "Acme", practice.at, percent=50, most_uses=1)
    for _ in range(3):
        status, look = await asks(practice, "/coupon", consultation, coupon="half")
        assert (status, look["state"], look["most"], look["most_due"], look["hold_amount"]) == (
            200,
            "agree",
            8000,
            4000,
            4000,
        )
    assert (await coupons.list())[0].uses == 0
    status, look = await asks(practice, "/agree", consultation, **JEANNE, most=8000, coupon="HALF")
    assert (look["state"], look["hold_amount"], look["covered_percent"]) == ("card", 4000, 50)
    assert (await coupons.list())[0].uses == 1
    status, problem = await asks(practice, "/coupon", await practice.priced(), coupon="HALF")
    assert (status, problem["code"]) == (422, "coupon_used_up")


async def test_mmp_25_a_code_that_pays_all_needs_no_card(practice):
    consultation = await practice.priced()
    await practice.billing.coupons.create("EVERYTHING", "Acme", practice.at, percent=100)
    look = (await asks(practice, "/coupon", consultation, coupon="EVERYTHING"))[1]
    assert (look["most_due"], look["hold_amount"]) == (0, 0)
    look = (await asks(practice, "/agree", consultation, **JEANNE, most=8000, coupon="EVERYTHING"))[1]
    assert look["state"] == "ready"
    assert practice.till.gateway.intents == {}


@pytest.mark.parametrize(
    ("code", "problem"), [("GONE", "coupon_unknown"), ("OLDEST", "coupon_expired"), ("DOLLARS", "coupon_currency")]
)
async def test_a_code_that_cannot_be_used_says_why(practice, code, problem):
    await practice.billing.coupons.create("DOLLARS", "Acme", practice.at, amount=1000, currency="USD")
    until = practice.at.replace(hour=10)
    await practice.billing.coupons.create("OLDEST", "Acme", practice.at, percent=50, expires_at=until)
    practice.later(hours=2)
    status, answer = await asks(practice, "/coupon", await practice.priced(), coupon=code)
    assert (status, answer["code"]) == (422, problem)


async def test_codes_are_guessed_slowly_from_wherever(practice):
    consultation, other = await practice.priced(), await practice.priced()
    await practice.billing.coupons.create("HALF", "Acme", practice.at, percent=50)
    for guess in range(10):
        path, more = ("/coupon", {}) if guess % 2 else ("/agree", {**JEANNE, "most": 8000})
        assert (await asks(practice, path, consultation, coupon=f"GUESS{guess}", **more))[1]["code"] == "coupon_unknown"
    assert (await asks(practice, "/coupon", consultation, coupon="HALF"))[1]["code"] == "too_many"
    status, problem = await asks(practice, "/agree", consultation, **JEANNE, most=8000, coupon="HALF")
    assert (status, problem["code"]) == (429, "too_many")
    assert (await asks(practice, "/coupon", other, coupon="HALF"))[0] == 200
    practice.later(minutes=1)
    assert (await asks(practice, "/coupon", consultation, coupon="HALF"))[0] == 200


# -- more, during the call -----------------------------------------------------------------------------------


async def test_a_quarter_of_an_hour_more_is_held_beside_the_call(practice):
    consultation = await practice.priced(PER_MINUTE)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, NEARLY_ALL)
    urls = set()
    for _ in range(2):
        status, form = await asks(practice, "/more", consultation)
        assert status == 200
        urls.add(form["url"])
        practice.later(seconds=7)
    assert len(urls) == 1, "a second click opens the same form"
    newest = list(practice.till.gateway.intents.values())[-1]
    assert newest.amount == 3000
    practice.till.gateway.enter_card(newest.id)
    status, look = await asks(practice, "/seen", consultation)
    assert (look["state"], look["hold_amount"]) == ("ready", 10_000)


async def test_where_the_card_allows_it_the_hold_is_raised_without_a_form(practice):
    practice.till.gateway.increments = True
    consultation = await practice.priced(PER_MINUTE)
    await practice.held(consultation)
    await practice.till.talk(consultation.id, NEARLY_ALL)
    assert await asks(practice, "/more", consultation) == (200, {"url": None})
    assert (await looks(practice, consultation))["hold_amount"] == 10_000


async def test_a_hold_is_not_raised_before_it_is_nearly_used_up(practice):
    """The practitioner knows the invitation too, and a raised hold can be charged."""
    practice.till.gateway.increments = True
    consultation = await practice.priced(PER_MINUTE)
    await practice.held(consultation)
    assert (await asks(practice, "/more", consultation))[1]["code"] == "no_hold"
    await practice.till.talk(consultation.id, NEARLY_ALL)
    assert (await asks(practice, "/more", consultation))[0] == 200
    assert (await asks(practice, "/more", consultation))[1]["code"] == "no_hold"
    assert (await looks(practice, consultation))["hold_amount"] == 10_000


async def test_more_is_not_held_than_time_can_cost(practice):
    consultation = await practice.priced(FIXED)
    await practice.held(consultation)
    status, problem = await asks(practice, "/more", consultation)
    assert (status, problem["code"]) == (409, "nothing_to_pay")
    consultation = await practice.priced(PER_MINUTE)
    await practice.agree(consultation)
    assert (await asks(practice, "/more", consultation))[1]["code"] == "no_hold"


# -- whose it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/agree", "/card", "/seen", "/more", "/coupon"])
async def test_an_invitation_that_is_none_gets_the_same_answer_everywhere(practice, path):
    consultation = await practice.priced()
    token = await practice.invitation(consultation)
    await practice.lobby.revoke(consultation.id, practice.at)
    more = {"/agree": {**JEANNE, "most": 8000}, "/coupon": {"coupon": "X"}}.get(path, {})
    answers = [
        await practice.script(f"/join/price{path}", {"invitation": text, **more})
        for text in (token, "x", token[:-1], consultation.id, "é\u0000")
    ]
    assert {answer.status for answer in answers} == {404}
    assert len({await answer.text() for answer in answers}) == 1


async def test_asking_for_prices_is_slowed_per_address(practice):
    body = {"invitation": "x"}
    statuses = [(await practice.script("/join/price", body)).status for _ in range(61)]
    assert statuses == [404] * 60 + [429]


async def test_a_provider_that_is_silent_is_a_503_and_the_agreement_stands(practice):
    consultation = await practice.priced()
    await practice.agree(consultation)
    practice.till.gateway.silent = True
    status, problem = await asks(practice, "/card", consultation)
    assert (status, problem["code"]) == (503, "provider_unavailable")
    practice.till.gateway.silent = False
    practice.later(minutes=5)
    await practice.billing.run(practice.at)
    assert (await asks(practice, "/card", consultation))[1]["url"].startswith("/card#")


@pytest.mark.parametrize("how", ["cancelled", "over"])
async def test_what_is_cancelled_or_over_is_agreed_to_by_nobody(practice, how):
    await practice.billing.coupons.create("TOUT", "Acme", practice.at, percent=100)
    consultation = await practice.priced()
    token = await practice.invitation(consultation)
    if how == "cancelled":
        await practice.agenda.cancel(consultation.id, practice.at)
    else:
        practice.later(minutes=200)
    for path, more in (("/agree", {**JEANNE, "most": 8000}), ("/coupon", {"coupon": "TOUT"}), ("/card", {})):
        answer = await practice.script(f"/join/price{path}", {"invitation": token, **more})
        assert (answer.status, (await answer.json())["code"]) == (409, "too_late")
    assert (await practice.script("/join/price", {"invitation": token})).status == 200
