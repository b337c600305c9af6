"""What is cancelled is agreed to by nobody, and what two have talked is owed all the same; on both databases."""

import pytest

from billing.agreement import When
from billing.hold import HoldState
from billing.payment import PaymentState
from billing.problems import BadCoupon, CalledOff
from billing.tariff import FREE, Basis, Tariff
from store.facts import CallEnded, CallOpened, ConsultationCancelled
from store.ids import CallId, Prefix
from store.io.entropy import new_id
from tests.billing.till import FIXED, PER_MINUTE, Till

_P = PaymentState


async def cancel(till: Till, consultation) -> None:
    await till.billing.calls.cancelled(ConsultationCancelled(consultation, till.at))


async def test_who_has_not_agreed_before_it_was_cancelled_cannot_any_more(till: Till):
    consultation = await till.priced()
    await cancel(till, consultation)
    with pytest.raises(CalledOff):
        await till.agree(consultation)
    assert await till.invoices.payment_of(consultation) is None


@pytest.mark.parametrize("tariff", [FREE, FIXED])
async def test_its_price_stays_what_it_was(till: Till, tariff: Tariff):
    consultation = await till.priced(PER_MINUTE)
    price = await till.billing.prices.of(consultation)
    await cancel(till, consultation)
    with pytest.raises(CalledOff):
        await till.billing.prices.set(
            consultation, price.practitioner, tariff, price.when, price.starts_at, price.planned_seconds, till.at
        )
    assert (await till.billing.prices.of(consultation)).tariff == PER_MINUTE


async def test_what_two_have_talked_is_owed_though_the_consultation_is_cancelled_afterwards(till: Till):
    consultation = await till.held()
    await till.talk(consultation, 600)
    await cancel(till, consultation)
    assert (await till.payment(consultation)).state is _P.DRAFT
    till.wait(hours=25)
    await till.settle(turns=3)
    paid = await till.payment(consultation)
    assert (paid.state, paid.paid) == (_P.PAID, 2000)


async def test_what_is_cancelled_in_mid_call_is_owed_up_to_then(till: Till):
    consultation = await till.held()
    call = CallId(new_id(Prefix.CALL))
    await till.billing.calls.opened(CallOpened(call, consultation, till.at))
    story = till.story(call, 600)
    await till.billing.facts.append(story[:3])
    till.wait(seconds=600)
    await cancel(till, consultation)
    await till.billing.facts.append(story[3:])
    await till.billing.calls.ended(CallEnded(call, consultation, "hung_up", till.at))
    assert (await till.invoices.confirm(consultation, None, till.at)).paid == 2000


async def test_a_call_in_which_nobody_met_holds_nothing_back_for_longer_than_its_last_facts(till: Till):
    consultation = await till.held()
    call = CallId(new_id(Prefix.CALL))
    await till.billing.calls.opened(CallOpened(call, consultation, till.at))
    await cancel(till, consultation)
    assert (await till.payment(consultation)).state is _P.DRAFT
    await till.billing.calls.ended(CallEnded(call, consultation, "hung_up", till.at))
    await till.settle(turns=4, seconds=2)
    assert (await till.payment(consultation)).state is _P.CANCELLED
    assert [hold.state for hold in await till.attempts(consultation)] == [HoldState.RELEASED]


async def test_a_code_that_pays_a_part_is_not_taken_for_a_price_that_is_only_said_at_the_end(till: Till):
    await till.billing.coupons.create("TOUT", "Acme", till.at, percent=100)
    await till.billing.coupons.create("VINGT", "Acme", till.at, amount=2000, currency="EUR")
    consultation = await till.priced(Tariff("EUR", Basis.AT_END), When.AFTER)
    with pytest.raises(BadCoupon) as refused:
        await till.agree(consultation, "TOUT")
    assert refused.value.code == "coupon_open_price"
    assert (await till.agree(consultation, "VINGT")).discount.amount == 2000
