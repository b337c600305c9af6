"""What is asked for by a link, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from billing.agreement import Purpose, When
from billing.gateway import IntentState
from billing.io.money_tables import accounts
from billing.payment import PaymentState
from billing.problems import (
    NoAccount,
    NothingToPay,
    ProviderSilent,
    TooSoon,
    UnknownPayment,
)
from billing.tariff import Tariff
from store.facts import PaymentChanged
from store.ids import PaymentId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from tests.billing.till import FIXED, Till

_P = PaymentState


async def changes(till: Till) -> list[str]:
    return [fact.state for fact in await till.facts(PaymentChanged) if isinstance(fact, PaymentChanged)]


async def asked_for(till: Till, tariff: Tariff = FIXED) -> PaymentId:
    """A payment that waits for its patient."""
    consultation = await till.agreed(tariff, When.AFTER)
    await till.talk(consultation, 600)
    return (await till.invoices.confirm(consultation, None, till.at)).id


class TestPayLink:
    async def test_fac_10_without_a_hold_the_patient_pays_by_a_link(self, till: Till):
        name = await asked_for(till)
        payment = await till.invoices.payment(name)
        assert (payment.state, payment.due_by, payment.asked_at) == (_P.PENDING, till.at + timedelta(days=7), till.at)
        token = till.invoices.pay_token(name)
        assert (await till.invoices.payment_of_token(token)).id == name
        form = await till.invoices.pay_form(name, till.at)
        assert (form.amount, form.purpose) == (8000, Purpose.CHARGE)
        assert await till.invoices.pay_form(name, till.at) == form
        till.gateway.enter_card(till.intent(form.client_secret))
        payment = await till.invoices.look_paid(name, till.at)
        assert (payment.state, payment.paid, payment.commission) == (_P.PAID, 8000, 960)
        with pytest.raises(NothingToPay):
            await till.invoices.pay_form(name, till.at)

    async def test_a_link_of_nobody_leads_nowhere(self, till: Till):
        name = await asked_for(till)
        token = till.invoices.pay_token(name)
        for wrong in ("", "x" * 48, token[:-1] + ("A" if token[-1] != "A" else "B"), token + "=", "é" * 48):
            with pytest.raises(UnknownPayment):
                await till.invoices.payment_of_token(wrong)
        with pytest.raises(UnknownPayment):
            await till.invoices.pay_form(PaymentId(new_id(Prefix.PAYMENT)), till.at)
        with pytest.raises(UnknownPayment):
            await till.invoices.payment(PaymentId("'; --"))

    async def test_two_tabs_cannot_pay_twice(self, till: Till):
        name = await asked_for(till)
        forms = await asyncio.gather(*(till.invoices.pay_form(name, till.at) for _ in range(6)))
        assert len(set(forms)) == 1

    async def test_a_declined_card_fails_and_another_pays(self, till: Till):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        till.gateway.enter_card(till.intent(form.client_secret), declined="card_declined")
        assert (await till.invoices.look_paid(name, till.at)).state is _P.FAILED
        assert await till.invoices.pay_form(name, till.at) == form
        till.gateway.enter_card(till.intent(form.client_secret))
        assert (await till.invoices.look_paid(name, till.at)).state is _P.PAID

    async def test_old_news_of_a_declined_card_does_not_undo_that_they_were_asked_again(self, till: Till):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        intent = till.intent(form.client_secret)
        till.gateway.enter_card(intent, declined="card_declined")
        await till.invoices.look_paid(name, till.at)
        till.wait(minutes=2)
        await till.invoices.resend(name, till.at)
        async with till.database.transaction() as tx:
            await till.holds.settle(tx, till.gateway.intents[intent], till.at)
        assert (await till.invoices.payment(name)).state is _P.PENDING

    async def test_a_payment_that_takes_its_time_is_in_progress(self, till: Till):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        till.gateway.process(till.intent(form.client_secret))
        assert (await till.invoices.look_paid(name, till.at)).state is _P.PROCESSING
        till.gateway._put(till.gateway.intents[till.intent(form.client_secret)], state=IntentState.NEEDS_CARD)
        till.gateway.enter_card(till.intent(form.client_secret))
        assert (await till.invoices.look_paid(name, till.at)).state is _P.PAID

    async def test_what_the_page_never_said_is_found_by_looking(self, till: Till):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        till.gateway.enter_card(till.intent(form.client_secret))
        await till.settle(turns=3)
        assert (await till.invoices.payment(name)).state is _P.PAID

    async def test_a_practitioner_who_may_not_charge_any_more_cannot_be_paid(self, till: Till, database: Database):
        name = await asked_for(till)
        async with database.transaction() as tx:
            await tx.execute(update(accounts).values(can_charge=False))
        with pytest.raises(NoAccount):
            await till.invoices.pay_form(name, till.at)

    async def test_fac_18_the_same_link_is_sent_again_at_most_once_a_minute(self, till: Till):
        name = await asked_for(till)
        token = till.invoices.pay_token(name)
        with pytest.raises(TooSoon):
            await till.invoices.resend(name, till.at)
        till.wait(minutes=2)
        await till.invoices.resend(name, till.at)
        assert await changes(till) == ["pending", "pending"]
        assert till.invoices.pay_token(name) == token

    async def test_what_is_not_paid_in_a_week_is_unpaid_and_asked_for_again(self, till: Till):
        name = await asked_for(till)
        till.wait(days=6)
        await till.invoices.resend(name, till.at)
        till.wait(days=2)
        await till.settle(turns=2)
        assert (await till.invoices.payment(name)).state is _P.UNPAID
        payment = await till.invoices.resend(name, till.at)
        assert (payment.state, payment.due_by) == (_P.PENDING, till.at + timedelta(days=7))
        till.wait(days=8)
        await till.settle(turns=2)
        assert (await till.invoices.payment(name)).state is _P.UNPAID
        form = await till.invoices.pay_form(name, till.at)
        till.gateway.enter_card(till.intent(form.client_secret))
        assert (await till.invoices.look_paid(name, till.at)).state is _P.PAID

    async def test_a_claim_that_is_given_up_cannot_be_paid_any_more(self, till: Till):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        assert (await till.invoices.cancel(name, till.at)).state is _P.CANCELLED
        assert till.gateway.intents[till.intent(form.client_secret)].state == "canceled"
        for asked in (till.invoices.pay_form, till.invoices.resend, till.invoices.cancel):
            with pytest.raises(NothingToPay):
                await asked(name, till.at)

    async def test_who_pays_while_it_is_given_up_has_paid(self, till: Till):
        name = await asked_for(till)
        form = await till.invoices.pay_form(name, till.at)
        till.gateway.enter_card(till.intent(form.client_secret))
        with pytest.raises(NothingToPay):
            await till.invoices.cancel(name, till.at)
        assert (await till.invoices.payment(name)).state is _P.PAID

    async def test_a_claim_is_not_given_up_while_nobody_knows(self, till: Till):
        name = await asked_for(till)
        await till.invoices.pay_form(name, till.at)
        till.gateway.silent = True
        with pytest.raises(ProviderSilent):
            await till.invoices.cancel(name, till.at)
        assert (await till.invoices.payment(name)).state is _P.PENDING

    async def test_no_second_form_is_shown_before_the_first_is_closed(self, till: Till):
        name = await asked_for(till)
        first = await till.invoices.pay_form(name, till.at)
        till.gateway.silent = True
        with pytest.raises(ProviderSilent):
            await till.invoices.cancel(name, till.at)
        with pytest.raises(ProviderSilent):
            await till.invoices.pay_form(name, till.at)
        till.gateway.silent = False
        till.wait(minutes=1)
        second = await till.invoices.pay_form(name, till.at)
        assert first.hold != second.hold
        states = [till.gateway.intents[till.intent(form.client_secret)].state for form in (first, second)]
        assert states == [IntentState.CANCELLED, IntentState.NEEDS_CARD]

    async def test_the_rest_of_a_capture_that_failed_in_part_is_asked_for(self, till: Till):
        consultation = await till.held()
        form = await till.holds.extend(consultation, 3000, till.at)
        assert form is not None
        second = till.intent(form.client_secret)
        till.gateway.enter_card(second)
        await till.holds.look(consultation, till.at)
        await till.talk(consultation, 2100)
        till.gateway._put(till.gateway.intents[second], state=IntentState.CANCELLED, expired=True, capturable=0)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, payment.due, payment.paid, payment.owed) == (_P.PENDING, 7000, 5000, 2000)
        form = await till.invoices.pay_form(payment.id, till.at)
        assert form.amount == 2000
        till.gateway.enter_card(till.intent(form.client_secret))
        payment = await till.invoices.look_paid(payment.id, till.at)
        assert (payment.state, payment.paid, payment.commission) == (_P.PAID, 7000, 840)
