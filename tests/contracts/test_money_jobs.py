"""No-shows, what happens by itself, and the same amount from the same facts, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from billing import invoice
from billing.agreement import Purpose, Timeline
from billing.hold import HoldState
from billing.io.metering import calls_of
from billing.io.money_tables import payments
from billing.money import BadAmount
from billing.payment import PaymentState
from billing.problems import (
    AmountOverHolds,
    FactsMissing,
    NotANoShow,
    NotInvoiced,
)
from billing.tariff import FREE, Tariff
from store.facts import CallEnded, CallOpened, PaymentChanged
from store.ids import ConsultationId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from tests.billing.till import AT_END, FIXED, Till

_H, _P = HoldState, PaymentState


async def states(till: Till, consultation: ConsultationId) -> list[HoldState]:
    return [hold.state for hold in await till.attempts(consultation)]


async def changes(till: Till) -> list[str]:
    return [fact.state for fact in await till.facts(PaymentChanged) if isinstance(fact, PaymentChanged)]


async def charged(till: Till, tariff: Tariff = FIXED, **more) -> ConsultationId:
    """A consultation of ten minutes whose amount is confirmed."""
    consultation = await till.held(tariff, **more)
    await till.talk(consultation, 600)
    await till.invoices.confirm(consultation, None, till.at)
    return consultation


class TestNoShow:
    async def test_dat_23_the_planned_price_is_taken_from_the_hold(self, till: Till):
        consultation = await till.held()
        till.wait(minutes=20)
        await till.talk(consultation, 0)
        timeline = Timeline(invited_at=till.at, host_since=till.at)
        payment = await till.invoices.no_show(consultation, True, till.at, timeline)
        # Twenty minutes as planned, without the margin that was held.
        assert (payment.state, payment.due, payment.no_show, payment.seconds) == (_P.PAID, 4000, True, 0)
        assert await till.invoices.timeline(consultation) == timeline

    async def test_dat_24_it_need_not_be_charged(self, till: Till):
        consultation = await till.held()
        till.wait(minutes=20)
        payment = await till.invoices.no_show(consultation, False, till.at)
        assert (payment.state, payment.due) == (_P.NO_PAYMENT, 0)
        await till.settle(turns=2)
        assert await states(till, consultation) == [_H.RELEASED]

    async def test_without_a_hold_the_kept_card_is_charged(self, till: Till):
        consultation = await till.held(FIXED, starts_in=timedelta(days=8))
        till.wait(days=8, hours=1)
        payment = await till.invoices.no_show(consultation, True, till.at)
        assert (payment.state, payment.paid, payment.commission) == (_P.PAID, 8000, 960)
        charge = (await till.attempts(consultation))[-1]
        assert (charge.purpose, charge.off_session) == (Purpose.CHARGE, True)

    async def test_when_the_bank_asks_for_the_patient_they_get_a_link(self, till: Till):
        consultation = await till.held(FIXED, starts_in=timedelta(days=8))
        till.wait(days=8, hours=1)
        till.gateway.asks_the_patient = True
        payment = await till.invoices.no_show(consultation, True, till.at)
        assert (payment.state, payment.owed) == (_P.PENDING, 8000)
        assert await changes(till) == ["processing", "pending"]

    async def test_less_may_be_charged_and_never_more(self, till: Till):
        consultation = await till.held(FIXED)
        till.wait(minutes=20)
        with pytest.raises(AmountOverHolds):
            await till.invoices.no_show(consultation, True, till.at, None, 8001)
        with pytest.raises(BadAmount):
            await till.invoices.no_show(consultation, True, till.at, None, -1)
        assert (await till.invoices.no_show(consultation, True, till.at, None, 3000)).paid == 3000

    async def test_who_came_or_may_still_come_is_no_no_show(self, till: Till):
        came, early = await till.held(), await till.held()
        with pytest.raises(NotANoShow):
            await till.invoices.no_show(early, True, till.at)
        till.wait(minutes=20)
        await till.talk(came, 5)
        with pytest.raises(NotANoShow):
            await till.invoices.no_show(came, True, till.at)


class TestByItself:
    async def test_an_entered_amount_is_charged_when_the_call_ends(self, till: Till):
        consultation = await till.held()
        await till.invoices.enter(consultation, 4200, till.at)
        await till.talk(consultation, 600)
        await till.billing.jobs.run(till.at)
        assert (await till.payment(consultation)).state is _P.DRAFT
        till.wait(seconds=6)
        await till.billing.jobs.run(till.at)
        payment = await till.payment(consultation)
        assert (payment.state, payment.paid) == (_P.PAID, 4200)

    async def test_what_nobody_confirms_stands_after_a_day(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        await till.settle(turns=2)
        till.wait(hours=23)
        await till.settle(turns=2)
        assert (await till.payment(consultation)).state is _P.DRAFT
        till.wait(hours=1)
        await till.settle(turns=2)
        payment = await till.payment(consultation)
        assert (payment.state, payment.paid) == (_P.PAID, 2000)

    async def test_or_before_the_hold_lapses(self, till: Till):
        consultation = await till.held(starts_in=timedelta(days=5, hours=22))
        till.wait(days=6, hours=12, minutes=-20)
        await till.talk(consultation, 600)
        await till.settle(turns=2)
        assert (await till.payment(consultation)).state is _P.DRAFT
        till.wait(minutes=15)
        await till.settle(turns=2)
        assert (await till.payment(consultation)).state is _P.PAID

    async def test_a_price_said_at_the_end_and_a_call_that_never_was_wait_for_the_practitioner(self, till: Till):
        unsaid, missed = await till.held(AT_END), await till.held(FIXED)
        await till.talk(unsaid, 600)
        await till.talk(missed, 0)
        till.wait(hours=25)
        await till.settle(turns=2)
        for consultation in (unsaid, missed):
            assert (await till.payment(consultation)).state is _P.DRAFT
        assert (await till.invoices.confirm(unsaid, 5000, till.at)).paid == 5000

    async def test_who_comes_back_into_the_call_is_charged_for_both(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 300)
        await till.settle(turns=2)
        await till.talk(consultation, 300)
        till.wait(hours=25)
        await till.settle(turns=3)
        payment = await till.payment(consultation)
        assert (payment.seconds, payment.paid, len(payment.heads)) == (600, 2000, 2)

    async def test_calls_of_free_consultations_are_noted_once(self, till: Till):
        free = ConsultationId(new_id(Prefix.CONSULTATION))
        call = await till.talk(free, 60)
        await till.billing.calls.opened(CallOpened(call, free, till.at))
        await till.billing.calls.ended(CallEnded(call, free, "peer_lost", till.at + timedelta(hours=1)))
        async with till.database.reading() as tx:
            [row] = await calls_of(tx, free)
        assert (row.ended_at, row.reason) == (till.at, "hung_up")
        assert FREE.currency in row.tariff

    async def test_with_nothing_to_do_nothing_is_done(self, till: Till):
        await charged(till)
        await till.settle(turns=2)
        till.wait(days=30)
        await till.settle(turns=3)
        asked = len(till.gateway.asked) + len(till.gateway.found)
        assert await till.billing.jobs.run(till.at) == 0
        assert len(till.gateway.asked) + len(till.gateway.found) == asked


class TestRecomputing:
    @pytest.mark.parametrize("amount", [None, 0, 1111])
    async def test_an_invoice_is_what_the_facts_and_the_tariff_say(self, till: Till, amount: int | None):
        consultation = await till.held()
        await till.talk(consultation, 1700)
        payment = await till.invoices.confirm(consultation, amount, till.at)
        anew = await till.invoices.recompute(payment.id)
        assert invoice.same_as_invoiced(payment, anew)

    async def test_facts_that_come_later_change_no_invoice(self, till: Till):
        consultation = await till.held()
        call = await till.talk(consultation, 600)
        payment = await till.invoices.confirm(consultation, None, till.at)
        await till.billing.facts.append(till.story(call, 60))
        assert invoice.same_as_invoiced(payment, await till.invoices.recompute(payment.id))

    async def test_an_amount_that_was_tampered_with_is_found(self, till: Till, database: Database):
        consultation = await till.held()
        await till.talk(consultation, 600)
        payment = await till.invoices.confirm(consultation, None, till.at)
        async with database.transaction() as tx:
            await tx.execute(update(payments).values(due=2001))
        changed = await till.invoices.payment(payment.id)
        assert not invoice.same_as_invoiced(changed, await till.invoices.recompute(payment.id))
        async with database.transaction() as tx:
            await tx.execute(update(payments).values(heads='{"' + next(iter(payment.heads)) + '":"00"}'))
        with pytest.raises(FactsMissing):
            await till.invoices.recompute(payment.id)

    async def test_what_is_not_invoiced_has_no_amount(self, till: Till):
        payment = await till.payment(await till.held())
        with pytest.raises(NotInvoiced):
            await till.invoices.recompute(payment.id)
