"""Monitoring (FAC-12 to FAC-19): period, filters, nine columns, the CSV, asking again."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from billing.agreement import When
from store.facts import PaymentChanged
from tests.web.practice import Practice

COLUMNS = ["Start", "End", "Duration", "Patient", "Amount", "Payment status", "Payout status", "Link", "Action"]
DURATIONS = [
    ("2026-03-09T18:45:35", 48 * 60 + 18, "48 min 18 s"),
    ("2026-03-09T15:33:15", 18 * 60 + 48, "18 min 48 s"),
    ("2026-03-09T09:29:25", 2 * 60 + 9, "2 min 9 s"),
]


def cells(html: str) -> list[list[str]]:
    """Return the words of each row's cells, the table's head first."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[_words(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]


def _words(cell: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", cell).split())


async def page(practice: Practice, query: str = "", language: str = "en"):
    own = {**await practice.as_(practice.owner), "Accept-Language": language}
    answer = await practice.get(f"/monitoring{query}", own)
    return answer.status, await practice.seen(f"/monitoring{query}", own)


async def at(practice: Practice, moment: str) -> None:
    practice.at = datetime.fromisoformat(moment).replace(tzinfo=UTC)


async def test_fac_16_durations_and_moments_are_to_the_second_newest_first(practice):
    for moment, seconds, _ in sorted(DURATIONS):
        await at(practice, moment)
        consultation = await practice.priced(name=moment)
        await practice.agree(consultation)
        await practice.till.talk(consultation.id, seconds)
    practice.later(hours=1)
    _, html = await page(practice)
    head, *rows = cells(html)
    assert head == COLUMNS
    assert [row[2] for row in rows] == [duration for _, _, duration in DURATIONS]
    assert [row[0] for row in rows] == ["09/03/2026 19:45:35", "09/03/2026 16:33:15", "09/03/2026 10:29:25"]
    assert rows[0][1] == "09/03/2026 20:33:53"


async def test_fac_15_and_17_a_row_has_all_columns_and_a_free_consultation_says_so(practice):
    free = await practice.plan(name="Marc Free")
    await practice.till.talk(free.id, 129)
    _, html = await page(practice, language="fr")
    (row,) = cells(html)[1:]
    assert row[2:7] == ["2 min 9 s", "Marc Free", "-", "Pas de paiement", "-"]
    assert row[7] == "Joindre la conférence (Marc Free)"
    assert f'href="/consultations/{free.id}"' in html


async def test_fac_15_a_paid_row_has_amount_payout_and_receipt(practice):
    payment = await practice.paid(await practice.priced())
    _, html = await page(practice)
    (row,) = cells(html)[1:]
    assert row[4:7] == ["€80.00", "Paid", "Available"]
    (receipt,) = await practice.billing.receipts.of_payment(payment)
    assert f'href="/payments/{payment}/receipts/{receipt.id}"' in html
    assert "Send the payment request again" not in html


async def states(practice: Practice) -> None:
    """One consultation in each of the states that can be chosen."""
    for name in ("unpaid", "cancelled", "pending", "no_payment", "paid"):
        consultation = await practice.priced(name=name, when=When.HOLD if name == "paid" else When.AFTER)
        if name == "paid":
            await practice.paid(consultation)
            continue
        payment = await practice.owed(consultation, 0 if name == "no_payment" else 8000)
        if name == "cancelled":
            await practice.billing.invoices.cancel(payment, practice.at)
        if name == "unpaid":
            practice.later(days=8)
            await practice.billing.run(practice.at)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"unpaid", "cancelled", "pending", "no_payment", "paid"}),
        ("?status=unpaid", {"unpaid"}),
        ("?status=cancelled", {"cancelled"}),
        ("?status=failed", set()),
        ("?status=pending", {"pending"}),
        ("?status=paid", {"paid"}),
        ("?status=no_payment", {"no_payment"}),
        ("?status=paid&status=pending", {"paid", "pending"}),
    ],
)
async def test_fac_13_filters(practice, query, names):
    await states(practice)
    _, html = await page(practice, query)
    assert {row[3] for row in cells(html)[1:]} == names
    if not names:
        assert "Nothing in this period with this status." in html
    checked = set(re.findall(r'value="(\w+)" checked', html))
    assert checked == set(re.findall(r"status=(\w+)", query))


async def test_fac_12_the_period_is_the_practitioners_days(practice):
    for moment in ("2026-03-08T22:59:59", "2026-03-08T23:00:00", "2026-03-10T22:59:59", "2026-03-10T23:00:00"):
        await at(practice, moment)
        await practice.till.talk((await practice.plan(name=moment)).id, 5)
    status, html = await page(practice, "?from=2026-03-09&to=2026-03-10")
    assert status == 200
    assert [row[3] for row in cells(html)[1:]] == ["2026-03-10T22:59:59", "2026-03-08T23:00:00"]
    assert 'value="2026-03-09"' in html
    _, html = await page(practice)
    assert len(cells(html)) == 5, "without a period the last thirty days"


@pytest.mark.parametrize(
    "query",
    [
        "?from=2026-03-10&to=2026-03-09",
        "?from=yesterday",
        "?from=0001-01-01&to=9999-12-31",
        "?from=2016-01-01&to=2026-03-10",
        "?from=2026-02-30",
        "?to=9999-12-31",
    ],
)
async def test_a_period_that_is_none_is_said_beside_the_default(practice, query):
    status, html = await page(practice, query)
    assert status == 422
    assert "This is no period" in html
    assert 'value="2026-02-09"' in html
    assert (await practice.get(f"/monitoring.csv{query}", await practice.as_(practice.owner))).status == 422


async def test_a_status_that_is_none_is_refused(practice):
    assert (await page(practice, "?status=rich"))[0] == 400


async def test_another_practitioners_consultations_are_not_shown(practice):
    await practice.till.talk((await practice.plan(practice.other, name="Not mine")).id, 60)
    assert cells((await page(practice))[1]) == []


# -- FAC-14: CSV ---------------------------------------------------------------------------------------------


async def test_fac_14_the_csv_has_the_same_rows_for_a_spreadsheet(practice):
    await states(practice)
    own = await practice.as_(practice.owner)
    answer = await practice.get("/monitoring.csv?from=2026-03-01&to=2026-03-31&status=paid", own)
    assert (answer.status, answer.content_type, answer.charset) == (200, "text/csv", "utf-8")
    name = 'attachment; filename="monitoring-2026-03-01-2026-03-31.csv"'
    assert answer.headers["Content-Disposition"] == name
    text = (await answer.read()).decode()
    assert text.startswith("\ufeff")
    head, row = list(csv.reader(io.StringIO(text[1:]), delimiter=";"))
    assert head[:3] == ["Début", "Fin", "Durée"]
    assert (row[3], row[4], row[5]) == ("paid", "80,00", "Payé")
    assert row[7].startswith(f"{practice.origin}/consultations/con_")


async def test_fac_14_nothing_in_the_csv_or_on_the_page_is_run(practice):
    hostile = '=HYPERLINK("http://x";"y")<b>'
    await practice.till.talk((await practice.plan(name=hostile)).id, 60)
    own = await practice.as_(practice.owner)
    text = (await (await practice.get("/monitoring.csv", own)).read()).decode()
    assert "'" + hostile in next(csv.reader(io.StringIO(text.splitlines()[1]), delimiter=";"))
    assert "<b>" not in (await page(practice))[1]


# -- FAC-18: asking again ------------------------------------------------------------------------------------


async def resent(practice: Practice, payment: str, back: str = "/monitoring?status=pending"):
    own = {**await practice.as_(practice.owner), "Accept-Language": "en"}
    answer = await practice.client.post(
        f"/payments/{payment}/resend",
        params={"back": back},
        headers={**own, "Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    )
    assert answer.status == 303
    return answer.headers["Location"], await practice.seen(answer.headers["Location"], own)


async def test_fac_18_the_same_link_is_sent_again_at_most_once_a_minute(practice):
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    _, html = await page(practice)
    assert "Send the payment request again" in cells(html)[1][8]
    asked = len(await practice.till.facts(PaymentChanged))
    practice.later(minutes=2)
    location, html = await resent(practice, payment)
    assert location == "/monitoring?status=pending&done=sent"
    assert "The payment request was sent again." in html
    assert len(await practice.till.facts(PaymentChanged)) == asked + 1
    practice.later(seconds=59)
    location, html = await resent(practice, payment)
    assert "This was asked for less than a minute ago." in html
    assert len(await practice.till.facts(PaymentChanged)) == asked + 1
    practice.later(seconds=2)
    assert (await resent(practice, payment))[0].endswith("done=sent")


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/admin?status=paid", "", "/monitoring?x=1"]
)
async def test_sending_again_leads_back_to_monitoring_only(practice, back):
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    practice.later(minutes=2)
    assert (await resent(practice, payment, back))[0] == "/monitoring?done=sent"


async def test_what_is_paid_or_cancelled_is_not_asked_for_again(practice):
    for payment in (await practice.paid(await practice.priced()), await cancelled(practice)):
        practice.later(minutes=2)
        _, html = await resent(practice, payment)
        assert "There is nothing to pay here." in html


async def cancelled(practice: Practice) -> str:
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    own = await practice.as_(practice.owner)
    answer = await practice.form(f"/payments/{payment}/cancel", own)
    assert answer.headers["Location"] == "/monitoring?done=cancelled"
    return payment


async def test_an_amount_that_nobody_has_confirmed_leads_to_where_it_is_confirmed(practice):
    consultation = await practice.priced()
    await practice.held(consultation)
    await practice.till.talk(consultation.id, 60)
    _, html = await page(practice)
    row = cells(html)[1]
    assert (row[5], row[8]) == ("Amount to be confirmed", "Confirm the amount (Jeanne Dupont)")


async def test_anothers_payment_and_one_that_is_none_are_not_there(practice):
    payment = await practice.owed(await practice.priced(when=When.AFTER))
    receipted = await practice.paid(await practice.priced())
    (receipt,) = await practice.billing.receipts.of_payment(receipted)
    other, own = await practice.as_(practice.other), await practice.as_(practice.owner)
    for name in (payment, payment[:-4] + "AAAA", "pay_x"):
        for path in ("resend", "cancel"):
            assert (await practice.form(f"/payments/{name}/{path}", other)).status == 404
    assert (await practice.get(f"/payments/{receipted}/receipts/{receipt.id}", other)).status == 404
    assert (await practice.get(f"/payments/{payment}/receipts/{receipt.id}", own)).status == 404
    answer = await practice.get(f"/payments/{receipted}/receipts/{receipt.id}", own)
    assert (answer.status, answer.content_type) == (200, "application/pdf")
