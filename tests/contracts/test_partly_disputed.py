"""The patient's bank takes back what was captured of a claim that is still open. On both databases."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from billing.agreement import Payment
from billing.gateway import ReleaseHold
from billing.io.search import PaymentSearch
from billing.payment import PaymentState
from billing.problems import NotRefundable
from store.io.database import Database
from tests.billing.practice import DISPUTED, Practice, opened_practice
from tests.contracts.test_reconciliation import ADMIN, found

P = PaymentState


@pytest.fixture
async def practice(database: Database, at: datetime) -> AsyncIterator[Practice]:
    async with opened_practice(database, at) as practice:
        yield practice


async def partly_disputed(practice: Practice) -> Payment:
    """120 € are due; of 100 € the bank takes back what was captured, and the second hold had lapsed."""
    held = await practice.held(card=DISPUTED)
    form = await practice.billing.holds.extend(held.consultation, 2000, practice.at)
    assert form is not None
    practice.enter(form.client_secret)
    await practice.billing.holds.look(held.consultation, practice.at)
    second = form.client_secret.partition("_secret_")[0]
    await practice.gateway.perform(ReleaseHold(held.account, second), "by somebody else")
    await practice.billing.invoices.confirm(held.consultation, 12000, practice.at)
    payment = await practice.payment(held.id)
    assert (payment.state, payment.paid, payment.owed) == (P.PENDING, 10000, 2000)
    return payment


async def lost(practice: Practice) -> int:
    return (await practice.billing.ledger.balance(f"loss:{practice.practitioner}")).get("EUR", 0)


async def heard(practice: Practice) -> None:
    await practice.post(practice.letters())
    await practice.work()


async def test_it_is_booked_at_once_and_the_rest_stays_asked_for(practice: Practice):
    payment = await partly_disputed(practice)
    await heard(practice)
    assert await lost(practice) == 10000
    assert await found(practice) == ()
    payment = await practice.payment(payment.id)
    assert (payment.state, payment.owed) == (P.PENDING, 2000)


async def test_a_lost_notice_is_made_good_by_the_comparison(practice: Practice):
    payment = await partly_disputed(practice)
    assert await found(practice) == ()
    assert await lost(practice) == 10000
    mirrored = await practice.billing.ledger.balance(f"balance:{payment.account}")
    assert mirrored["EUR"] == practice.sandbox.books.balance(payment.account, "eur")


async def test_what_the_bank_has_cannot_be_given_back_until_it_is_won(practice: Practice):
    payment = await partly_disputed(practice)
    await heard(practice)
    with pytest.raises(NotRefundable):
        await practice.billing.refunds.refund(payment.id, None, ADMIN, "", practice.at)
    [seen] = await PaymentSearch(practice.database).find(payment.id)
    assert seen.refundable.minor == 0
    practice.answer_dispute("winning_evidence")
    await heard(practice)
    assert await lost(practice) == 0
    [seen] = await PaymentSearch(practice.database).find(payment.id)
    assert seen.refundable.minor == 10000


@pytest.mark.parametrize(
    ("evidence", "state"), [(None, P.DISPUTED), ("winning_evidence", P.WON), ("losing_evidence", P.LOST)]
)
@pytest.mark.parametrize("given_up", [True, False])
async def test_the_state_comes_when_the_claim_is_closed(
    practice: Practice, evidence: str | None, state: PaymentState, given_up: bool
):
    payment = await partly_disputed(practice)
    if evidence is not None:
        practice.answer_dispute(evidence)
    await heard(practice)
    if given_up:
        await practice.billing.invoices.cancel(payment.id, practice.at)
    else:
        form = await practice.billing.invoices.pay_form(payment.id, practice.at)
        practice.enter(form.client_secret)
        await practice.billing.invoices.look_paid(payment.id, practice.at)
    payment = await practice.payment(payment.id)
    assert (payment.state, payment.paid, payment.owed) == (state, 10000 if given_up else 12000, 0)
    assert len(await practice.billing.receipts.of_payment(payment.id)) == 1
    assert await found(practice) == ()
