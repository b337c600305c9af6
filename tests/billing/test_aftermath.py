"""What becomes of a payment after it was paid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.aftermath import RECEIVED, DisputeState, Part, RefundState, dispute_seen, parts, refund_seen, settled
from billing.payment import FINAL, PaymentState
from billing.problems import NotRefundable, RefundTooLarge

S, D, R = PaymentState, DisputeState, RefundState


@pytest.mark.parametrize(
    ("refunded", "disputes", "state"),
    [
        (0, [], S.PAID),
        (1, [], S.PARTLY_REFUNDED),
        (100, [], S.REFUNDED),
        (0, [D.OPEN], S.DISPUTED),
        (0, [D.WON], S.WON),
        (0, [D.LOST], S.LOST),
        (30, [D.OPEN], S.DISPUTED),
        (30, [D.LOST], S.LOST),
        (30, [D.WON], S.WON),
        (0, [D.WON, D.OPEN], S.DISPUTED),
        (0, [D.LOST, D.OPEN], S.LOST),
        (100, [D.WON], S.REFUNDED),
    ],
)
def test_a_payments_state_follows_from_its_refunds_and_disputes(refunded, disputes, state):
    assert settled(S.PAID, 100, refunded, disputes) is state


# What can be learned, one piece after another; each piece is (refunded so far, disputes as they are).
STORIES = st.permutations(["refund", "first", "second"]).flatmap(
    lambda order: st.tuples(
        st.just(order),
        st.sampled_from([0, 40]),
        st.lists(st.sampled_from([D.WON, D.LOST]), min_size=2, max_size=2),
        st.lists(st.booleans(), min_size=2, max_size=2),
    )
)


@given(STORIES)
def test_invariant_5_the_order_of_the_news_does_not_matter(story):
    order, refund, outcomes, seen_open = story
    refunded, disputes, state = 0, {}, S.PAID
    for piece in order:
        if piece == "refund":
            refunded = refund
        else:
            which = ["first", "second"].index(piece)
            if seen_open[which]:
                disputes[piece] = D.OPEN
                state = settled(state, 100, refunded, disputes.values())
            disputes[piece] = outcomes[which]
        state = settled(state, 100, refunded, disputes.values())
    assert state is (S.LOST if D.LOST in outcomes else S.WON)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_states_never_go_back(state):
    for refunded in (0, 50, 100):
        for disputes in ([], [D.OPEN], [D.WON], [D.LOST]):
            assert settled(state, 100, refunded, disputes) is state


@given(st.sampled_from(sorted(RECEIVED)), st.sampled_from([0, 50, 100]), st.lists(st.sampled_from(list(D)), max_size=3))
def test_what_was_received_stays_received(state, refunded, disputes):
    assert settled(state, 100, refunded, disputes) in RECEIVED


@given(st.lists(st.sampled_from(["pending", "requires_action", "succeeded", "failed", "canceled"])))
def test_a_refund_that_came_to_nothing_stays_so(news):
    state = R.ASKED
    for status in news:
        after = refund_seen(state, status)
        if state in {R.FAILED, R.CANCELLED}:
            assert after is state
        if state is R.SUCCEEDED:
            assert after in {R.SUCCEEDED, R.FAILED}
        state = after


@given(st.lists(st.sampled_from(["needs_response", "under_review", "won", "lost", "warning_needs_response"])))
def test_a_dispute_that_is_decided_stays_so_whatever_comes_late(news):
    state = None
    for status in news:
        after = dispute_seen(state, status)
        assert state in {None, D.OPEN} or after is state
        state = after


@pytest.mark.parametrize(("status", "state"), [("lost", D.LOST), ("won", D.WON), ("warning_closed", D.WON)])
def test_a_dispute_may_arrive_already_decided(status, state):
    assert dispute_seen(None, status) is state


class TestParts:
    HOLDS = (Part("a", 30), Part("b", 70), Part("c", 0))

    def test_one_hold_is_touched_where_one_is_enough(self):
        assert parts(self.HOLDS, (), 60) == (Part("b", 60),)

    def test_a_larger_amount_comes_from_several(self):
        assert parts(self.HOLDS, (), 100) == (Part("b", 70), Part("a", 30))

    @given(st.lists(st.integers(0, 50), min_size=1, max_size=5), st.integers(1, 250))
    def test_invariant_2_never_more_than_was_taken_and_all_of_what_was_asked(self, amounts, asked):
        left = [Part(f"h{place}", amount) for place, amount in enumerate(amounts)]
        if sum(amounts) == 0:
            with pytest.raises(NotRefundable):
                parts(left, (), asked)
        elif asked > sum(amounts):
            with pytest.raises(RefundTooLarge):
                parts(left, (), asked)
        else:
            taken = parts(left, (), asked)
            assert sum(part.amount for part in taken) == asked
            assert all(0 < part.amount <= amounts[int(part.hold[1:])] for part in taken)

    @pytest.mark.parametrize("amount", [0, -1, 101])
    def test_an_amount_that_cannot_be_given_back_is_refused(self, amount):
        with pytest.raises(RefundTooLarge):
            parts(self.HOLDS, (), amount)

    @pytest.mark.parametrize("disputes", [(), (D.WON,), (D.WON, D.WON)])
    def test_what_was_captured_and_is_left_can_be_given_back(self, disputes):
        assert parts(self.HOLDS, disputes, 10) == (Part("b", 10),)
        with pytest.raises(NotRefundable):
            parts([Part("a", 0)], disputes, 10)

    @pytest.mark.parametrize("disputes", [(D.OPEN,), (D.LOST,), (D.WON, D.OPEN)])
    def test_what_is_disputed_cannot_be_given_back(self, disputes):
        with pytest.raises(NotRefundable):
            parts(self.HOLDS, disputes, 10)
