"""Monitoring and earnings, from the tables."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, literal, select, union_all

from billing import bookkeeping
from billing.bookkeeping import Charged
from billing.gateway import BalanceTransaction
from billing.io.ledger_book import LedgerBook
from billing.io.money_tables import billed_calls, payments
from billing.io.reports import Reports
from billing.money import Money
from billing.monitoring import Filter
from billing.payment import PaymentState
from billing.payout import PayoutState
from store.io.database import Database
from tests.billing.money_rows import payment_row

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENTS = {"con_free": "Zoé", "con_1": "Alex Dupont", "con_2": "Alex Dupont", "con_3": "Alex Dupont"}


def consultations_of(practitioner: str):
    if practitioner != "pra_1":
        return select(literal("con_other").label("consultation"), literal("Nobody of ours").label("patient"))
    return union_all(
        *(
            select(literal(name).label("consultation"), literal(patient).label("patient"))
            for name, patient in PATIENTS.items()
        )
    )


@pytest.fixture
def reports(database: Database) -> Reports:
    return Reports(database, consultations_of)


async def called(
    database: Database, consultation: str, opened_at: datetime, seconds: int | None, call: str = ""
) -> None:
    row = {"call": call or f"cal_{consultation}", "consultation": consultation, "tariff": "{}", "opened_at": opened_at}
    if seconds is not None:
        row |= {"ended_at": opened_at + timedelta(seconds=seconds), "reason": "hung_up"}
    async with database.transaction() as tx:
        await tx.execute(insert(billed_calls).values(row))


async def paid(database: Database, payment: str, consultation: str, at: datetime, **changes: object) -> None:
    async with database.transaction() as tx:
        await tx.execute(insert(payments).values(payment_row(payment, consultation, at, **changes)))


async def test_fac_12_rows_are_those_of_the_chosen_time_newest_first(
    database: Database, reports: Reports, at: datetime
):
    await called(database, "con_1", at, 2898)
    await called(database, "con_2", at + HOUR, 60)
    await called(database, "con_3", at + DAY, 60)
    rows = await reports.monitoring("pra_1", at, at + DAY)
    assert [row.consultation for row in rows] == ["con_2", "con_1"]
    assert (rows[1].started_at, rows[1].ended_at, rows[1].seconds) == (at, at + timedelta(seconds=2898), 2898)


async def test_fac_17_a_free_consultation_has_no_payment(database: Database, reports: Reports, at: datetime):
    await called(database, "con_free", at, 60)
    [row] = await reports.monitoring("pra_1", at, at + DAY)
    assert (row.patient, row.amount, row.state, row.payout, row.payment) == (
        "Zoé",
        None,
        PaymentState.NO_PAYMENT,
        PayoutState.NONE,
        "",
    )


async def test_the_calls_of_one_consultation_are_one_row(database: Database, reports: Reports, at: datetime):
    await called(database, "con_1", at, 100, "cal_1")
    await called(database, "con_1", at + HOUR, 50, "cal_2")
    await paid(database, "pay_1", "con_1", at, payout="pending", heads='{"cal_2":"bb","cal_1":"aa"}')
    [row] = await reports.monitoring("pra_1", at, at + DAY)
    assert (row.started_at, row.ended_at, row.seconds) == (at, at + HOUR + timedelta(seconds=50), 150)
    assert (row.amount, row.payout, row.heads) == (Money(10000, "EUR"), PayoutState.PENDING, ("cal_1:aa", "cal_2:bb"))
    assert await reports.monitoring("pra_1", at + HOUR, at + DAY) == []


async def test_a_call_that_goes_on_has_no_end_yet(database: Database, reports: Reports, at: datetime):
    await called(database, "con_1", at, 100, "cal_1")
    await called(database, "con_1", at + HOUR, None, "cal_2")
    [row] = await reports.monitoring("pra_1", at, at + DAY)
    assert (row.ended_at, row.seconds) == (None, None)


async def test_a_patient_who_did_not_come_is_shown_with_what_they_owe(
    database: Database, reports: Reports, at: datetime
):
    await paid(database, "pay_1", "con_1", at, state="pending", paid=0, no_show=True)
    await paid(database, "pay_2", "con_2", at, state="draft", due=None, invoiced_at=None)
    [row] = await reports.monitoring("pra_1", at, at + DAY)
    assert (row.payment, row.started_at, row.at, row.can_ask_again) == ("pay_1", None, at, True)


async def test_what_was_given_up_after_a_part_was_paid_is_no_part_of_the_amount(
    database: Database, reports: Reports, at: datetime
):
    await paid(database, "pay_1", "con_1", at, paid=8000, given_up=2000)
    await paid(database, "pay_2", "con_2", at - HOUR, paid=0, given_up=10000, state="cancelled")
    rows = await reports.monitoring("pra_1", at - DAY, at + DAY)
    assert {row.payment: row.amount for row in rows} == {"pay_1": Money(8000, "EUR"), "pay_2": Money(10000, "EUR")}


async def test_fac_13_filters(database: Database, reports: Reports, at: datetime):
    for place, (name, state) in enumerate({"con_1": "unpaid", "con_2": "refunded", "con_3": "draft"}.items()):
        await called(database, name, at + place * HOUR, 60)
        await paid(database, f"pay_{name}", name, at, state=state)
    await called(database, "con_free", at, 60)

    async def shown(*filters: Filter) -> set[str]:
        return {row.consultation for row in await reports.monitoring("pra_1", at, at + DAY, filters)}

    assert await shown() == {"con_1", "con_2", "con_3", "con_free"}
    assert await shown(Filter.UNPAID) == {"con_1"}
    assert await shown(Filter.PAID, Filter.NO_PAYMENT) == {"con_2", "con_free"}
    assert await shown(Filter.PENDING) == {"con_3"}
    assert await shown(Filter.FAILED, Filter.CANCELLED) == set()


async def test_nobody_sees_anothers_rows_or_earnings(database: Database, reports: Reports, at: datetime):
    await called(database, "con_1", at, 60)
    await paid(database, "pay_1", "con_1", at)
    await capture(database, "pay_1", 10000, 175, 1200, at)
    assert await reports.monitoring("pra_2", at, at + DAY) == []
    theirs = await reports.earnings("pra_2", at, at + DAY, "UTC")
    assert (theirs.months, theirs.sessions, theirs.by_patient) == ((), (), ())


async def capture(database: Database, payment: str, gross: int, card_fee: int, commission: int, at: datetime) -> None:
    fee = card_fee + commission
    moved = BalanceTransaction(
        f"txn_{payment}_{gross}", "acct_1", "charge", gross, fee, gross - fee, commission, "EUR", "ch_1", at, at
    )
    charged = Charged(payment, "pra_1", abs(gross), "EUR")
    posting = bookkeeping.capture(payment, charged, moved) if gross > 0 else bookkeeping.refund(payment, charged, moved)
    async with database.transaction() as tx:
        await LedgerBook(database).post(tx, posting, payment)


async def test_c2_21_earnings_are_what_the_ledger_says(database: Database, reports: Reports, at: datetime):
    await called(database, "con_1", at, 2898)
    await called(database, "con_free", at + HOUR, 60)
    await paid(database, "pay_1", "con_1", at)
    await capture(database, "pay_1", 10000, 175, 1200, at)
    await capture(database, "pay_1", -2500, 0, -300, at + HOUR)
    report = await reports.earnings("pra_1", at, at + DAY, "Europe/Paris")
    [month] = report.months
    assert (month.month, month.gross, month.card_fee, month.commission, month.net) == ("2026-03", 7500, 175, 900, 6425)
    assert (report.total_seconds, report.patients) == (2958, ("Alex Dupont", "Zoé"))
    [total] = report.by_patient
    assert (total.patient, total.gross, [one.gross for one in total.movements]) == ("Alex Dupont", 7500, [-2500, 10000])
