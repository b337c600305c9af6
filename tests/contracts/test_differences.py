"""Differences: they stay until somebody knows why, or they are gone; and what cannot be read stops nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import msgspec
import pytest
from sqlalchemy import select, update

from billing.gateway import RefundCharge
from billing.io.money_tables import accounts, holds, payments
from billing.ledger import PostingKind, moved
from billing.payment import PaymentState
from billing.payout import PayoutState
from billing.reconciling import Difference, DifferenceKind
from billing.sandbox import balance
from store.io.database import Database
from tests.billing.practice import DISPUTED, Practice, opened_practice
from tests.contracts.test_reconciliation import account_of, foreign_charge, found, kinds, write

K = DifferenceKind
Cause = Callable[[Practice], Awaitable[object]]


@pytest.fixture
async def practice(database: Database, at: datetime) -> AsyncIterator[Practice]:
    async with opened_practice(database, at) as practice:
        yield practice


async def a_wrong_amount(practice: Practice) -> None:
    transactions = practice.gateway.transactions

    async def too_cheap(account, since):
        async for one in transactions(account, since):
            yield msgspec.structs.replace(one, fee=one.fee - 5, net=one.net + 5)

    practice.gateway.transactions = too_cheap
    await practice.paid()
    practice.gateway.transactions = transactions
    practice.billing.reconciliation._movements._kept.clear()


async def a_posting_of_ours_alone(practice: Practice) -> None:
    account = await account_of(practice)
    sides = f"balance:{account}", f"bank:{account}"
    posting = moved(PostingKind.PAID_OUT, "po_x", *sides, 700, "EUR", practice.at, "txn_invented")
    async with practice.database.transaction() as tx:
        await practice.billing.ledger.post(tx, posting, None)


async def a_movement_of_unknown_kind(practice: Practice) -> None:
    account = await account_of(practice)
    balance.entry(practice.sandbox.books, account, "stripe_fee", -150, "eur", "", practice.sandbox.now())


async def an_unknown_movement_of_the_platform(practice: Practice) -> None:
    balance.entry(practice.sandbox.books, "", "stripe_fee", -150, "eur", "", practice.sandbox.now())


async def a_commission_of_nobody(practice: Practice) -> None:
    balance.entry(practice.sandbox.books, "", "application_fee", 99, "eur", "fee_x", practice.sandbox.now())


async def a_movement_in_another_money(practice: Practice) -> None:
    """Stripe has the old dobra of São Tomé, which ISO 4217 has no more."""
    account = await account_of(practice)
    balance.entry(practice.sandbox.books, account, "charge", 5000, "std", "ch_x", practice.sandbox.now())


async def a_foreign_refund(practice: Practice) -> None:
    payment = await practice.paid()
    [intent] = [one.id for one in practice.sandbox.books.intents]
    await practice.gateway.perform(RefundCharge(payment.account, "x", intent, 1000, "EUR"), "not our key")


async def a_foreign_dispute(practice: Practice) -> None:
    await foreign_charge(practice, DISPUTED)


CAUSES: list[tuple[Cause, list[DifferenceKind]]] = [
    (foreign_charge, [K.FOREIGN_CHARGE]),
    (a_foreign_refund, [K.WRONG_COMMISSION, K.FOREIGN_REFUND]),
    (a_foreign_dispute, [K.FOREIGN_CHARGE, K.FOREIGN_DISPUTE]),
    (a_wrong_amount, [K.WRONG_AMOUNT]),
    (a_posting_of_ours_alone, [K.MISSING_TRANSACTION]),
    (a_movement_of_unknown_kind, [K.UNKNOWN_TRANSACTION]),
    (an_unknown_movement_of_the_platform, [K.UNKNOWN_TRANSACTION]),
    (a_commission_of_nobody, [K.WRONG_COMMISSION]),
    (a_movement_in_another_money, [K.UNREADABLE]),
]


@pytest.mark.parametrize(("cause", "expected"), CAUSES, ids=lambda one: getattr(one, "__name__", ""))
async def test_a_difference_is_listed_until_it_is_accepted_however_long_that_takes(practice, cause, expected):
    await cause(practice)
    for days in (1, 3, 3, 30):
        assert await kinds(practice, days=days) == expected
    known = practice.billing.reconciliation.known
    assert sorted(one.difference.kind for one in await known.open()) == sorted(expected)
    for one in await known.open():
        assert await known.accept(one.id, practice.at)
    for days in (1, 3, 3):
        assert await kinds(practice, days=days) == []
    assert await known.open() == ()


async def test_what_is_accepted_is_not_looked_at_for_ever(practice: Practice):
    await a_movement_of_unknown_kind(practice)
    account, began = await account_of(practice), practice.at
    assert await kinds(practice, days=3) == [K.UNKNOWN_TRANSACTION]
    reached = select(accounts.c.reconciled_until).where(accounts.c.id == account)
    async with practice.database.reading() as tx:
        assert await tx.scalar(reached) <= began
    known = practice.billing.reconciliation.known
    for one in await known.open():
        await known.accept(one.id, practice.at)
    await found(practice, days=3)
    async with practice.database.reading() as tx:
        assert await tx.scalar(reached) == practice.at


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_difference_that_went_and_comes_back_is_listed_again(practice: Practice, accepted: bool):
    payment = await practice.paid()
    wrong = update(payments).where(payments.c.id == payment.id).values(paid=12000)
    await write(practice, wrong)
    [difference] = await found(practice)
    known = practice.billing.reconciliation.known
    [kept] = await known.open()
    if accepted:
        assert await known.accept(kept.id, practice.at)
    await write(practice, wrong.values(paid=10000))
    assert await found(practice) == ()
    assert await known.open() == ()
    assert not await known.accept(kept.id, practice.at)
    await write(practice, wrong)
    assert await found(practice) == (difference,)
    [again] = await known.open()
    assert (again.difference, again.found_at) == (difference, practice.at)


async def test_more_that_was_taken_than_was_owed_is_a_difference_until_it_is_given_back(practice: Practice):
    payment = await practice.paid()
    await write(practice, update(payments).values(due=9000))
    [difference] = await found(practice)
    assert difference == Difference(payment.account, K.OVERPAID, payment.id, "90.00 EUR", "100.00 EUR")
    await practice.billing.refunds.refund(payment.id, 1000, "sup_1", "Too much", practice.at)
    assert await found(practice) == ()


async def test_what_came_for_a_claim_that_was_cancelled_is_a_difference_until_it_is_given_back(practice: Practice):
    payment = await practice.paid()
    await write(practice, update(payments).values(state=PaymentState.CANCELLED))
    assert await kinds(practice) == [K.CAPTURE_WITHOUT_PAYMENT]
    await practice.billing.refunds.refund(payment.id, None, "sup_1", "Cancelled", practice.at)
    assert await found(practice) == ()
    assert (await practice.payment(payment.id)).state is PaymentState.CANCELLED


class TestUnreadable:
    async def test_money_is_booked_all_the_same(self, practice: Practice):
        await a_movement_in_another_money(practice)
        payment = await practice.paid()
        assert payment.state is PaymentState.PAID
        assert len(await practice.billing.ledger.entries_of(payment.id)) == 2
        [difference] = await found(practice)
        assert (difference.kind, "txn_" in difference.object) == (K.UNREADABLE, True)

    async def test_a_capture_that_cannot_be_read_keeps_no_other_from_the_books(self, practice: Practice, monkeypatch):
        async def nothing(_account, _since):
            return
            yield

        with monkeypatch.context() as patched:
            patched.setattr(practice.gateway, "transactions", nothing)
            first, second = await practice.paid(), await practice.paid()
        find = practice.gateway.find
        [intent, _] = [one.id for one in practice.sandbox.books.intents]

        async def unreadable(account: str, name: str):
            if name == intent:
                raise ValueError("no such state")
            return await find(account, name)

        async with practice.database.transaction() as tx:
            # Of the first one not even the transaction's id is known.
            await tx.execute(update(holds).where(holds.c.intent == intent).values(charge_transaction=""))
        monkeypatch.setattr(practice.gateway, "find", unreadable)
        practice.pass_time(minutes=1)
        await practice.billing.accounting.books.run(practice.at)
        booked = [len(await practice.billing.ledger.entries_of(one.id)) for one in (first, second)]
        assert booked == [1, 2]

    async def test_a_capture_is_settled_though_its_fee_cannot_be_read(self, practice: Practice, monkeypatch):
        async def unreadable(_account, _since):
            raise ValueError("no such money")
            yield

        with monkeypatch.context() as patched:
            patched.setattr(practice.gateway, "transactions", unreadable)
            payment = await practice.paid()
            assert payment.state is PaymentState.PAID
            practice.pass_time(minutes=1)
            await practice.billing.run(practice.at)
        practice.pass_time(hours=2)
        await practice.work()
        assert len(await practice.billing.ledger.entries_of(payment.id)) == 2
        assert (await practice.payment(payment.id)).payout == PayoutState.PENDING
