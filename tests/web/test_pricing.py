"""The price on the desk's form: what is wrong is said beside the field, and what was typed stays."""

# ruff: noqa: RUF001 (French is printed with this apostrophe)

import re
from datetime import UTC, datetime

import pytest

from billing.agreement import When
from billing.tariff import Basis
from web.pricing import read_price
from web.problems import KINDS, Refused

FIXED = {"basis": "fixed", "amount": "80"}
PER_MINUTE = {"basis": "per_minute", "amount": "2"}
AT_END = {"basis": "at_end", "amount": ""}

BAD = [
    ({**FIXED, "amount": ""}, "bad_amount", "amount"),
    ({**FIXED, "amount": "eighty"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "-80"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "80.001"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "1e3"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "٨٠"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "100000.01"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "999999999"}, "bad_amount", "amount"),
    ({**FIXED, "amount": "0"}, "price_zero", "amount"),
    ({**FIXED, "currency": "XXX"}, "unknown_currency", "currency"),
    ({**FIXED, "currency": "euro"}, "unknown_currency", "currency"),
    ({"basis": "by_the_mood"}, "bad_tariff", "basis"),
    ({**PER_MINUTE, "amount": ""}, "bad_amount", "amount"),
    ({**PER_MINUTE, "free_minutes": "two"}, "bad_duration", "free_minutes"),
    ({**PER_MINUTE, "free_minutes": "-1"}, "bad_duration", "free_minutes"),
    ({**PER_MINUTE, "free_minutes": "241"}, "bad_duration", "free_minutes"),
    ({**PER_MINUTE, "minimum_minutes": "1.5"}, "bad_duration", "minimum_minutes"),
    ({**PER_MINUTE, "fixed_part": "x"}, "bad_amount", "fixed_part"),
    ({**PER_MINUTE, "minimum": "1.234"}, "bad_amount", "minimum"),
    ({**PER_MINUTE, "cap": "-1"}, "bad_amount", "cap"),
    ({**FIXED, "amount": "0.49"}, "price_too_small", "amount"),
    ({**AT_END, "amount": "50", "cap": "0.49"}, "price_too_small", "cap"),
    ({**PER_MINUTE, "cap": "0"}, "price_too_small", "cap"),
    (AT_END, "nothing_to_hold", "amount"),
    ({**PER_MINUTE, "free_minutes": "120"}, "nothing_to_hold", "amount"),
]


async def plan(practice, **fields):
    own = await practice.as_(practice.owner)
    return await practice.form("/desk/consultations", own, patient_name="Zoé Petit", when="now", minutes="30", **fields)


async def planned(practice):
    return await practice.agenda.consultations_of(practice.owner.id, practice.at, datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize(("fields", "code", "field"), BAD, ids=str)
def test_each_bad_price_has_its_sentence_and_its_field(fields, code, field):
    with pytest.raises(Refused) as refused:
        read_price(fields, "EUR", 30)
    assert (refused.value.code, refused.value.field, refused.value.status) == (code, field, 422)


@pytest.mark.parametrize(("fields", "code", "field"), BAD[::4] + BAD[-5:], ids=str)
async def test_mmp_26_what_is_wrong_is_said_and_what_was_typed_is_kept(practice, fields, code, field):
    own = await practice.as_(practice.owner)
    answer = await practice.form(
        "/desk/consultations",
        {**own, "Accept-Language": "en"},
        patient_name="Zoé Petit",
        when="now",
        minutes="30",
        **fields,
    )
    text = await answer.text()
    assert answer.status == 422
    assert KINDS[code].sentence.replace("'", "&#39;") in text
    assert 'value="Zoé Petit"' in text
    for name, value in fields.items():
        if name in {"basis", "currency"}:
            continue
        assert f'value="{value}"' in re.search(rf'<input[^>]*name="{name}"[^>]*>', text)[0], name
    blamed = re.search(rf'<input[^>]*name="{field}"[^>]*>', text)[0] if field not in {"basis", "currency"} else ""
    assert not blamed or 'aria-invalid="true" aria-describedby="problem"' in blamed
    assert await planned(practice) == []


@pytest.mark.parametrize(
    ("currency", "amount", "minor", "shown"),
    [
        ("EUR", "80", 8000, "80,00\u00a0€"),
        ("EUR", "80,5", 8050, "80,50\u00a0€"),
        ("JPY", "8000", 8000, "8\u202f000\u00a0JPY"),
        ("KWD", "25.50", 25500, "25,500\u00a0KWD"),
    ],
)
async def test_mmp_26_the_practitioner_sets_a_price_in_the_practices_currency(opened, currency, amount, minor, shown):
    practice = await opened(currency=currency)
    answer = await plan(practice, basis="fixed", amount=amount)
    assert answer.status == 303
    made = (await planned(practice))[0]
    price = await practice.billing.prices.of(made.id)
    assert (price.tariff.currency, price.tariff.fixed, price.tariff.basis) == (currency, minor, Basis.FIXED)
    assert (price.when, price.locked, price.planned_seconds) == (When.HOLD, False, 1800)
    html = await practice.seen("/desk", await practice.as_(practice.owner))
    assert shown in html
    assert "À accepter" in html


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "80.5"), ("KWD", "1.2345"), ("KWD", "1.005")])
def test_more_decimals_than_the_currency_has_are_refused(currency, amount):
    with pytest.raises(Refused) as refused:
        read_price({**FIXED, "amount": amount}, currency, 30)
    assert refused.value.code == "bad_amount"


def test_a_price_by_the_minute_with_all_its_parts():
    price = read_price(
        {
            **PER_MINUTE,
            "pay": "after",
            "free_minutes": "3",
            "minimum_minutes": "10",
            "step": "minute",
            "fixed_part": "5",
            "minimum": "15",
            "cap": "60",
        },
        "EUR",
        30,
    )
    tariff = price.tariff
    assert (tariff.per_minute, tariff.fixed, tariff.minimum, tariff.cap) == (200, 500, 1500, 6000)
    assert (tariff.free_seconds, tariff.minimum_seconds, tariff.granularity) == (180, 600, 60)
    assert price.when is When.AFTER


def test_the_parts_of_another_kind_of_price_are_not_taken_over():
    tariff = read_price({**FIXED, "cap": "10", "free_minutes": "5", "fixed_part": "7"}, "EUR", 30).tariff
    assert (tariff.fixed, tariff.cap, tariff.free_seconds) == (8000, None, 0)
    assert read_price({"basis": "free", "amount": "80"}, "EUR", 30).free


@pytest.mark.parametrize("fields", [{"amount": "50"}, {"cap": "90"}, {"pay": "after"}])
def test_an_amount_said_at_the_end_needs_something_to_hold_or_is_paid_afterwards(fields):
    assert read_price({**AT_END, **fields}, "EUR", 30).tariff.basis is Basis.AT_END


async def test_a_practitioner_who_cannot_be_paid_sets_no_price_and_is_told_where_to_go(practice):
    practice.till.gateway.ask(practice.owner.id, "external_account", can_charge=False)
    await practice.billing.connect.look(practice.owner.id, practice.at)
    answer = await plan(practice, basis="fixed", amount="80")
    text = await answer.text()
    assert answer.status == 409
    assert "Vous ne pouvez pas encore fixer de prix" in text
    assert text.count('href="/payments"') == 3  # the pages' list, the standing notice, and beside the form
    assert 'value="80"' in text
    assert await planned(practice) == []
    assert (await plan(practice, basis="free")).status == 303


async def test_the_desk_says_when_letters_reach_nobody(opened):
    practice = await opened(mail_in_files=True)
    own = await practice.as_(practice.owner)
    assert "Aucun serveur de messagerie" in await practice.seen("/desk", own)


async def test_nothing_is_said_where_all_is_well(practice):
    html = await practice.seen("/desk", await practice.as_(practice.owner))
    assert "serveur de messagerie" not in html
    assert "Vous ne pouvez pas encore" not in html
    assert "sandbox-note" not in html


@pytest.mark.parametrize("path", ["/login", "/join", "/pay", "/admin/login", "/desk", "/monitoring", "/nothing"])
async def test_every_page_says_that_no_real_money_moves_in_the_sandbox(opened, path):
    practice = await opened(sandbox=True)
    html = await practice.seen(path, {} if path == "/login" else await practice.as_(practice.owner))
    assert "Bac à sable\u00a0: pas d’argent réel" in html


async def test_the_desk_tells_how_each_payment_stands(practice):
    for name, step in (("A", None), ("B", "agree"), ("C", "held"), ("D", "owed"), ("E", "free")):
        made = await (practice.plan(name=name) if step == "free" else practice.priced(name=name))
        if step == "agree":
            await practice.agree(made)
        if step == "held":
            await practice.held(made)
        if step == "owed":
            await practice.owed(made)
    html = await practice.seen("/desk", await practice.as_(practice.owner))
    shown = re.findall(r'<p class="strong">(\w)</p>.*?(?=<li|</ol>)', html, re.DOTALL)
    parts = dict(zip(shown, re.split(r'<p class="strong">\w</p>', html)[1:], strict=True))
    said = {"A": "À accepter", "B": "Carte attendue", "C": "Carte enregistrée", "D": "En attente"}
    for name, words in said.items():
        assert words in parts[name]
        assert "80,00\u00a0€" in parts[name]
    assert "consultation-price" not in parts["E"]
