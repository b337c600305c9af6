"""Claims of which only a part was paid: given up, asked for, given back. On both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from billing import invoice
from billing.agreement import Payment
from billing.gateway import IntentState
from billing.io.money_tables import payments
from billing.payment import PaymentState
from billing.problems import NothingToPay, NotRefundable, ProviderSilent
from billing.receipt import ReceiptKind
from billing.tariff import Basis, Tariff
from store.ids import ConsultationId, PaymentId
from store.io.database import Database
from tests.billing.till import PER_MINUTE, Till
from tests.contracts.test_pay_links import asked_for

ADMIN = "sup_AAAAAAAAAAAAAAAAAAAAAA"
P = PaymentState


async def second_hold(till: Till, consultation: ConsultationId, amount: int) -> str:
    """The patient authorises more; returns the intent."""
    form = await till.holds.extend(consultation, amount, till.at)
    assert form is not None
    intent = till.intent(form.client_secret)
    till.gateway.enter_card(intent)
    await till.holds.look(consultation, till.at)
    return intent


async def partly_paid(till: Till) -> Payment:
    """70 € are due; 50 € were captured, and the second hold had lapsed."""
    consultation = await till.held(PER_MINUTE)
    second = await second_hold(till, consultation, 3000)
    await till.talk(consultation, 2100)
    till.gateway._put(till.gateway.intents[second], state=IntentState.CANCELLED, expired=True, capturable=0)
    payment = await till.invoices.confirm(consultation, None, till.at)
    assert (payment.state, payment.due, payment.paid, payment.owed) == (P.PENDING, 7000, 5000, 2000)
    return payment


async def claimed(till: Till, payment: Payment) -> int:
    """What the ledger says the patient owes, captures set aside: these are booked with their fee."""
    return (await till.billing.ledger.balance(f"patient:{payment.id}")).get("EUR", 0)


async def receipts(till: Till, payment: PaymentId) -> list[tuple[ReceiptKind, int]]:
    return [(one.body.kind, one.body.paid) for one in await till.billing.receipts.of_payment(payment)]


async def pay_rest(till: Till, payment: Payment) -> Payment:
    form = await till.invoices.pay_form(payment.id, till.at)
    till.gateway.enter_card(till.intent(form.client_secret))
    return await till.invoices.look_paid(payment.id, till.at)


class TestGivingUp:
    async def test_a_claim_that_is_partly_paid_is_paid_by_that_and_has_its_receipt(self, till: Till):
        before = await partly_paid(till)
        assert await receipts(till, before.id) == []
        payment = await till.invoices.cancel(before.id, till.at)
        assert (payment.state, payment.paid, payment.given_up, payment.owed) == (P.PAID, 5000, 2000, 0)
        assert (payment.paid_at, await claimed(till, payment)) == (till.at, 5000)
        [receipt] = await till.billing.receipts.of_payment(payment.id)
        body = receipt.body
        assert (body.price, body.waived, body.due, body.paid) == (7000, 2000, 5000, 5000)
        with pytest.raises(NothingToPay):
            await till.invoices.pay_form(payment.id, till.at)
        with pytest.raises(NothingToPay):
            await till.invoices.cancel(payment.id, till.at)

    async def test_what_was_invoiced_stays_and_can_be_computed_anew(self, till: Till):
        payment = await till.invoices.cancel((await partly_paid(till)).id, till.at)
        assert (payment.due, payment.claim) == (7000, 5000)
        assert invoice.same_as_invoiced(payment, await till.invoices.recompute(payment.id))

    async def test_it_stays_asked_for_when_nobody_paid_in_time_until_it_is_given_up(self, till: Till):
        payment = await partly_paid(till)
        till.wait(days=8)
        await till.settle(turns=2)
        payment = await till.invoices.payment(payment.id)
        assert (payment.state, payment.owed) == (P.UNPAID, 2000)
        payment = await till.invoices.resend(payment.id, till.at)
        assert (payment.state, payment.due_by) == (P.PENDING, till.at + timedelta(days=7))
        assert (await till.invoices.cancel(payment.id, till.at)).state is P.PAID

    async def test_a_claim_of_which_nothing_was_paid_is_cancelled_and_written_down(self, till: Till):
        name = await asked_for(till)
        payment = await till.invoices.cancel(name, till.at)
        assert (payment.state, payment.given_up) == (P.CANCELLED, 8000)
        assert await claimed(till, payment) == 0
        assert await receipts(till, name) == []

    async def test_so_little_that_no_card_can_be_charged_is_not_asked_for(self, till: Till):
        consultation = await till.held(Tariff("EUR", Basis.FIXED, fixed=60))
        await second_hold(till, consultation, 60)
        await till.talk(consultation, 600)
        payment = await till.invoices.confirm(consultation, 90, till.at)
        await till.settle(turns=2)
        payment = await till.invoices.payment(payment.id)
        assert (payment.state, payment.paid, payment.given_up, payment.owed) == (P.PAID, 60, 30, 0)
        assert await receipts(till, payment.id) == [(ReceiptKind.RECEIPT, 60)]

    async def test_a_part_that_is_too_small_is_made_larger_by_the_older_hold(self, till: Till):
        consultation = await till.held(PER_MINUTE)
        await second_hold(till, consultation, 3000)
        await till.talk(consultation, 1506)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, payment.due, payment.paid, payment.commission) == (P.PAID, 5020, 5020, 602)
        assert [hold.captured for hold in await till.attempts(consultation)] == [4970, 50]

    async def test_a_form_that_is_opened_while_a_claim_is_given_up_is_closed_first(self, till: Till, monkeypatch):
        name = await asked_for(till)
        await till.invoices.pay_form(name, till.at)
        run = till.billing.operations.run

        async def run_and_open(operation):
            monkeypatch.undo()
            await run(operation)
            await till.invoices.pay_form(name, till.at)

        monkeypatch.setattr(till.billing.operations, "run", run_and_open)
        with pytest.raises(ProviderSilent):
            await till.invoices.cancel(name, till.at)
        assert (await till.invoices.payment(name)).state is P.PENDING
        assert (await till.invoices.cancel(name, till.at)).state is P.CANCELLED
        assert {intent.state for intent in till.gateway.intents.values()} == {IntentState.CANCELLED}

    async def test_what_was_given_up_and_is_paid_after_all_was_owed_after_all(self, till: Till, database: Database):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        async with database.transaction() as tx:
            await tx.execute(update(payments).values(state=P.CANCELLED, given_up=8000))
            await till.billing.hooks.given_up(tx, await till.invoices.payment(name), 8000, name, till.at)
        till.gateway.enter_card(till.intent(form.client_secret))
        payment = await till.invoices.look_paid(name, till.at)
        assert (payment.state, payment.paid, payment.given_up) == (P.CANCELLED, 8000, 0)
        assert await claimed(till, payment) == 8000
        await till.billing.refunds.refund(name, None, ADMIN, "Cancelled", till.at)
        payment = await till.invoices.payment(name)
        assert (payment.state, payment.refunded) == (P.CANCELLED, 8000)
        assert await receipts(till, name) == [(ReceiptKind.RECEIPT, 8000), (ReceiptKind.CREDIT_NOTE, 8000)]


class TestRefunds:
    async def test_what_was_captured_of_an_open_claim_can_be_given_back_and_the_rest_stays_asked_for(self, till: Till):
        payment = await partly_paid(till)
        await till.billing.refunds.refund(payment.id, 1000, ADMIN, "Too long", till.at)
        payment = await till.invoices.payment(payment.id)
        assert (payment.state, payment.refunded, payment.owed) == (P.PENDING, 1000, 2000)
        receipt, note = await till.billing.receipts.of_payment(payment.id)
        assert (receipt.body.paid, note.body.paid, note.body.of) == (5000, 1000, receipt.body.number)
        payment = await pay_rest(till, payment)
        assert (payment.state, payment.paid, payment.owed) == (P.PARTLY_REFUNDED, 7000, 0)
        kinds = [ReceiptKind.RECEIPT, ReceiptKind.CREDIT_NOTE, ReceiptKind.RECEIPT]
        assert await receipts(till, payment.id) == list(zip(kinds, [5000, 1000, 2000], strict=True))
        await till.billing.refunds.refund(payment.id, None, ADMIN, "All of it", till.at)
        payment = await till.invoices.payment(payment.id)
        assert (payment.state, payment.refunded) == (P.REFUNDED, 7000)

    async def test_a_claim_that_is_given_up_after_all_was_given_back_is_refunded(self, till: Till):
        payment = await partly_paid(till)
        await till.billing.refunds.refund(payment.id, None, ADMIN, "Went wrong", till.at)
        assert (await till.invoices.payment(payment.id)).state is P.PENDING
        payment = await till.invoices.cancel(payment.id, till.at)
        assert (payment.state, payment.refunded, payment.given_up) == (P.REFUNDED, 5000, 2000)

    async def test_what_was_never_captured_cannot_be_given_back(self, till: Till):
        name = await asked_for(till)
        with pytest.raises(NotRefundable):
            await till.billing.refunds.refund(name, None, ADMIN, "", till.at)
