"""Money that moves at the provider, in the books: captures, refunds, disputes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from billing.aftermath import RefundState
from billing.gateway import Refund
from billing.ledger import PostingKind
from billing.money import Money
from billing.payment import PaymentState
from billing.problems import NotRefundable, RefundedMeanwhile, RefundTooLarge, UnknownPayment
from billing.receipt import ReceiptKind
from store.io.database import Database
from tests.billing.practice import DISPUTED, Practice, opened_practice

ADMIN = "sup_AAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
async def practice(database: Database, at: datetime) -> AsyncIterator[Practice]:
    async with opened_practice(database, at) as practice:
        yield practice


async def balances(practice: Practice, payment) -> dict[str, int]:
    """Every account of the ledger that this payment touched."""
    sums: dict[str, int] = {}
    for posting in await practice.billing.ledger.entries_of(payment.id):
        for entry in posting.entries:
            kind, _, owner = entry.account.partition(":")
            assert owner in {"", "platform", payment.id, payment.practitioner, payment.account}
            name = entry.account if owner == "platform" else kind
            sums[name] = sums.get(name, 0) + entry.amount
    return sums


async def balanced(practice: Practice, payment) -> None:
    """The books have what the provider has."""
    mirrored = await practice.billing.ledger.balance(f"balance:{payment.account}")
    assert mirrored.get("EUR", 0) == practice.sandbox.books.balance(payment.account, "eur")
    assert (await practice.billing.ledger.balance("balance:platform")).get("EUR", 0) == practice.sandbox.books.balance(
        "", "eur"
    )
    assert await practice.billing.ledger.unbalanced() == ()


@pytest.mark.parametrize(("gross", "net", "commission"), [(10000, 8625, 1200), (11600, 10009, 1392)])
async def test_mmp_53_golden_what_is_left_of_a_payment(practice: Practice, gross: int, net: int, commission: int):
    payment = await practice.paid(gross)
    assert payment.state is PaymentState.PAID
    assert await balances(practice, payment) == {
        "patient": 0,
        "earned": -gross,
        "balance": net,
        "fees": gross - net - commission,
        "commission": commission,
        "balance:platform": commission,
        "platform": -commission,
    }
    await balanced(practice, payment)


async def test_mmp_54_the_receipt_is_numbered_with_the_payment(practice: Practice):
    first, second = await practice.paid(), await practice.paid(2500)
    [receipt] = await practice.billing.receipts.of_payment(first.id)
    [other] = await practice.billing.receipts.of_payment(second.id)
    assert (receipt.body.kind, receipt.body.paid, receipt.body.card) == (ReceiptKind.RECEIPT, 10000, "visa 4242")
    assert receipt.body.vat_note == "TVA non applicable"
    assert receipt.body.number.endswith("/2026-00001")
    assert other.body.number.endswith("/2026-00002")


async def test_less_than_the_hold_is_taken_and_booked(practice: Practice):
    payment = await practice.held()
    await practice.billing.invoices.confirm(payment.consultation, 4000, practice.at)
    payment = await practice.payment(payment.id)
    assert (payment.state, payment.paid) == (PaymentState.PAID, 4000)
    assert (await balances(practice, payment))["patient"] == 0
    await balanced(practice, payment)


async def test_dat_26_nothing_to_pay_has_no_entries_and_no_receipt(practice: Practice):
    payment = await practice.held()
    await practice.billing.invoices.confirm(payment.consultation, 0, practice.at)
    assert (await practice.payment(payment.id)).state is PaymentState.NO_PAYMENT
    assert await practice.billing.ledger.entries_of(payment.id) == ()
    assert await practice.billing.receipts.of_payment(payment.id) == ()


async def test_a_fee_that_is_not_known_yet_is_booked_as_soon_as_it_is(practice: Practice, monkeypatch):
    async def nothing(_account, _since):
        return
        yield

    transactions = practice.gateway.transactions
    monkeypatch.setattr(practice.gateway, "transactions", nothing)
    payment = await practice.paid()
    assert [posting.kind for posting in await practice.billing.ledger.entries_of(payment.id)] == [PostingKind.INVOICED]
    assert len(await practice.billing.receipts.of_payment(payment.id)) == 1
    practice.pass_time(minutes=1)
    await practice.work()
    assert len(await practice.billing.ledger.entries_of(payment.id)) == 1
    monkeypatch.setattr(practice.gateway, "transactions", transactions)
    practice.pass_time(hours=2)
    await practice.work()
    [_, posting] = await practice.billing.ledger.entries_of(payment.id)
    assert (posting.kind, posting.reference[:4]) == (PostingKind.CAPTURED, "hol_")
    await balanced(practice, payment)


class TestRefunds:
    async def test_dat_27_a_part_is_given_back_with_the_commission_in_proportion(self, practice: Practice):
        payment = await practice.paid()
        [given] = await practice.billing.refunds.refund(payment.id, 2500, ADMIN, "  too  long ", practice.at)
        assert (given.state, given.amount, given.administrator, given.reason) == (
            RefundState.SUCCEEDED,
            Money(2500, "EUR"),
            ADMIN,
            "too long",
        )
        payment = await practice.payment(payment.id)
        assert (payment.state, payment.refunded) == (PaymentState.PARTLY_REFUNDED, 2500)
        assert await balances(practice, payment) == {
            "patient": 0,
            "earned": -7500,
            "balance": 8625 - 2200,
            "fees": 175,
            "commission": 900,
            "balance:platform": 900,
            "platform": -900,
        }
        receipt, note = await practice.billing.receipts.of_payment(payment.id)
        assert (note.body.kind, note.body.paid, note.body.of) == (ReceiptKind.CREDIT_NOTE, 2500, receipt.body.number)
        await balanced(practice, payment)

    async def test_several_refunds_give_back_all_and_not_a_cent_more(self, practice: Practice):
        payment = await practice.paid()
        for amount in (3333, 3333):
            await practice.billing.refunds.refund(payment.id, amount, ADMIN, "", practice.at)
        with pytest.raises(RefundTooLarge):
            await practice.billing.refunds.refund(payment.id, 3335, ADMIN, "", practice.at)
        await practice.billing.refunds.refund(payment.id, None, ADMIN, "", practice.at)
        payment = await practice.payment(payment.id)
        assert (payment.state, payment.refunded) == (PaymentState.REFUNDED, 10000)
        sums = await balances(practice, payment)
        assert (sums["earned"], sums["commission"], sums["platform"], sums["fees"]) == (0, 0, 0, 175)
        with pytest.raises(NotRefundable):
            await practice.billing.refunds.refund(payment.id, 1, ADMIN, "", practice.at)
        await balanced(practice, payment)

    async def test_invariant_2_two_administrators_at_once_do_not_give_back_more_than_was_paid(self, practice: Practice):
        payment = await practice.paid()
        asked = (practice.billing.refunds.refund(payment.id, 6000, ADMIN, "", practice.at) for _ in range(3))
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(one, RefundTooLarge) for one in done) == 2
        assert (await practice.payment(payment.id)).refunded == 6000
        await balanced(practice, payment)

    async def test_the_same_asked_twice_is_given_back_once(self, practice: Practice):
        payment = await practice.paid()
        asked = (practice.billing.refunds.refund(payment.id, 2500, ADMIN, "", practice.at, seen=0) for _ in range(3))
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(one, RefundedMeanwhile) for one in done) == 2
        assert (await practice.payment(payment.id)).refunded == 2500
        await practice.billing.refunds.refund(payment.id, 2500, ADMIN, "", practice.at, seen=2500)
        assert (await practice.payment(payment.id)).refunded == 5000

    async def test_more_than_was_captured_of_a_larger_hold_cannot_be_given_back(self, practice: Practice):
        payment = await practice.held()
        await practice.billing.invoices.confirm(payment.consultation, 4000, practice.at)
        with pytest.raises(RefundTooLarge):
            await practice.billing.refunds.refund(payment.id, 4001, ADMIN, "", practice.at)
        assert await practice.billing.refunds.of_payment(payment.id) == ()

    async def test_what_was_not_paid_cannot_be_given_back(self, practice: Practice):
        payment = await practice.held()
        with pytest.raises(NotRefundable):
            await practice.billing.refunds.refund(payment.id, 1, ADMIN, "", practice.at)

    @pytest.mark.parametrize("name", ["pay_AAAAAAAAAAAAAAAAAAAAAA", "con_1", ""])
    async def test_an_unknown_payment_is_unknown(self, practice: Practice, name: str):
        with pytest.raises(UnknownPayment):
            await practice.billing.refunds.refund(name, 1, ADMIN, "", practice.at)

    async def test_a_payment_from_two_holds_is_given_back_from_both(self, practice: Practice):
        payment = await practice.held()
        form = await practice.billing.holds.extend(payment.consultation, 5000, practice.at)
        practice.enter(form.client_secret)
        await practice.billing.holds.look(payment.consultation, practice.at)
        await practice.billing.invoices.confirm(payment.consultation, 15000, practice.at)
        payment = await practice.payment(payment.id)
        assert (payment.state, payment.paid) == (PaymentState.PAID, 15000)
        assert len(await practice.billing.receipts.of_payment(payment.id)) == 1
        given = await practice.billing.refunds.refund(payment.id, 12000, ADMIN, "", practice.at)
        assert sorted(one.amount.minor for one in given) == [2000, 10000]
        assert (await practice.payment(payment.id)).refunded == 12000
        await balanced(practice, payment)

    async def test_a_refund_that_the_bank_sends_back_later_can_be_given_anew(self, practice: Practice):
        payment = await practice.paid()
        [given] = await practice.billing.refunds.refund(payment.id, 2500, ADMIN, "", practice.at)
        [made] = practice.sandbox.books.refunds
        failed = Refund(made.id, payment.account, given.id, made.intent, 2500, "EUR", "failed")
        assert await practice.billing.refunds.seen(failed, practice.at)
        late = Refund(made.id, payment.account, given.id, made.intent, 2500, "EUR", "succeeded")
        assert await practice.billing.refunds.seen(late, practice.at)
        [given] = await practice.billing.refunds.of_payment(payment.id)
        assert (given.state, (await practice.payment(payment.id)).refunded) == (RefundState.FAILED, 0)

    async def test_a_refund_of_another_account_or_of_nobody_changes_nothing(self, practice: Practice):
        payment = await practice.paid()
        [given] = await practice.billing.refunds.refund(payment.id, 2500, ADMIN, "", practice.at)
        [made] = practice.sandbox.books.refunds
        for strange in (
            Refund(made.id, "acct_other", given.id, made.intent, 2500, "EUR", "failed"),
            Refund(made.id, payment.account, given.id, "pi_other", 2500, "EUR", "failed"),
            Refund("re_other", payment.account, given.id, made.intent, 2500, "EUR", "failed"),
            Refund(made.id, payment.account, "", made.intent, 2500, "EUR", "failed"),
        ):
            assert not await practice.billing.refunds.seen(strange, practice.at)
        assert (await practice.payment(payment.id)).refunded == 2500

    async def test_a_refusal_gives_nothing_back_and_can_be_tried_again(self, practice: Practice):
        payment = await practice.paid(card=DISPUTED)
        # The bank's dispute is not known here yet; the provider refuses a refund of what is disputed.
        [given] = await practice.billing.refunds.refund(payment.id, 100, ADMIN, "", practice.at)
        payment = await practice.payment(payment.id)
        assert (given.state, payment.refunded, payment.state) == (RefundState.FAILED, 0, PaymentState.PAID)
        assert len(await practice.billing.receipts.of_payment(payment.id)) == 1


class TestDisputes:
    async def test_a_dispute_takes_the_money_and_a_won_one_brings_it_back(self, practice: Practice):
        payment = await practice.paid(card=DISPUTED)
        await practice.post(practice.letters())
        await practice.work()
        payment = await practice.payment(payment.id)
        assert payment.state is PaymentState.DISPUTED
        assert (await balances(practice, payment))["loss"] == 10000
        await balanced(practice, payment)
        practice.answer_dispute("winning_evidence")
        await practice.post(practice.letters())
        await practice.work()
        payment = await practice.payment(payment.id)
        assert payment.state is PaymentState.WON
        assert (await balances(practice, payment))["loss"] == 0
        await balanced(practice, payment)

    @pytest.mark.parametrize("evidence", ["winning_evidence", "losing_evidence"])
    @pytest.mark.parametrize("backwards", [False, True])
    async def test_a_dispute_may_arrive_decided_or_closed_before_it_was_created(
        self, practice: Practice, evidence: str, backwards: bool
    ):
        payment = await practice.paid(card=DISPUTED)
        practice.answer_dispute(evidence)
        letters = practice.letters()
        await practice.post(letters[::-1] if backwards else letters)
        await practice.work()
        payment = await practice.payment(payment.id)
        assert payment.state is (PaymentState.WON if evidence == "winning_evidence" else PaymentState.LOST)
        await balanced(practice, payment)

    async def test_the_news_of_a_dispute_may_come_before_that_of_the_payment(self, practice: Practice):
        payment, secret = await practice.asked()
        practice.enter(secret, DISPUTED)
        disputed = [letter for letter in practice.letters() if b'"object":"dispute"' in letter[0]]
        assert disputed
        await practice.post(disputed)
        await practice.work()
        payment = await practice.payment(payment.id)
        assert (payment.state, payment.paid) == (PaymentState.DISPUTED, 10000)
        assert len(await practice.billing.receipts.of_payment(payment.id)) == 1
        await balanced(practice, payment)
