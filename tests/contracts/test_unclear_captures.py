"""Captures whose answer is lost, on both databases."""

from datetime import timedelta

import pytest

from billing.gateway import CaptureHold
from billing.hold import HoldState
from billing.payment import PaymentState
from billing.problems import ProviderSilent
from billing.tariff import Tariff
from store.ids import ConsultationId
from tests.billing.gateway_double import Trouble
from tests.billing.till import FIXED, Till

_H, _P = HoldState, PaymentState


async def states(till: Till, consultation: ConsultationId) -> list[HoldState]:
    return [hold.state for hold in await till.attempts(consultation)]


async def charged(till: Till, tariff: Tariff = FIXED, **more) -> ConsultationId:
    """A consultation of ten minutes whose amount is confirmed."""
    consultation = await till.held(tariff, **more)
    await till.talk(consultation, 600)
    await till.invoices.confirm(consultation, None, till.at)
    return consultation


class TestUnclear:
    @pytest.mark.parametrize("trouble", list(Trouble))
    async def test_whatever_the_provider_answers_the_money_is_taken_once(self, till: Till, trouble: Trouble):
        consultation = await till.held()
        await till.talk(consultation, 600)
        till.gateway.trouble(trouble, code="lock_timeout")
        await till.invoices.confirm(consultation, None, till.at)
        await till.settle()
        payment = await till.payment(consultation)
        if trouble is Trouble.REFUSED:
            # Refused is not unknown: the hold is freed and the patient is asked by a link.
            assert (payment.state, till.gateway.received) == (_P.PENDING, 0)
            assert await states(till, consultation) == [_H.RELEASED]
        else:
            assert (payment.state, payment.paid, till.gateway.received) == (_P.PAID, 2000, 2000)
            assert await states(till, consultation) == [_H.CAPTURED]

    async def test_unknown_is_only_left_by_looking(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        till.gateway.trouble(Trouble.AFTER)
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, await states(till, consultation)) == (_P.PROCESSING, [_H.UNKNOWN])
        till.gateway.silent = True
        await till.settle(turns=5)
        assert await states(till, consultation) == [_H.UNKNOWN]
        till.gateway.silent = False
        looks = len(till.gateway.found)
        await till.settle()
        assert await states(till, consultation) == [_H.CAPTURED]
        assert len(till.gateway.found) > looks
        assert (await till.payment(consultation)).state is _P.PAID

    async def test_a_refused_capture_leads_on_though_a_raise_is_still_unclear(self, till: Till):
        consultation = await till.held()
        till.gateway.trouble(Trouble.BEFORE)
        with pytest.raises(ProviderSilent):
            await till.holds.extend(consultation, 3000, till.at)
        await till.talk(consultation, 600)
        till.gateway.trouble(Trouble.REFUSED, code="processing_error")
        payment = await till.invoices.confirm(consultation, None, till.at)
        assert (payment.state, payment.owed) == (_P.PENDING, 2000)
        await till.settle()
        assert await states(till, consultation) == [_H.RELEASED]

    async def test_a_release_that_is_refused_is_asked_for_again(self, till: Till):
        consultation = await till.held()
        till.gateway.trouble(Trouble.REFUSED, code="lock_timeout")
        await till.invoices.call_off(consultation, till.at)
        await till.settle(turns=2)
        assert await states(till, consultation) == [_H.HELD]
        till.wait(hours=1)
        await till.settle(turns=3)
        assert await states(till, consultation) == [_H.RELEASED]
        assert [intent.state for intent in till.gateway.intents.values()] == ["canceled"]

    async def test_a_hold_that_is_found_after_all_is_freed_when_nobody_needs_it(self, till: Till):
        consultation = await till.held(FIXED, starts_in=timedelta(days=8))
        till.wait(days=8)
        till.gateway.trouble(Trouble.AFTER)
        with pytest.raises(ProviderSilent):
            await till.holds.begin(consultation, till.at)
        await till.invoices.call_off(consultation, till.at)
        await till.settle()
        assert (await states(till, consultation))[-1] is _H.RELEASED
        assert [intent.state for intent in till.gateway.intents.values()] == ["succeeded", "canceled"]

    async def test_a_process_that_died_between_sending_and_settling_is_made_good_by_another(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        perform = till.gateway.perform

        async def die(operation, key):
            await perform(operation, key)
            raise ZeroDivisionError

        till.gateway.perform = die
        with pytest.raises(ZeroDivisionError):
            await till.invoices.confirm(consultation, None, till.at)
        till.gateway.perform = perform
        other = till.process()
        await other.jobs.run(till.at)
        assert (await till.payment(consultation)).state is _P.PROCESSING
        till.wait(seconds=61)
        await other.jobs.run(till.at)
        assert (await till.payment(consultation)).state is _P.PAID
        assert till.gateway.received == 2000

    async def test_after_a_day_of_silence_the_same_key_is_not_used_again(self, till: Till):
        consultation = await till.held()
        await till.talk(consultation, 600)
        till.gateway.silent = True
        await till.invoices.confirm(consultation, None, till.at)
        till.wait(hours=25)
        till.gateway.silent = False
        await till.settle(turns=3)
        assert (await till.payment(consultation)).state is _P.PAID
        keys = {key for key, asked in till.gateway.asked if isinstance(asked, CaptureHold)}
        assert len(keys) == 2
        assert till.gateway.received == 2000

    async def test_a_form_that_turns_up_when_all_is_paid_is_closed(self, till: Till):
        consultation = await till.agreed()
        till.gateway.trouble(Trouble.AFTER)
        with pytest.raises(ProviderSilent):
            await till.holds.begin(consultation, till.at)
        await till.enter_card(consultation)
        await till.talk(consultation, 600)
        await till.invoices.confirm(consultation, None, till.at)
        assert await states(till, consultation) == [_H.UNKNOWN, _H.CAPTURED]
        await till.settle(turns=3)
        assert await states(till, consultation) == [_H.RELEASED, _H.CAPTURED]
        assert till.gateway.received == 2000

    async def test_no_call_to_the_provider_without_a_committed_row_nor_within_a_transaction(self, till: Till):
        seen: list[tuple[str, str]] = []
        perform = till.gateway.perform

        async def watched(operation, key):
            # Another connection sees the row as SENT, and on SQLite no transaction of ours can be open meanwhile.
            async with till.database.transaction():
                pass
            seen.append((await till.operations())[-1])
            return await perform(operation, key)

        till.gateway.perform = watched
        await charged(till)
        assert seen == [("AuthoriseCard", "sent"), ("CaptureHold", "sent")]
