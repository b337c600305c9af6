"""Receipts: numbers without gaps, whoever collides with whom; printed once and for ever."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from billing.io.money_tables import coupons, holds, organisations, payments, receipts, refunds
from billing.io.receipts import Receipts
from billing.receipt import Issuer, NoReceipt, ReceiptKind
from store.facts import ReceiptIssued
from store.io.database import Database
from store.io.outbox import Outbox
from tests.billing.money_rows import hold_row, payment_row

VAT = "TVA non applicable, article 261-4-1° du CGI"


async def issuer_of(_tx, practitioner: str) -> Issuer:
    return Issuer(f"Dr {practitioner}", time_zone="Europe/Paris")


@pytest.fixture
def desk(database: Database, outbox: Outbox) -> Receipts:
    return Receipts(database, outbox, issuer_of, VAT)


async def paid(database: Database, at: datetime, *names: str, **changes: object) -> None:
    async with database.transaction() as tx:
        for name in names:
            await tx.execute(insert(payments).values(payment_row(name, f"con_{name}", at, **changes)))


async def issue(database: Database, desk: Receipts, payment: str, at: datetime):
    async with database.transaction() as tx:
        return await desk.issue_paid(tx, payment, at)


async def numbers(database: Database) -> list[int]:
    async with database.reading() as tx:
        return list((await tx.execute(select(receipts.c.number).order_by(receipts.c.number))).scalars())


async def test_a_receipt_holds_everything_that_it_prints(database: Database, desk: Receipts, at: datetime):
    await paid(database, at, "pay_1", heads='{"cal_1":"abc"}')
    receipt = await issue(database, desk, "pay_1", at)
    [found] = await desk.of_payment("pay_1")
    assert found == await desk.receipt(receipt)
    body = found.body
    assert (body.issuer.name, body.patient, body.paid, body.currency, body.seconds) == (
        "Dr pra_1",
        "Alex Dupont",
        10000,
        "EUR",
        1200,
    )
    assert (body.vat_note, body.heads, body.card, body.kind) == (
        VAT,
        (("cal_1", "abc"),),
        "visa 4242",
        ReceiptKind.RECEIPT,
    )
    async with database.transaction() as tx:
        await tx.execute(update(payments).values(patient_name="Somebody Else"))
    assert (await desk.receipt(receipt)).body == body


async def test_the_fact_commits_with_the_number(database: Database, desk: Receipts, outbox: Outbox, bus, at: datetime):
    await paid(database, at, "pay_1")
    receipt = await issue(database, desk, "pay_1", at)
    await outbox.deliver()
    assert bus.heard == [ReceiptIssued("con_pay_1", "pay_1", receipt, at)]


async def test_a_payment_has_one_receipt(database: Database, desk: Receipts, at: datetime):
    await paid(database, at, "pay_1", "pay_2")
    assert await issue(database, desk, "pay_1", at) is not None
    assert await issue(database, desk, "pay_1", at) is None
    await issue(database, desk, "pay_2", at)
    assert await numbers(database) == [1, 2]


async def test_numbers_have_no_gaps_when_many_collide_and_some_are_rolled_back(
    database: Database, desk: Receipts, at: datetime
):
    names = [f"pay_{number}" for number in range(24)]
    await paid(database, at, *names)

    async def one(place: int, name: str) -> None:
        async with database.transaction() as tx:
            await desk.issue_paid(tx, name, at)
            if place % 3 == 0:
                raise ZeroDivisionError

    done = await asyncio.gather(*(one(place, name) for place, name in enumerate(names)), return_exceptions=True)
    assert sum(isinstance(error, ZeroDivisionError) for error in done) == 8
    assert [error for error in done if error is not None and not isinstance(error, ZeroDivisionError)] == []
    assert await numbers(database) == list(range(1, 17))
    for name in names:
        await issue(database, desk, name, at)
    assert await numbers(database) == list(range(1, 25))


async def test_two_that_issue_the_same_receipt_issue_one(database: Database, desk: Receipts, at: datetime):
    await paid(database, at, "pay_1", "pay_2")
    done = await asyncio.gather(*(issue(database, desk, "pay_1", at) for _ in range(6)))
    assert sum(one is not None for one in done) == 1
    await issue(database, desk, "pay_2", at)
    assert await numbers(database) == [1, 2]


async def test_each_practitioner_and_each_year_counts_from_one(database: Database, desk: Receipts, at: datetime):
    await paid(database, at, "pay_1", "pay_2")
    await paid(database, at, "pay_3", practitioner="pra_2")
    await issue(database, desk, "pay_1", at)
    await issue(database, desk, "pay_2", at + timedelta(days=366))
    await issue(database, desk, "pay_3", at)
    assert await numbers(database) == [1, 1, 1]


async def test_a_credit_note_names_its_receipt_the_amount_and_the_reason(
    database: Database, desk: Receipts, at: datetime
):
    await paid(database, at, "pay_1")
    await issue(database, desk, "pay_1", at)
    row = {"id": "rfd_1", "payment": "pay_1", "hold": "hol_1", "amount": 2500, "currency": "EUR", "state": "succeeded"}
    row |= {"administrator": "sup_1", "reason": "too long", "created_at": at, "changed_at": at}
    async with database.transaction() as tx:
        await tx.execute(insert(holds).values(hold_row("hol_1", "pay_1", at)))
        await tx.execute(insert(refunds).values(row))
        await desk.issue_refund(tx, "rfd_1", at + timedelta(minutes=1))
    receipt, note = await desk.of_payment("pay_1")
    assert (note.body.kind, note.body.paid, note.body.of, note.body.reason) == (
        ReceiptKind.CREDIT_NOTE,
        2500,
        receipt.body.number,
        "too long",
    )
    assert note.body.number.endswith("-00002")


async def test_the_organisation_behind_a_coupon_is_named(database: Database, desk: Receipts, at: datetime):
    async with database.transaction() as tx:
        await tx.execute(insert(organisations).values(id="org_1", name="Mutuelle", created_at=at))
        coupon = {"id": "cpn_1", "code": "A", "organisation": "org_1", "percent": 40, "amount": 0, "currency": "EUR"}
        await tx.execute(insert(coupons).values(coupon | {"uses": 1, "created_at": at}))
    await paid(database, at, "pay_1", coupon="cpn_1", covered=4000, due=6000, paid=6000)
    await issue(database, desk, "pay_1", at)
    [receipt] = await desk.of_payment("pay_1")
    assert (receipt.body.organisation, receipt.body.covered, receipt.body.paid) == ("Mutuelle", 4000, 6000)


@pytest.mark.parametrize("name", ["rcp_AAAAAAAAAAAAAAAAAAAAAA", "pay_1", ""])
async def test_an_unknown_receipt_is_none(desk: Receipts, name: str):
    with pytest.raises(NoReceipt):
        await desk.receipt(name)


async def test_those_of_many_payments_are_found_together(database: Database, desk: Receipts, at: datetime):
    names = [f"pay_{place}" for place in range(600)]
    await paid(database, at, *names[:2], "pay_of_another")
    for name in (*names[:2], "pay_of_another"):
        await issue(database, desk, name, at)
    found = await desk.of_payments(names)
    assert found == {name: list(await desk.of_payment(name)) for name in names[:2]}
