"""Holds, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from billing.agreement import CARD_NOT_SUPPORTED, Purpose
from billing.gateway import AuthoriseCard
from billing.hold import HoldState
from billing.money import BadAmount
from billing.patient_view import PatientState
from billing.payment import PaymentState
from billing.problems import (
    NoHold,
    NotAgreed,
    ProviderRefused,
    ProviderSilent,
)
from store.facts import HoldChanged
from store.ids import ConsultationId, Prefix
from store.io.entropy import new_id
from tests.billing.gateway_double import Trouble
from tests.billing.till import AT_END, Till

_S = HoldState


async def states(till: Till, consultation: ConsultationId) -> list[HoldState]:
    return [hold.state for hold in await till.attempts(consultation)]


class TestHolding:
    async def test_dat_32_the_card_is_held_and_the_obstacle_is_gone(self, till: Till):
        consultation = await till.agreed()
        with pytest.raises(NotAgreed):
            await till.holds.begin(ConsultationId(new_id(Prefix.CONSULTATION)), till.at)
        form = await till.holds.begin(consultation, till.at)
        assert form is not None
        assert (form.amount, form.currency, form.account, form.purpose) == (5000, "EUR", "acct_1", Purpose.HOLD)
        assert await till.holds.begin(consultation, till.at) == form
        assert (await till.holds.view(consultation, till.at)).state is PatientState.CARD
        till.gateway.enter_card(till.intent(form.client_secret))
        view = await till.holds.look(consultation, till.at)
        assert (view.state, view.hold_amount, view.card) == (PatientState.READY, 5000, "visa 4242")
        assert view.capture_before == till.at + timedelta(days=7)
        assert await till.holds.obstacles(consultation, till.at) == ()
        assert await till.holds.begin(consultation, till.at) is None
        assert [fact.state for fact in await till.facts(HoldChanged)] == ["creating", "needs_action", "held"]

    async def test_a_declined_card_is_tried_again_on_the_same_form(self, till: Till):
        consultation = await till.agreed()
        await till.enter_card(consultation, declined="insufficient_funds")
        view = await till.holds.view(consultation, till.at)
        assert (view.state, view.declined) == (PatientState.DECLINED, "insufficient_funds")
        assert await till.holds.obstacles(consultation, till.at) == ("hold",)
        await till.enter_card(consultation)
        assert await states(till, consultation) == [_S.HELD]
        assert (await till.holds.view(consultation, till.at)).state is PatientState.READY

    async def test_dat_31_a_card_of_another_brand_is_freed_and_refused(self, till: Till):
        consultation = await till.agreed()
        intent = await till.enter_card(consultation, card="jcb 0505")
        assert intent is not None
        view = await till.holds.view(consultation, till.at)
        assert (view.state, view.declined) == (PatientState.DECLINED, CARD_NOT_SUPPORTED)
        assert await till.holds.obstacles(consultation, till.at) == ("hold",)
        await till.settle(turns=2)
        assert till.gateway.intents[intent.id].state == "canceled"
        await till.enter_card(consultation, card="amex 0005")
        assert await states(till, consultation) == [_S.RELEASED, _S.HELD]

    async def test_two_pages_at_once_get_one_form(self, till: Till):
        consultation = await till.agreed()
        forms = await asyncio.gather(*(till.holds.begin(consultation, till.at) for _ in range(6)))
        assert len(set(forms)) == 1
        assert len(till.gateway.intents) == 1

    async def test_an_account_that_the_provider_refuses_is_said_so(self, till: Till):
        consultation = await till.agreed()
        till.gateway.trouble(Trouble.REFUSED, code="account_invalid")
        with pytest.raises(ProviderRefused) as caught:
            await till.holds.begin(consultation, till.at)
        assert (caught.value.code, caught.value.reason) == ("provider_refused", "account_invalid")
        assert await states(till, consultation) == [_S.DECLINED]
        await till.enter_card(consultation)
        assert await states(till, consultation) == [_S.DECLINED, _S.HELD]

    async def test_news_of_another_account_or_of_nobody_changes_nothing(self, till: Till):
        consultation = await till.held()
        [hold] = await till.attempts(consultation)
        intent = till.gateway.intents[hold.intent or ""]
        for forged in (replace(intent, account="acct_2", state="succeeded"), replace(intent, id="pi_x", reference="")):
            async with till.database.transaction() as tx:
                await till.holds.settle(tx, forged, till.at)
        assert await till.attempts(consultation) == [hold]


class TestUnclear:
    @pytest.mark.parametrize("trouble", [Trouble.BEFORE, Trouble.AFTER])
    async def test_an_unclear_creation_is_looked_up_before_anything_is_made_again(self, till: Till, trouble: Trouble):
        consultation = await till.agreed()
        till.gateway.trouble(trouble)
        with pytest.raises(ProviderSilent):
            await till.holds.begin(consultation, till.at)
        assert await states(till, consultation) == [_S.UNKNOWN]
        await till.settle(turns=3)
        assert await states(till, consultation) == [_S.NEEDS_ACTION]
        assert len(till.gateway.intents) == 1
        assert len({key for key, _ in till.gateway.asked}) == 1

    async def test_who_does_not_want_to_wait_gets_another_form_and_the_lost_one_is_never_shown(self, till: Till):
        consultation = await till.agreed()
        till.gateway.trouble(Trouble.STUCK)
        with pytest.raises(ProviderSilent):
            await till.holds.begin(consultation, till.at)
        await till.enter_card(consultation)
        assert await states(till, consultation) == [_S.UNKNOWN, _S.HELD]
        assert await till.holds.obstacles(consultation, till.at) == ()

    async def test_a_busy_provider_is_asked_again_and_nothing_is_unknown(self, till: Till):
        consultation = await till.agreed()
        till.gateway.trouble(Trouble.BUSY)
        with pytest.raises(ProviderSilent):
            await till.holds.begin(consultation, till.at)
        assert await states(till, consultation) == [_S.CREATING]
        till.wait(seconds=2)
        await till.enter_card(consultation)
        assert await states(till, consultation) == [_S.HELD]


class TestFarAhead:
    async def test_the_card_is_kept_and_held_in_the_waiting_room_without_the_patient(self, till: Till):
        consultation = await till.agreed(starts_in=timedelta(days=6, hours=1))
        form = await till.holds.begin(consultation, till.at)
        assert form is not None
        assert (form.purpose, form.amount) == (Purpose.CARD, 0)
        await till.enter_card(consultation)
        view = await till.holds.view(consultation, till.at)
        assert (view.state, view.card) == (PatientState.READY, "visa 4242")
        assert await till.holds.obstacles(consultation, till.at) == ("hold",)
        till.wait(days=6, hours=1)
        assert (await till.holds.view(consultation, till.at)).state is PatientState.CARD
        assert await till.holds.begin(consultation, till.at) is None
        assert await till.holds.obstacles(consultation, till.at) == ()
        [kept, held] = await till.attempts(consultation)
        assert (held.off_session, held.state, held.amount) == (True, _S.HELD, 5000)
        assert held.capture_before == till.at + timedelta(days=4, hours=18)
        assert kept.purpose is Purpose.CARD

    async def test_authentication_required_asks_the_patient(self, till: Till):
        consultation = await till.held(starts_in=timedelta(days=8))
        till.wait(days=8)
        till.gateway.asks_the_patient = True
        form = await till.holds.begin(consultation, till.at)
        assert form is not None
        assert form.purpose is Purpose.HOLD
        alone = [asked for _, asked in till.gateway.asked if isinstance(asked, AuthoriseCard) and asked.payment_method]
        assert len(alone) == 1
        await till.enter_card(consultation)
        assert await till.holds.obstacles(consultation, till.at) == ()
        assert (await states(till, consultation))[-1] is _S.HELD

    async def test_a_card_of_another_brand_is_not_kept(self, till: Till):
        consultation = await till.agreed(starts_in=timedelta(days=8))
        await till.enter_card(consultation, card="jcb 0505")
        view = await till.holds.view(consultation, till.at)
        assert (view.state, view.declined, view.card) == (PatientState.DECLINED, CARD_NOT_SUPPORTED, "")
        await till.enter_card(consultation)
        assert (await till.holds.view(consultation, till.at)).state is PatientState.READY


class TestLapsing:
    async def test_dat_34_an_expired_hold_is_authorised_again(self, till: Till):
        consultation = await till.held(starts_in=timedelta(days=5))
        till.wait(days=7, minutes=2)
        assert await till.holds.obstacles(consultation, till.at) == ("hold",)
        await till.settle(turns=2)
        assert await states(till, consultation) == [_S.EXPIRED]
        assert (await till.holds.view(consultation, till.at)).state is PatientState.EXPIRED
        assert (await till.facts(HoldChanged))[-1].state == "expired"
        till.gateway.asks_the_patient = True
        await till.enter_card(consultation)
        assert (await states(till, consultation))[-1] is _S.HELD
        assert await till.holds.obstacles(consultation, till.at) == ()

    async def test_a_hold_that_would_lapse_too_early_is_replaced_and_freed(self, till: Till):
        consultation = await till.held(starts_in=timedelta(days=5, hours=23), planned_seconds=2 * 3600)
        assert (await till.holds.view(consultation, till.at)).state is PatientState.READY
        assert await till.holds.obstacles(consultation, till.at) == ("hold",)
        till.wait(days=5, hours=23)
        assert (await till.holds.view(consultation, till.at)).state is PatientState.CARD
        assert await till.holds.begin(consultation, till.at) is None
        await till.settle(turns=2)
        assert await states(till, consultation) == [_S.RELEASED, _S.HELD]
        reading = await till.invoices.reading(consultation, till.at)
        assert reading is not None
        assert reading.ceiling == (await till.attempts(consultation))[1].amount


class TestMore:
    async def test_a_hold_is_raised_where_the_card_allows_it(self, till: Till):
        consultation = await till.held()
        till.gateway.increments = True
        assert await till.holds.extend(consultation, 3000, till.at) is None
        assert [hold.amount for hold in await till.attempts(consultation)] == [8000]
        reading = await till.invoices.reading(consultation, till.at)
        assert reading is not None
        assert (reading.ceiling, reading.ends_in_seconds) == (8000, 2400)

    async def test_else_a_second_hold_is_made_with_the_patient(self, till: Till):
        consultation = await till.held()
        form = await till.holds.extend(consultation, 3000, till.at)
        assert form is not None
        assert form.amount == 3000
        assert await till.holds.extend(consultation, 3000, till.at) == form
        till.gateway.enter_card(till.intent(form.client_secret))
        await till.holds.look(consultation, till.at)
        assert await states(till, consultation) == [_S.HELD, _S.HELD]
        reading = await till.invoices.reading(consultation, till.at)
        assert reading is not None
        assert reading.ceiling == 8000

    async def test_an_unclear_rise_is_found_out(self, till: Till):
        consultation = await till.held()
        till.gateway.increments = True
        till.gateway.trouble(Trouble.AFTER)
        with pytest.raises(ProviderSilent):
            await till.holds.extend(consultation, 3000, till.at)
        await till.settle(turns=2)
        assert [(hold.amount, hold.state) for hold in await till.attempts(consultation)] == [(8000, _S.HELD)]

    async def test_without_a_hold_or_an_amount_there_is_nothing_to_raise(self, till: Till):
        consultation = await till.agreed()
        with pytest.raises(NoHold):
            await till.holds.extend(consultation, 3000, till.at)
        await till.enter_card(consultation)
        for amount in (0, -1, 10**9):
            with pytest.raises(BadAmount):
                await till.holds.extend(consultation, amount, till.at)

    async def test_a_consultation_that_is_called_off_frees_all(self, till: Till):
        consultation = await till.held()
        await till.invoices.call_off(consultation, till.at)
        await till.settle(turns=2)
        assert await states(till, consultation) == [_S.RELEASED]
        assert (await till.payment(consultation)).state is PaymentState.CANCELLED
        assert [intent.state for intent in till.gateway.intents.values()] == ["canceled"]

    async def test_a_card_that_is_entered_after_that_is_freed_at_once(self, till: Till):
        consultation = await till.agreed()
        form = await till.holds.begin(consultation, till.at)
        assert form is not None
        till.gateway.silent = True
        await till.invoices.call_off(consultation, till.at)
        await till.settle(turns=2, seconds=1)
        till.gateway.silent = False
        till.gateway.enter_card(till.intent(form.client_secret))
        await till.settle()
        assert [intent.state for intent in till.gateway.intents.values()] == ["canceled"]
        assert await states(till, consultation) == [_S.RELEASED]

    async def test_releasing_frees_every_hold(self, till: Till):
        consultation = await till.held()
        await till.holds.release_all(consultation, till.at)
        assert await states(till, consultation) == [_S.RELEASED]


class TestAtEnd:
    async def test_dat_26_a_price_said_at_the_end_is_held_up_to_its_cap(self, till: Till):
        consultation = await till.held(AT_END)
        assert [hold.amount for hold in await till.attempts(consultation)] == [10_000]
