"""What the provider has moves a hold forward only, whatever the order in which we hear of it."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import settling
from billing.agreement import CARD_NOT_SUPPORTED, Hold, Purpose
from billing.gateway import Intent, IntentState
from billing.hold import FINAL, TRANSITIONS, HoldEvent, HoldState, InvalidHold, moved
from billing.payment import FINAL as PAYMENTS_FINAL
from billing.payment import TRANSITIONS as PAYMENTS
from billing.payment import InvalidPayment, PaymentEvent, PaymentState
from billing.payment import moved as payment_moved
from tests.billing.rows_of_money import AT, a_hold, a_payment

_H, _I, _P = HoldState, IntentState, PaymentState
# What a hold goes through at the provider, and what a charge does.
HOLD_STORY = [_I.NEEDS_CARD, _I.NEEDS_ACTION, _I.HELD, _I.SUCCEEDED]
LAPSE_STORY = [_I.NEEDS_CARD, _I.HELD, _I.CANCELLED]


def intent(state: IntentState, **changes: Any) -> Intent:
    values: dict[str, Any] = {"amount": 5000, "currency": "EUR", "card": "visa 4242"}
    return Intent("pi_hol_1", "acct_1", "hol_1", state, **values | changes)


def told(hold: Hold, news: list[Intent]) -> Hold:
    for one in news:
        state = settling.next_state(hold, settling.event_of(hold.purpose, one), busy=False)
        hold = replace(hold, **settling.settled_values(hold, one, state))
    return hold


class TestMachines:
    def test_unknown_is_entered_from_every_state_in_which_a_request_is_under_way(self):
        under_way = {_H.CREATING, _H.CAPTURING, _H.RELEASING}
        assert {state for state, event in TRANSITIONS if event is HoldEvent.UNCLEAR} == under_way

    def test_unknown_is_left_for_what_the_provider_has_and_for_no_new_request(self):
        events = {event for state, event in TRANSITIONS if state is _H.UNKNOWN}
        assert not events & {HoldEvent.CAPTURE, HoldEvent.RELEASE, HoldEvent.UNCLEAR}
        assert events == set(HoldEvent) - {HoldEvent.CAPTURE, HoldEvent.RELEASE, HoldEvent.UNCLEAR}

    def test_final_states_are_final(self):
        assert not {state for state, _ in TRANSITIONS} & FINAL
        assert not {state for state, _ in PAYMENTS} & PAYMENTS_FINAL
        with pytest.raises(InvalidHold):
            moved(_H.CAPTURED, HoldEvent.RELEASE)
        with pytest.raises(InvalidPayment):
            payment_moved(_P.CANCELLED, PaymentEvent.ASKED)

    def test_every_state_can_be_reached_and_none_is_a_dead_end(self):
        for table, every, final, first in (
            (TRANSITIONS, set(HoldState), FINAL, _H.CREATING),
            (PAYMENTS, set(PaymentState), PAYMENTS_FINAL, _P.DRAFT),
        ):
            assert {first, *table.values()} == every
            assert every - {state for state, _ in table} == final


class TestNews:
    @pytest.mark.parametrize(
        ("story", "end"), [(HOLD_STORY, _H.CAPTURED), (LAPSE_STORY, _H.EXPIRED), (HOLD_STORY[:3], _H.HELD)]
    )
    def test_in_any_order_and_repeated_it_leads_to_the_same(self, story: list[IntentState], end: HoldState):
        """Every look shows the newest; old news may come before and after it."""
        newest = intent(story[-1], expired=story[-1] is _I.CANCELLED, received=2000, fee=240)
        first = a_hold(state=_H.CREATING, intent=None, client_secret="")
        before = told(first, [newest])
        assert before.state is end
        for order in itertools.permutations(story[:-1]):
            assert told(told(first, [intent(state) for state in order]), [newest, newest]) == before
            assert told(before, [intent(state) for state in order]) == before

    @given(st.lists(st.sampled_from(list(IntentState)), max_size=8), st.booleans())
    def test_a_final_state_never_goes_back(self, news: list[IntentState], busy: bool):
        for state in FINAL:
            hold = a_hold(state=state)
            for one in news:
                event = settling.event_of(hold.purpose, intent(one))
                assert settling.next_state(hold, event, busy=busy) is state

    @pytest.mark.parametrize("state", [_H.CAPTURING, _H.UNKNOWN])
    def test_still_held_says_nothing_while_a_request_is_under_way(self, state: HoldState):
        hold = a_hold(state=state)
        assert settling.next_state(hold, HoldEvent.HELD, busy=True) is state
        assert settling.next_state(hold, HoldEvent.HELD, busy=False) is _H.HELD

    def test_a_raised_hold_is_not_lowered_by_an_older_look(self):
        raised = told(a_hold(), [intent(_I.HELD, amount=8000, capturable=8000)])
        assert told(raised, [intent(_I.HELD, capturable=5000)]).amount == 8000

    def test_what_was_authorised_in_part_is_held_in_part(self):
        held = told(a_hold(state=_H.NEEDS_ACTION), [intent(_I.HELD, capturable=3000)])
        assert held.amount == 3000
        assert told(held, [intent(_I.NEEDS_CARD, declined="card_declined")]) == held

    def test_dat_31_a_brand_that_is_not_taken_is_noted(self):
        assert told(a_hold(state=_H.NEEDS_ACTION), [intent(_I.HELD, card="jcb 1")]).declined == CARD_NOT_SUPPORTED
        kept = a_hold(state=_H.NEEDS_ACTION, purpose=Purpose.CARD)
        assert told(kept, [intent(_I.SUCCEEDED, card="jcb 1")]).declined == CARD_NOT_SUPPORTED
        assert told(a_hold(state=_H.NEEDS_ACTION, declined="x"), [intent(_I.HELD)]).declined == ""

    def test_a_kept_card_is_held_and_not_captured(self):
        kept = told(a_hold(state=_H.NEEDS_ACTION, purpose=Purpose.CARD), [intent(_I.SUCCEEDED)])
        assert (kept.state, kept.captured) == (_H.HELD, 0)
        assert not settling.releasable(kept)


class TestPayments:
    def event(self, payment: Any, changed: Hold, *others: Hold, processing: bool = False) -> PaymentEvent | None:
        return settling.payment_event(payment, [changed, *others], changed, processing=processing)

    def test_it_is_paid_when_the_last_part_is(self):
        captured = a_hold(state=_H.CAPTURED, captured=2000)
        waiting = a_hold("hol_2", state=_H.CAPTURING)
        processing = a_payment(state=_P.PROCESSING, due=4000, paid=2000)
        assert self.event(processing, captured, waiting) is None
        assert self.event(replace(processing, paid=4000), captured) is PaymentEvent.SUCCEEDED

    def test_less_than_a_card_can_be_charged_is_given_up_once_nothing_is_under_way(self):
        captured = a_hold(state=_H.CAPTURED, captured=3951)
        processing = a_payment(state=_P.PROCESSING, due=4000, paid=3951)
        assert self.event(processing, captured) is PaymentEvent.REST_GIVEN_UP
        assert self.event(processing, a_hold(state=_H.RELEASED)) is PaymentEvent.REST_GIVEN_UP
        assert self.event(processing, captured, a_hold("hol_2", state=_H.CAPTURING)) is None
        assert self.event(replace(processing, paid=3950), captured) is PaymentEvent.ASKED
        assert self.event(replace(processing, paid=0, due=49), a_hold(state=_H.EXPIRED)) is PaymentEvent.ASKED

    def test_what_cannot_be_captured_is_asked_for(self):
        processing = a_payment(state=_P.PROCESSING, due=4000)
        expired = a_hold(state=_H.EXPIRED)
        assert self.event(processing, expired) is PaymentEvent.ASKED
        assert self.event(processing, expired, a_hold("hol_2", state=_H.UNKNOWN)) is None
        kept = a_hold("hol_2", state=_H.CREATING, purpose=Purpose.CARD)
        assert self.event(processing, expired, kept) is PaymentEvent.ASKED

    def test_a_card_declined_on_the_pay_page_fails_and_one_tried_without_the_patient_asks_them(self):
        declined = a_hold(state=_H.DECLINED, purpose=Purpose.CHARGE)
        for state in (_P.PENDING, _P.UNPAID, _P.PROCESSING):
            assert self.event(a_payment(state=state, due=1), declined) is PaymentEvent.REFUSED
        assert self.event(a_payment(state=_P.FAILED, due=1), declined) is None
        alone = replace(declined, off_session=True)
        assert self.event(a_payment(state=_P.PROCESSING, due=1), alone) is PaymentEvent.ASKED

    def test_every_event_that_is_said_stands_in_the_table(self):
        every = itertools.product(PaymentState, HoldState, Purpose, (False, True), (False, True), (0, 5))
        for state, hold_state, purpose, off_session, processing, paid in every:
            payment = a_payment(state=state, due=5, paid=paid)
            changed = a_hold(state=hold_state, purpose=purpose, off_session=off_session)
            event = self.event(payment, changed, processing=processing)
            if event is not None:
                assert (state, event) in PAYMENTS


class TestUpkeep:
    def test_a_form_is_looked_at_less_and_less_often(self):
        pauses = [settling.look_at(a_hold(looks=looks), _H.NEEDS_ACTION, None, AT) for looks in (0, 1, 2, 5, 50)]
        assert [(pause - AT).total_seconds() for pause in pauses if pause] == [30, 60, 120, 960, 86_400]

    def test_a_hold_is_looked_at_when_it_should_have_lapsed_and_what_is_over_never(self):
        lapses = AT + timedelta(days=7)
        assert settling.look_at(a_hold(), _H.HELD, lapses, AT) == lapses + timedelta(minutes=1)
        assert settling.look_at(a_hold(), _H.HELD, AT - timedelta(days=1), AT) == AT + timedelta(seconds=30)
        for state in FINAL | {_H.CAPTURING, _H.UNKNOWN}:
            assert settling.look_at(a_hold(), state, lapses, AT) is None

    def test_a_hold_made_anew_replaces_the_one_that_lapses_too_early(self):
        early = a_hold(capture_before=AT + timedelta(hours=20))
        late = a_hold("hol_2")
        assert settling.outlasted(a_payment(), [early], AT) == []
        assert settling.outlasted(a_payment(), [early, late], AT) == [early]
        assert settling.outlasted(a_payment(), [late, a_hold("hol_3", 3000)], AT) == []

    @pytest.mark.parametrize("state", list(PaymentState))
    def test_who_is_asked_keeps_the_form_and_who_is_done_keeps_nothing(self, state: PaymentState):
        form, alone = a_hold(purpose=Purpose.CHARGE), a_hold(purpose=Purpose.CHARGE, off_session=True)
        asked = state in {_P.PENDING, _P.FAILED, _P.UNPAID}
        done = not asked and state not in {_P.DRAFT, _P.PROCESSING}
        assert settling.superfluous(form, state) is done
        for hold in (alone, a_hold()):
            assert settling.superfluous(hold, state) is (done or asked)
