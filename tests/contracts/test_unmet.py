"""Nobody is charged for a meeting that was not, and none that was is called missed; on both databases."""

from datetime import timedelta

import pytest

from billing.agreement import Timeline, When
from billing.hold import HoldState
from billing.payment import PaymentState
from billing.problems import NotANoShow, NotMet
from store.facts import CallEnded, CallOpened, LegConnected, MeterPaused, Stamp
from store.ids import CallId, LegId, Prefix, Seat
from store.io.entropy import new_id
from tests.billing.till import AT_END, FIXED, Till

_P = PaymentState


async def stopped_meter(till: Till, consultation) -> None:
    """Ten minutes together, with the meter stopped before the first of them."""
    call = CallId(new_id(Prefix.CALL))
    await till.billing.calls.opened(CallOpened(call, consultation, till.at))
    story = till.story(call, 600)
    stopped = MeterPaused(call, Stamp(story[0].stamp.boot, 0, 0, till.at))
    await till.billing.facts.append([stopped, *story])
    till.wait(seconds=600)
    await till.billing.calls.ended(CallEnded(call, consultation, "hung_up", till.at))


async def test_a_hold_is_not_captured_before_the_two_have_met(till: Till):
    ahead, alone = await till.held(starts_in=timedelta(days=2)), await till.held()
    with pytest.raises(NotMet):
        await till.invoices.confirm(ahead, 4000, till.at)
    await till.talk(alone, 0)
    with pytest.raises(NotMet):
        await till.invoices.confirm(alone, 4000, till.at)
    assert till.gateway.received == 0
    for consultation in (ahead, alone):
        assert [hold.state for hold in await till.attempts(consultation)] == [HoldState.HELD]


async def test_an_entered_amount_does_not_confirm_itself_without_a_meeting(till: Till):
    consultation = await till.held()
    await till.invoices.enter(consultation, 4000, till.at)
    await till.talk(consultation, 0)
    till.wait(minutes=1)
    await till.billing.jobs.run(till.at)
    assert (await till.payment(consultation)).state is _P.DRAFT
    assert till.gateway.received == 0


async def test_an_organisation_is_not_billed_for_a_meeting_that_was_not(till: Till):
    await till.billing.coupons.create("TOUT", "Acme", till.at, percent=100)
    consultation = await till.priced(FIXED)
    await till.agree(consultation, "TOUT")
    with pytest.raises(NotMet):
        await till.invoices.confirm(consultation, 8000, till.at)


async def test_zero_and_a_pay_link_need_no_meeting(till: Till):
    given_up = await till.held()
    assert (await till.invoices.confirm(given_up, 0, till.at)).state is _P.NO_PAYMENT
    by_telephone = await till.agreed(AT_END, When.AFTER)
    assert (await till.invoices.confirm(by_telephone, 4000, till.at)).state is _P.PENDING


async def test_a_call_with_the_meter_stopped_is_no_missed_one(till: Till):
    consultation = await till.held(FIXED)
    till.wait(minutes=20)
    await stopped_meter(till, consultation)
    assert (await till.invoices.reading(consultation, till.at)).quote.seconds == 0
    with pytest.raises(NotANoShow):
        await till.invoices.no_show(consultation, True, till.at)
    assert (await till.invoices.confirm(consultation, 3000, till.at)).paid == 3000


async def test_a_call_whose_first_sign_of_life_is_to_come_is_no_missed_one(till: Till):
    consultation = await till.held(FIXED)
    till.wait(minutes=20)
    call = CallId(new_id(Prefix.CALL))
    await till.billing.calls.opened(CallOpened(call, consultation, till.at))
    connected = [
        LegConnected(call, LegId(f"leg_{seat}"), seat, Stamp("boot", seq, 0, till.at)) for seq, seat in enumerate(Seat)
    ]
    await till.billing.facts.append(connected)
    with pytest.raises(NotANoShow):
        await till.invoices.no_show(consultation, True, till.at)


async def test_a_patient_who_waited_for_nobody_has_missed_nothing(till: Till):
    consultation = await till.held(FIXED)
    till.wait(minutes=30)
    waited = Timeline(invited_at=till.at, waiting_since=till.at)
    with pytest.raises(NotANoShow):
        await till.invoices.no_show(consultation, True, till.at, waited)
    assert (await till.invoices.no_show(consultation, False, till.at, waited)).state is _P.NO_PAYMENT
