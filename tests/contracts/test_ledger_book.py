"""The books: said twice is booked once, and what is booked stays as it is."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from billing.io.ledger_book import LedgerBook
from billing.io.money_tables import entries, payments, postings, receipts
from billing.ledger import PostingKind, Taken, captured, invoiced, moved
from store.io.database import Database
from tests.billing.money_rows import payment_row

PAYMENT, PRACTITIONER, ACCOUNT = "pay_1", "pra_1", "acct_1"


@pytest.fixture
def book(database: Database) -> LedgerBook:
    return LedgerBook(database)


async def golden(database: Database, book: LedgerBook, gross: int, card_fee: int, commission: int, at: datetime):
    async with database.transaction() as tx:
        await book.post(tx, invoiced(PAYMENT, PRACTITIONER, "", gross, 0, "EUR", at), PAYMENT)
        taken = Taken(gross, card_fee, commission)
        posting = captured("hol_1", PAYMENT, PRACTITIONER, ACCOUNT, taken, "EUR", at, "txn_1")
        await book.post(tx, posting, PAYMENT)


@pytest.mark.parametrize(
    ("gross", "card_fee", "commission", "net"), [(10000, 175, 1200, 8625), (11600, 199, 1392, 10009)]
)
async def test_mmp_53_what_is_left_for_the_practitioner(
    database: Database, book: LedgerBook, at: datetime, gross: int, card_fee: int, commission: int, net: int
):
    await golden(database, book, gross, card_fee, commission, at)
    assert await book.balance(f"balance:{ACCOUNT}") == {"EUR": net}
    assert await book.balance("balance:platform") == {"EUR": commission}
    assert await book.balance(f"patient:{PAYMENT}") == {"EUR": 0}
    assert await book.balance(f"earned:{PRACTITIONER}") == {"EUR": -gross}
    assert await book.unbalanced() == ()


async def test_the_same_posting_is_booked_once(database: Database, book: LedgerBook, at: datetime):
    await golden(database, book, 10000, 175, 1200, at)
    await golden(database, book, 10000, 175, 1200, at)
    assert await book.balance(f"balance:{ACCOUNT}") == {"EUR": 8625}
    assert [posting.kind for posting in await book.entries_of(PAYMENT)] == [PostingKind.INVOICED, PostingKind.CAPTURED]


async def test_one_balance_transaction_is_booked_once_under_whatever_name(
    database: Database, book: LedgerBook, at: datetime
):
    first = moved(PostingKind.PAID_OUT, "po_1", "balance:a", "bank:a", 5, "EUR", at, "txn_9")
    second = moved(PostingKind.ADJUSTED, "other", "balance:a", "bank:a", 5, "EUR", at, "txn_9")
    async with database.transaction() as tx:
        assert await book.post(tx, first, None) is not None
        assert await book.post(tx, second, None) is None
    assert await book.balance("bank:a") == {"EUR": 5}


async def test_two_that_book_the_same_at_once_book_it_once(database: Database, book: LedgerBook, at: datetime):
    posting = moved(PostingKind.PAID_OUT, "po_1", "balance:a", "bank:a", 5, "EUR", at, "txn_9")

    async def post():
        async with database.transaction() as tx:
            return await book.post(tx, posting, None)

    done = await asyncio.gather(*(post() for _ in range(6)))
    assert sum(one is not None for one in done) == 1
    assert await book.balance("bank:a") == {"EUR": 5}


async def test_what_is_rolled_back_was_never_booked(database: Database, book: LedgerBook, at: datetime):
    async def fail() -> None:
        async with database.transaction() as tx:
            await book.post(tx, moved(PostingKind.PAID_OUT, "po_1", "a", "b", 5, "EUR", at), None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await book.balance("a") == {}


async def test_entries_that_do_not_sum_up_are_found(database: Database, book: LedgerBook, at: datetime):
    async with database.transaction() as tx:
        posting = await book.post(tx, moved(PostingKind.ADJUSTED, "x", "a", "b", 5, "EUR", at), None)
        await tx.execute(insert(entries).values(posting=posting, line=9, account="c", amount=3, currency="EUR"))
    [(found, rest)] = await book.unbalanced()
    assert (found, rest.minor, rest.currency) == (posting, 3, "EUR")


CHANGES = [
    update(postings).values(reference="other"),
    delete(postings),
    update(entries).values(amount=entries.c.amount + 1),
    delete(entries),
    update(receipts).values(body="{}"),
    delete(receipts),
]


@pytest.mark.parametrize("statement", CHANGES, ids=lambda statement: str(statement).split(" SET")[0].replace(" ", "-"))
async def test_invariant_1_what_is_booked_or_printed_is_never_changed(
    database: Database, book: LedgerBook, at: datetime, statement
):
    await golden(database, book, 10000, 175, 1200, at)
    async with database.transaction() as tx:
        await tx.execute(insert(payments).values(payment_row(PAYMENT, "con_1", at)))
        row = {"id": "rcp_1", "series": "A/2026", "number": 1, "kind": "receipt", "reference": PAYMENT}
        await tx.execute(insert(receipts).values(row | {"payment": PAYMENT, "body": "{1}", "issued_at": at}))
    before = await everything(database)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as tx:
            await tx.execute(statement)
    assert await everything(database) == before


@pytest.mark.parametrize("table", ["postings", "entries", "receipts"])
async def test_invariant_1_no_table_of_the_books_is_emptied_or_replaced(
    database: Database, book: LedgerBook, at: datetime, table: str
):
    await golden(database, book, 10000, 175, 1200, at)
    async with database.transaction() as tx:
        await tx.execute(insert(payments).values(payment_row(PAYMENT, "con_1", at)))
        row = {"id": "rcp_1", "series": "A/2026", "number": 1, "kind": "receipt", "reference": PAYMENT}
        await tx.execute(insert(receipts).values(row | {"payment": PAYMENT, "body": "{1}", "issued_at": at}))
        postgresql = tx.dialect.name == "postgresql"
    before = await everything(database)
    replacing = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608 — the parameters above
    sweeping = f"TRUNCATE {table} CASCADE" if postgresql else replacing
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as tx:
            await tx.execute(text(sweeping))
    assert await everything(database) == before


async def everything(database: Database) -> list[object]:
    async with database.reading() as tx:
        counts = [await tx.scalar(select(func.count()).select_from(table)) for table in (postings, entries, receipts)]
        rows = (await tx.execute(select(entries).order_by(entries.c.posting, entries.c.line))).all()
        return [*counts, *map(tuple, rows), *map(tuple, (await tx.execute(select(receipts))).all())]
