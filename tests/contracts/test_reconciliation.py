"""Reconciliation: nothing for a clean history, and every difference that was put in."""

from collections.abc import AsyncIterator
from dataclasses import replace as changed
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import delete, insert, update

from billing.gateway import AuthoriseCard, GatewayRefused, GatewayUnclear, RefundCharge, ReleaseHold
from billing.io.money_tables import entries, gateway_operations, holds, payments, refunds
from billing.ledger import PostingKind, moved
from billing.operation import encoded
from billing.payment import PaymentState
from billing.reconciling import Difference, DifferenceKind
from billing.sandbox import balance
from store.ids import PractitionerId
from store.io.database import Database
from store.io.tables import due_jobs
from tests.billing.practice import DISPUTED, VISA, Practice, opened_practice

ADMIN = "sup_AAAAAAAAAAAAAAAAAAAAAA"
K = DifferenceKind


@pytest.fixture
async def practice(database: Database, at: datetime) -> AsyncIterator[Practice]:
    async with opened_practice(database, at) as practice:
        yield practice


async def found(practice: Practice, **span: float) -> tuple[Difference, ...]:
    practice.pass_time(**(span or {"minutes": 20}))
    return await practice.billing.reconciliation.run(practice.at)


async def kinds(practice: Practice, **span: float) -> list[DifferenceKind]:
    return [difference.kind for difference in await found(practice, **span)]


async def write(practice: Practice, *statements) -> None:
    async with practice.database.transaction() as tx:
        for statement in statements:
            await tx.execute(statement)


async def account_of(practice: Practice) -> str:
    account = await practice.billing.connect.account_of(practice.practitioner)
    return account.id


async def foreign_charge(practice: Practice, card: str = VISA) -> str:
    """Somebody else takes money on the practitioner's account; returns the intent."""
    asked = AuthoriseCard(await account_of(practice), "not ours", 5000, "EUR", capture=True)
    intent = await practice.gateway.perform(asked, "not our key")
    practice.enter(intent.client_secret, card)
    return intent.id


async def test_a_clean_history_has_no_differences(practice: Practice):
    practice.sandbox.require(await account_of(practice), ())
    payment = await practice.paid()
    await practice.paid(11600, DISPUTED)
    await practice.billing.refunds.refund(payment.id, 2500, ADMIN, "", practice.at)
    await practice.held()
    practice.answer_dispute("losing_evidence")
    assert await found(practice) == ()
    for _ in range(3):
        practice.pass_time(days=4)
        await practice.post(practice.letters())
        await practice.work()
        assert await practice.billing.reconciliation.run(practice.at) == ()


async def test_what_no_notice_said_is_made_good_and_is_no_difference(practice: Practice):
    payment, secret = await practice.asked()
    practice.enter(secret, DISPUTED)
    assert await found(practice) == ()
    assert (await practice.payment(payment.id)).state is PaymentState.DISPUTED
    mirrored = await practice.billing.ledger.balance(f"balance:{payment.account}")
    assert mirrored["EUR"] == practice.sandbox.books.balance(payment.account, "eur")


async def test_a_capture_that_is_not_in_the_books(practice: Practice, monkeypatch):
    async def nothing(_account, _since):
        return
        yield

    with monkeypatch.context() as patched:
        patched.setattr(practice.gateway, "transactions", nothing)
        payment = await practice.paid()
    await write(practice, delete(due_jobs))
    commission, difference = await found(practice)
    assert (difference.kind, difference.account, difference.object[:4]) == (K.MISSING_POSTING, payment.account, "hol_")
    assert (commission.kind, commission.ours, commission.theirs) == (K.WRONG_COMMISSION, "", "12.00 EUR")
    assert (difference.ours, difference.theirs) == ("", "100.00 EUR")


async def test_a_charge_that_is_none_of_ours(practice: Practice):
    await practice.paid()
    await foreign_charge(practice)
    [difference] = await found(practice)
    assert (difference.kind, difference.ours, difference.theirs) == (K.FOREIGN_CHARGE, "", "charge 49.00 EUR")


async def test_a_refund_that_none_of_ours_asked_for(practice: Practice):
    payment = await practice.paid()
    [intent] = [one.id for one in practice.sandbox.books.intents]
    asked = RefundCharge(payment.account, "not ours", intent, 1000, "EUR")
    await practice.gateway.perform(asked, "not our key")
    assert await kinds(practice) == [K.WRONG_COMMISSION, K.FOREIGN_REFUND]
    assert (await practice.payment(payment.id)).refunded == 0


async def test_a_dispute_about_a_charge_that_is_none_of_ours(practice: Practice):
    await foreign_charge(practice, DISPUTED)
    assert await kinds(practice) == [K.FOREIGN_CHARGE, K.FOREIGN_DISPUTE]


async def test_a_refund_that_came_back_after_it_had_succeeded(practice: Practice):
    payment = await practice.paid()
    [given] = await practice.billing.refunds.refund(payment.id, 2500, ADMIN, "", practice.at)
    await write(practice, update(refunds).values(state="failed"))
    [difference] = await found(practice)
    assert (difference.kind, difference.object, difference.ours) == (K.REFUND_FAILED, given.id, "25.00 EUR")


async def test_an_amount_that_is_booked_wrong(practice: Practice, monkeypatch):
    transactions = practice.gateway.transactions

    async def too_cheap(account, since):
        async for one in transactions(account, since):
            yield msgspec.structs.replace(one, fee=one.fee - 5, net=one.net + 5)

    with monkeypatch.context() as patched:
        patched.setattr(practice.gateway, "transactions", too_cheap)
        await practice.paid()
    practice.billing.reconciliation._movements._kept.clear()
    [difference] = await found(practice)
    assert (difference.kind, difference.ours, difference.theirs) == (K.WRONG_AMOUNT, "86.30 EUR", "86.25 EUR")


async def test_a_payout_that_came_back_until_its_money_was_paid_out_anew(practice: Practice):
    account = await account_of(practice)
    practice.sandbox.require(account, ())
    await practice.paid()
    practice.pass_time(days=9)
    await practice.post(practice.letters())
    await practice.work()
    [transfer] = await practice.billing.connect.transfers(practice.practitioner)
    practice.sandbox.return_payout(transfer.id)
    [difference] = await found(practice)
    assert (difference.kind, difference.object, difference.ours) == (K.PAYOUT_RETURNED, transfer.id, "86.25 EUR")
    assert await kinds(practice, days=4) == []
    assert await practice.billing.reconciliation.known.open() == ()


async def test_an_operation_of_which_nobody_knows_the_end(practice: Practice):
    payment = await practice.held()
    operation = ReleaseHold(payment.account, "pi_lost")
    row = {"id": "opn_x", "kind": "ReleaseHold", "subject": "hol_x", "attempt": 1, "key": "k", "tries": 9}
    row |= {"account": payment.account, "body": encoded(operation), "state": "unclear", "created_at": practice.at}
    row |= {"sent_at": practice.at, "due_at": practice.at + timedelta(days=1)}
    await write(practice, insert(gateway_operations).values(row))
    assert await found(practice) == ()
    [difference] = await found(practice, hours=1)
    assert (difference.kind, difference.object, difference.ours) == (
        K.UNKNOWN_OPERATION,
        "ReleaseHold:hol_x",
        "unclear",
    )


async def test_a_hold_of_which_nobody_knows_the_end(practice: Practice):
    payment = await practice.held()
    unknown = update(holds).where(holds.c.payment == payment.id)
    await write(practice, unknown.values(state="unknown", intent=None))
    assert await kinds(practice, hours=2) == [K.UNKNOWN_HOLD]


async def test_a_posting_that_the_provider_does_not_have(practice: Practice):
    account = await account_of(practice)
    posting = moved(
        PostingKind.PAID_OUT, "po_x", f"balance:{account}", f"bank:{account}", 700, "EUR", practice.at, "txn_invented"
    )
    async with practice.database.transaction() as tx:
        await practice.billing.ledger.post(tx, posting, None)
    [difference] = await found(practice)
    assert (difference.kind, difference.object, difference.ours) == (K.MISSING_TRANSACTION, "txn_invented", "-7.00 EUR")


async def test_a_payment_without_its_capture_and_a_capture_without_its_payment(practice: Practice):
    more, unpaid = await practice.paid(), await practice.paid()
    await write(
        practice,
        update(payments).where(payments.c.id == more.id).values(paid=12000),
        update(payments).where(payments.c.id == unpaid.id).values(state="pending"),
    )
    differences = {(one.kind, one.object) for one in await found(practice)}
    assert differences == {(K.PAYMENT_WITHOUT_CAPTURE, more.id), (K.CAPTURE_WITHOUT_PAYMENT, unpaid.id)}


async def test_a_movement_of_a_kind_that_we_do_not_know(practice: Practice):
    account = await account_of(practice)
    balance.entry(practice.sandbox.books, account, "stripe_fee", -150, "eur", "", practice.sandbox.now())
    [difference] = await found(practice)
    assert (difference.kind, difference.theirs) == (K.UNKNOWN_TRANSACTION, "stripe_fee -1.50 EUR")


async def test_a_commission_that_nobody_took(practice: Practice):
    await practice.paid()
    balance.entry(practice.sandbox.books, "", "application_fee", 99, "eur", "fee_x", practice.sandbox.now())
    [difference] = await found(practice)
    assert (difference.kind, difference.account, difference.theirs) == (K.WRONG_COMMISSION, "", "0.99 EUR")


async def test_invariant_1_entries_that_do_not_balance(practice: Practice):
    async with practice.database.transaction() as tx:
        posting = await practice.billing.ledger.post(
            tx, moved(PostingKind.ADJUSTED, "x", "a", "b", 5, "EUR", practice.at), None
        )
        await tx.execute(insert(entries).values(posting=posting, line=9, account="c", amount=3, currency="EUR"))
    assert await kinds(practice) == [K.UNBALANCED]


async def test_what_is_young_may_be_on_its_way_and_is_not_forgotten(practice: Practice):
    await foreign_charge(practice)
    assert await kinds(practice, minutes=1) == []
    assert await kinds(practice, minutes=20) == [K.FOREIGN_CHARGE]
    assert await kinds(practice, days=30) == [K.FOREIGN_CHARGE]


async def test_an_accepted_difference_is_not_listed_again_as_long_as_it_stays_so(practice: Practice):
    payment = await practice.paid()
    await write(practice, update(payments).where(payments.c.id == payment.id).values(paid=12000))
    [difference] = await found(practice)
    known = practice.billing.reconciliation.known
    [kept] = await known.open()
    assert kept.difference == difference
    assert await known.accept(kept.id, practice.at)
    assert not await known.accept(kept.id, practice.at)
    assert (await found(practice), await known.open()) == ((), ())
    await write(practice, update(payments).where(payments.c.id == payment.id).values(paid=13000))
    assert await found(practice) == (changed(difference, ours="130.00 EUR"),)


async def test_one_account_alone(practice: Practice):
    await foreign_charge(practice)
    practice.pass_time(minutes=20)
    reconciliation = practice.billing.reconciliation
    assert await reconciliation.run(practice.at, "") == ()
    assert await reconciliation.run(practice.at, "acct_of_nobody") == ()
    [difference] = await reconciliation.run(practice.at, await account_of(practice))
    # A run that did not look at the account does not settle what another found there.
    await reconciliation.run(practice.at, "")
    assert [one.difference for one in await reconciliation.known.open()] == [difference]


async def test_it_runs_every_hour_and_comes_back_when_the_provider_was_silent(practice: Practice, monkeypatch):
    async def ticks(**span: float) -> int:
        practice.pass_time(**span)
        return await practice.billing.reconciliation.tick(practice.at)

    async def silent(*_arguments):
        raise GatewayUnclear
        yield

    assert [await ticks(minutes=minutes) for minutes in (1, 58, 2, 30)] == [0, 0, 1, 0]
    with monkeypatch.context() as patched:
        patched.setattr(practice.gateway, "transactions", silent)
        assert await ticks(hours=1) == 0
    assert await ticks(hours=1) == 1


async def test_an_account_that_left_the_platform_keeps_no_other_from_being_looked_at(practice: Practice, monkeypatch):
    gone, transactions = await account_of(practice), practice.gateway.transactions
    practice.practitioner = PractitionerId("pra_ZZZZZZZZZZZZZZZZZZZZZZ")
    practice.sandbox.require(await practice.connect(), ())
    await foreign_charge(practice)

    async def listed(account: str, since: datetime):
        if account == gone:
            raise GatewayRefused("account_invalid")
        async for one in transactions(account, since):
            yield one

    monkeypatch.setattr(practice.gateway, "transactions", listed)
    with pytest.raises(GatewayRefused):
        await found(practice)
    monkeypatch.undo()
    assert [one.difference.kind for one in await practice.billing.reconciliation.known.open()] == [K.FOREIGN_CHARGE]
