"""From the reading to the capture, on both databases."""

import asyncio

import pytest

from billing.agreement import When
from billing.gateway import AuthoriseCard, CaptureHold, IntentState, ReleaseHold
from billing.hold import HoldState
from billing.money import BadAmount
from billing.payment import PaymentState
from billing.problems import (
    AlreadyCaptured,
    AlreadyInvoiced,
    AmountOverHolds,
    CallRunning,
    HoldExpired,
    NotAgreed,
    PriceLocked,
    PriceMissing,
)
from billing.tariff import Basis, Tariff
from store.facts import CallOpened, PaymentChanged
from store.ids import CallId, ConsultationId, PaymentId, Prefix
from store.io.entropy import new_id
from tests.billing.till import FIXED, PER_MINUTE, Till

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


async def asked_for(till: Till, tariff: Tariff = FIXED) -> PaymentId:
    """A payment that waits for its patient."""
    consultation = await till.agreed(tariff, When.AFTER)
    await till.talk(consultation, 600)
    return (await till.invoices.confirm(consultation, None, till.at)).id


class TestReading:
    async def test_c2_13_seconds_and_cost_follow_the_facts(self, till: Till):
        consultation = await till.held()
        call = CallId(new_id(Prefix.CALL))
        await till.billing.calls.opened(CallOpened(call, consultation, till.at))
        reading = await till.invoices.reading(consultation, till.at)
        assert reading is not None
        assert (reading.quote.due, reading.running, reading.ends_in_seconds) == (0, False, 1500)
        await till.billing.facts.append(till.story(call, 90)[:3])
        reading = await till.invoices.reading(consultation, till.at)
        assert reading is not None
        assert (reading.quote.seconds, reading.quote.due, reading.running) == (90, 300, True)
        assert (reading.ends_in_seconds, reading.ceiling, reading.can_extend) == (1410, 5000, True)
        assert reading.costs_after(1410) == 5000
        assert reading.costs_after(5000) == 5000

    async def test_a_price_that_nobody_agreed_to_is_read_all_the_same(self, till: Till):
        consultation = await till.priced()
        reading = await till.invoices.reading(consultation, till.at)
        assert reading is not None
        assert (reading.quote.due, reading.ceiling, reading.can_extend) == (0, None, False)

    async def test_fac_9_an_entered_amount_is_what_is_shown_then(self, till: Till):
        consultation = await till.held()
        assert (await till.invoices.enter(consultation, 4000, till.at)).quote.due == 4000
        assert (await till.invoices.enter(consultation, None, till.at)).quote.due == 0


class TestConfirming:
    async def test_the_metered_amount_is_captured_and_the_rest_is_freed(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, payment.seconds, payment.due, payment.paid) == (_P.PAID, 600, 2000, 2000)
        assert (payment.commission, payment.invoiced_at, payment.paid_at) == (240, till.at, till.at)
        assert await states(till, consultation) == [_H.CAPTURED]
        [captured] = [asked for _, asked in till.gateway.performed if isinstance(asked, CaptureHold)]
        assert (captured.amount, captured.fee) == (2000, 240)
        assert await changes(till) == ["processing", "paid"]

    async def test_mmp_52_of_100_euros_the_platform_takes_12(self, till: Till):
        consultation = await charged(till, Tariff("EUR", Basis.FIXED, fixed=10_000))
        assert (await till.payment(consultation)).commission == 1200

    async def test_an_edited_amount_stands_and_dat_26_nothing_is_an_amount(self, till: Till):
        first, second = await till.held(), await till.held()
        for consultation, amount in ((first, 1234), (second, 0)):
            await till.talk(consultation, 600)
            await till.invoices.confirm(consultation, amount, till.at)
        paid, nothing = await till.payment(first), await till.payment(second)
        assert (paid.state, paid.due, paid.entered, paid.seconds) == (_P.PAID, 1234, 1234, 600)
        assert (nothing.state, nothing.due, nothing.paid) == (_P.NO_PAYMENT, 0, 0)

    async def test_nothing_is_never_captured_but_released(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        await till.invoices.confirm(consultation, 0, till.at)
        await till.settle(turns=2)
        assert await states(till, consultation) == [_H.RELEASED]
        kinds = [type(asked) for _, asked in till.gateway.performed]
        assert kinds == [AuthoriseCard, ReleaseHold]

    async def test_never_more_than_the_live_holds(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 3000)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.price, payment.waived, payment.due, payment.paid) == (10_000, 5000, 5000, 5000)

    async def test_the_oldest_hold_is_taken_first_and_an_unused_one_is_released(self, till: Till):
        first, second = await till.held(), await till.held()
        for consultation, seconds in ((first, 1200), (second, 2100)):
            form = await till.holds.extend(consultation, 3000, till.at)
            assert form is not None
            till.gateway.enter_card(till.intent(form.client_secret))
            await till.holds.look(consultation, till.at)
            await till.talk(consultation, seconds)
            await till.invoices.confirm(consultation, None, till.at)
        assert [(hold.state, hold.captured) for hold in await till.attempts(first)] == [
            (_H.CAPTURED, 4000),
            (_H.RELEASED, 0),
        ]
        both = await till.attempts(second)
        assert [(hold.state, hold.captured) for hold in both] == [(_H.CAPTURED, 5000), (_H.CAPTURED, 2000)]
        payment = await till.payment(second)
        assert (payment.state, payment.paid) == (_P.PAID, 7000)
        assert payment.commission == sum(hold.fee for hold in both) == 840

    async def test_two_that_confirm_at_once_capture_once(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        other = till.process()

        async def confirm(billing) -> bool:
            try:
                await billing.invoices.confirm(consultation, None, till.at)
            except (AlreadyInvoiced, AlreadyCaptured):
                return False
            return True

        done = await asyncio.gather(*(confirm(billing) for billing in (till.billing, other) * 4))
        assert sum(done) == 1
        assert till.gateway.received == 2000
        assert [type(asked) for _, asked in till.gateway.performed].count(CaptureHold) == 1

    async def test_a_second_confirmation_is_refused_and_changes_nothing(self, till: Till):
        consultation = await charged(till)
        before = await till.payment(consultation)
        for amount in (None, 100):
            with pytest.raises(AlreadyCaptured) as caught:
                await till.invoices.confirm(consultation, amount, till.at)
            assert caught.value.code == "already_captured"
        assert await till.payment(consultation) == before
        payment = await till.invoices.payment(await asked_for(till))
        with pytest.raises(AlreadyInvoiced):
            await till.invoices.confirm(payment.consultation, None, till.at)

    @pytest.mark.parametrize(
        ("amount", "problem", "code"),
        [
            (-1, BadAmount, "bad_amount"),
            (10**12, BadAmount, "bad_amount"),
            (5001, AmountOverHolds, "amount_over_holds"),
        ],
    )
    async def test_an_amount_that_cannot_be_is_refused_and_changes_nothing(
        self, till: Till, amount: int, problem: type[Exception], code: str
    ):
        consultation = await till.held()
        await till.talk(consultation, 600)
        before = (await till.payment(consultation), await till.attempts(consultation))
        for asked in (till.invoices.confirm, till.invoices.enter):
            with pytest.raises(problem) as caught:
                await asked(consultation, amount, till.at)
            assert caught.value.code == code
        assert (await till.payment(consultation), await till.attempts(consultation)) == before

    async def test_dinars_are_charged_to_the_second_decimal_only(self, till: Till):
        consultation = await till.held(Tariff("KWD", Basis.FIXED, fixed=20_000))
        await till.talk(consultation, 600)
        with pytest.raises(BadAmount):
            await till.invoices.confirm(consultation, 10_001, till.at)
        assert (await till.invoices.confirm(consultation, 10_010, till.at)).paid == 10_010

    async def test_a_call_that_goes_on_is_not_charged(self, till: Till):
        consultation = await till.held()
        await till.billing.calls.opened(CallOpened(CallId(new_id(Prefix.CALL)), consultation, till.at))
        with pytest.raises(CallRunning):
            await till.invoices.confirm(consultation, None, till.at)

    async def test_nothing_is_frozen_before_the_media_side_has_said_how_the_call_ended(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600, unheard=3)
        with pytest.raises(CallRunning):
            await till.invoices.confirm(consultation, None, till.at)
        # A worker that was killed says nothing any more: its call counts to the last sign of life.
        till.wait(seconds=4)
        assert (await till.invoices.confirm(consultation, None, till.at)).seconds == 0

    async def test_what_is_free_or_not_agreed_to_is_not_charged(self, till: Till):
        with pytest.raises(PriceMissing):
            await till.invoices.confirm(ConsultationId(new_id(Prefix.CONSULTATION)), 100, till.at)
        with pytest.raises(NotAgreed):
            await till.invoices.confirm(await till.priced(), 100, till.at)

    async def test_mmp_30_a_locked_price_is_charged_as_it_is_or_given_up(self, till: Till):
        consultation = await till.held(FIXED, locked=True)
        await till.talk(consultation, 600)
        with pytest.raises(PriceLocked):
            await till.invoices.confirm(consultation, 7000, till.at)
        assert (await till.invoices.confirm(consultation, None, till.at)).paid == 8000

    async def test_a_lapsed_hold_is_not_captured_but_a_link_can_be_sent(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        till.wait(days=8)
        before = await till.payment(consultation)
        with pytest.raises(HoldExpired) as caught:
            await till.invoices.confirm(consultation, None, till.at)
        assert caught.value.code == "hold_expired"
        assert await till.payment(consultation) == before
        payment = await till.invoices.confirm(consultation, None, till.at, by_link=True)
        assert (payment.state, payment.due, payment.paid) == (_P.PENDING, 2000, 0)
        assert till.gateway.received == 0

    async def test_a_hold_that_lapses_in_the_same_moment_leads_to_a_link(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        [hold] = await till.attempts(consultation)
        intent = till.gateway.intents[hold.intent or ""]
        till.gateway._put(intent, state=IntentState.CANCELLED, expired=True, capturable=0)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, payment.owed) == (_P.PENDING, 2000)
        assert await states(till, consultation) == [_H.EXPIRED]
        assert await changes(till) == ["processing", "pending"]


class TestCoupons:
    async def test_a_coupon_for_all_leaves_a_receivable_and_no_call_to_the_provider(self, till: Till):
        await till.billing.coupons.create("TOUT", "Acme", till.at, percent=100)
        consultation = await till.priced(FIXED)
        await till.agree(consultation, "TOUT")
        await till.talk(consultation, 600)
        heard = []

        async def invoiced(tx, payment, at) -> None:
            heard.append((payment.covered, payment.due, payment.organisation))

        till.billing.hooks.invoiced = invoiced
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, payment.covered, payment.due) == (_P.NO_PAYMENT, 8000, 0)
        assert heard == [(8000, 0, payment.organisation)]
        assert till.gateway.asked == []
        assert [coupon.uses for coupon in await till.billing.coupons.list()] == [1]

    async def test_a_coupon_for_a_part_is_taken_off_what_the_patient_pays(self, till: Till):
        await till.billing.coupons.create("MOITIE", "Acme", till.at, percent=50)
        consultation = await till.priced(PER_MINUTE)
        await till.agree(consultation, "MOITIE")
        await till.enter_card(consultation)
        await till.talk(consultation, 600)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.price, payment.covered, payment.due, payment.paid) == (2000, 1000, 1000, 1000)
