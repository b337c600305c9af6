"""The machines of holds, payments and payouts: what their tables promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import hold, payment, payout
from billing.hold import HoldEvent, HoldState, InvalidHold
from billing.payment import InvalidPayment, PaymentEvent, PaymentState
from billing.payout import PayoutState

ASKING = {HoldState.CREATING, HoldState.CAPTURING, HoldState.RELEASING}


@given(st.lists(st.sampled_from(HoldEvent), max_size=12))
def test_a_hold_that_is_over_stays_so(events: list[HoldEvent]):
    state = HoldState.CREATING
    for event in events:
        before = state
        try:
            state = hold.moved(state, event)
        except InvalidHold:
            state = before
        if before in hold.FINAL:
            assert state is before


def test_only_what_was_found_leads_out_of_unknown():
    leaving = {event for (state, event) in hold.TRANSITIONS if state is HoldState.UNKNOWN}
    assert leaving.isdisjoint({HoldEvent.CAPTURE, HoldEvent.RELEASE, HoldEvent.UNCLEAR})


@pytest.mark.parametrize("state", sorted(ASKING))
def test_an_unclear_answer_leads_to_unknown_from_wherever_one_was_asked(state: HoldState):
    assert hold.moved(state, HoldEvent.UNCLEAR) is HoldState.UNKNOWN
    asked = {before for (before, event) in hold.TRANSITIONS if event is HoldEvent.UNCLEAR}
    assert asked <= ASKING | {HoldState.UNKNOWN}


def test_a_second_capture_is_no_transition():
    for state in (HoldState.CAPTURING, HoldState.CAPTURED, HoldState.EXPIRED, HoldState.RELEASED):
        with pytest.raises(InvalidHold):
            hold.moved(state, HoldEvent.CAPTURE)


@given(st.lists(st.sampled_from(PaymentEvent), max_size=12))
def test_a_payment_that_is_over_stays_so(events: list[PaymentEvent]):
    state = PaymentState.DRAFT
    for event in events:
        before = state
        try:
            state = payment.moved(state, event)
        except InvalidPayment:
            state = before
        if before in payment.FINAL:
            assert state is before


def test_what_was_paid_is_never_asked_for_again():
    received = {PaymentState.PAID, PaymentState.PARTLY_REFUNDED, PaymentState.REFUNDED, PaymentState.WON}
    for state in received:
        for event in (PaymentEvent.ASKED, PaymentEvent.SUBMITTED, PaymentEvent.REFUSED, PaymentEvent.CANCELLED):
            with pytest.raises(InvalidPayment):
                payment.moved(state, event)


def test_a_dispute_may_arrive_already_decided():
    assert payment.moved(PaymentState.PAID, PaymentEvent.LOST) is PaymentState.LOST
    assert payment.moved(PaymentState.PAID, PaymentEvent.WON) is PaymentState.WON


@given(st.lists(st.sampled_from(PayoutState), max_size=8), st.randoms())
def test_older_news_of_a_payout_changes_nothing(news: list[PayoutState], random):
    state = PayoutState.NONE
    for said in news:
        after = payout.seen(state, said)
        assert payout.seen(after, said) is after
        assert after is state or said in payout.LEADS_TO[state]
        state = after


def test_a_bank_may_send_back_what_it_was_paid():
    assert payout.seen(PayoutState.PAID, PayoutState.FAILED) is PayoutState.FAILED
    assert payout.seen(PayoutState.PAID, PayoutState.PENDING) is PayoutState.PAID
