"""Prices over the REST API: minor units, stable codes, nothing planned when the price is refused (MMP-25)."""

import pytest

from billing.agreement import When
from tests.web.practice import Practice

ALL = "/api/consultations"


async def plan(practice: Practice, price: object, key=None):
    body = {"patient_name": "Zoé", "practitioner": "anne@example.org", "price": price}
    answer = await practice.client.post(ALL, json=body, headers=await practice.key(key))
    return answer.status, await answer.json()


async def planned(practice: Practice) -> int:
    found = await practice.agenda.consultations_of(
        practice.owner.id, practice.at.replace(year=2020), practice.at.replace(year=2030)
    )
    return len(found)


@pytest.mark.parametrize(
    ("price", "currency", "minor"),
    [
        ({"basis": "fixed", "fixed": 8000}, "EUR", 8000),
        ({"basis": "fixed", "fixed": 8000, "currency": "JPY"}, "JPY", 8000),
        ({"basis": "fixed", "fixed": 25500, "currency": "KWD"}, "KWD", 25500),
        ({"basis": "at_end", "fixed": 5000, "pay": "after"}, "EUR", 5000),
    ],
)
async def test_amounts_are_minor_units_of_any_currency(practice, price, currency, minor):
    status, made = await plan(practice, price)
    assert (status, made["payment"]) == (201, None)
    kept = await practice.billing.prices.of(made["id"])
    assert (kept.tariff.currency, kept.tariff.fixed, kept.locked) == (currency, minor, False)
    assert kept.when == When(price.get("pay", "hold"))


async def test_a_price_by_the_minute_with_all_its_parts(practice):
    price = {
        "basis": "per_minute",
        "per_minute": 200,
        "fixed": 500,
        "free_seconds": 180,
        "minimum_seconds": 600,
        "granularity": 60,
        "minimum": 1500,
        "cap": 6000,
    }
    tariff = (await practice.billing.prices.of((await plan(practice, price))[1]["id"])).tariff
    assert {name: getattr(tariff, name) for name in price} == price


@pytest.mark.parametrize(
    ("price", "code", "field"),
    [
        ({"basis": "fixed", "fixed": 8000, "currency": "XXX"}, "unknown_currency", "currency"),
        ({"basis": "fixed", "fixed": 8000, "currency": "EURO"}, "bad_body", "currency"),
        ({"basis": "fixed", "fixed": -1}, "bad_body", "fixed"),
        ({"basis": "fixed", "fixed": 80.5}, "bad_body", "fixed"),
        ({"basis": "fixed", "fixed": "8000"}, "bad_body", "fixed"),
        ({"basis": "fixed", "fixed": 10**9 + 1}, "bad_body", "fixed"),
        ({"basis": "fixed", "fixed": 10_000_001}, "bad_tariff", "fixed"),
        ({"basis": "fixed", "fixed": 25505, "currency": "KWD"}, "bad_tariff", "fixed"),
        ({"basis": "fixed"}, "bad_tariff", "fixed"),
        ({"basis": "fixed", "fixed": 49}, "bad_tariff", "fixed"),
        ({"basis": "per_minute"}, "bad_tariff", "per_minute"),
        ({"basis": "per_minute", "per_minute": 200, "cap": 0}, "bad_tariff", "cap"),
        ({"basis": "per_minute", "per_minute": 200, "granularity": 0}, "bad_body", "granularity"),
        ({"basis": "at_end"}, "nothing_to_hold", "fixed"),
        ({"basis": "free"}, "bad_body", "basis"),
        ({"fixed": 8000}, "bad_body", "basis"),
        ({"basis": "fixed", "fixed": 8000, "tip": 1}, "bad_body", "tip"),
        ({"basis": "fixed", "fixed": 8000, "pay": "never"}, "bad_body", "pay"),
    ],
    ids=str,
)
async def test_a_price_that_is_none_has_a_stable_code_and_plans_nothing(practice, price, code, field):
    status, problem = await plan(practice, price)
    assert (status, problem["code"], problem.get("field")) == (422, code, field)
    assert await planned(practice) == 0


async def test_mmp_25_only_a_platform_locks_a_price(practice):
    locked = {"basis": "fixed", "fixed": 8000, "locked": True}
    status, problem = await plan(practice, locked, practice.owner)
    assert (status, problem["code"], problem["field"]) == (403, "not_allowed", "locked")
    assert await planned(practice) == 0
    status, made = await plan(practice, locked)
    assert status == 201
    assert (await practice.billing.prices.of(made["id"])).locked


async def test_who_cannot_be_paid_gets_no_price(practice):
    practice.till.gateway.ask(practice.owner.id, "external_account", can_charge=False)
    await practice.billing.connect.look(practice.owner.id, practice.at)
    status, problem = await plan(practice, {"basis": "fixed", "fixed": 8000})
    assert (status, problem["code"]) == (409, "no_account")
    assert await planned(practice) == 0


async def test_a_consultation_tells_how_its_payment_stands(practice):
    consultation = await practice.priced()
    key = await practice.key(practice.owner)

    async def payment():
        return (await (await practice.get(f"{ALL}/{consultation.id}", key)).json())["payment"]

    assert await payment() is None
    await practice.held(consultation)
    assert await payment() == {"state": "draft", "currency": "EUR", "due": None, "paid": 0, "refunded": 0}
    await practice.till.talk(consultation.id, 60)
    await practice.billing.invoices.confirm(consultation.id, 5000, practice.at)
    assert await payment() == {"state": "paid", "currency": "EUR", "due": 5000, "paid": 5000, "refunded": 0}
