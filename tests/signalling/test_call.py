"""The call's machine, alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.call import (
    PEER_LOST_AFTER,
    TRANSITIONS,
    WORKER_LOST_AFTER,
    Call,
    CallOver,
    CallState,
    EndReason,
    Place,
    SeatTaken,
)
from signalling.protocol import Peer, Sending
from store.ids import CallId, ConsultationId, LegId, Seat, SessionId

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CLOSES = AT + timedelta(hours=1)
SECOND = timedelta(seconds=1)


def place(holder: str, number: int = 1) -> Place:
    return Place(holder, SessionId(f"ses_{number}"), holder.title(), LegId(f"leg_{holder}_{number}"), AT)


def new_call() -> Call:
    return Call(CallId("cal_1"), ConsultationId("con_1"), AT)


def both_seated() -> Call:
    return new_call().take(Seat.PRACTITIONER, place("host"), AT).take(Seat.PATIENT, place("jean"), AT)


def live() -> Call:
    return both_seated().hear(Seat.PRACTITIONER, AT).hear(Seat.PATIENT, AT + SECOND)


def test_opens_connects_lives_is_interrupted_and_lives_again() -> None:
    call = new_call()
    assert call.state is CallState.OPEN
    assert both_seated().state is CallState.CONNECTING
    assert live().state is CallState.LIVE
    assert live().live_since == AT + SECOND
    interrupted = live().miss(Seat.PATIENT, AT + 2 * SECOND)
    assert interrupted.state is CallState.INTERRUPTED
    again = interrupted.hear(Seat.PATIENT, AT + 9 * SECOND)
    assert again.state is CallState.LIVE
    assert again.live_since == AT + SECOND


def test_a_patient_who_leaves_before_both_were_heard_leaves_it_open() -> None:
    assert both_seated().free(Seat.PATIENT, AT).state is CallState.OPEN


def test_a_patient_who_leaves_a_live_call_interrupts_it() -> None:
    assert live().free(Seat.PATIENT, AT).state is CallState.INTERRUPTED


def test_another_holder_is_refused_unless_the_seat_is_moved() -> None:
    with pytest.raises(SeatTaken):
        live().take(Seat.PATIENT, place("marie"), AT)
    moved = live().take(Seat.PATIENT, place("marie"), AT, moving=True)
    assert moved.patient is not None
    assert moved.patient.holder == "marie"
    assert moved.state is CallState.INTERRUPTED


def test_the_same_holder_takes_over_from_another_page() -> None:
    call = live().take(Seat.PATIENT, place("jean", 2), AT)
    assert call.patient is not None
    assert call.patient.session == "ses_2"
    assert not call.patient.connected


def test_peer_is_connected_only_while_both_sit_and_the_other_is_heard() -> None:
    alone = new_call().take(Seat.PATIENT, place("jean"), AT).hear(Seat.PATIENT, AT)
    assert alone.peer_of(Seat.PATIENT) == Peer(present=False, connected=False, name="", sending=Sending())
    assert not alone.peer_of(Seat.PRACTITIONER).connected
    assert both_seated().peer_of(Seat.PATIENT) == Peer(present=True, connected=False, name="Host", sending=Sending())
    assert live().peer_of(Seat.PATIENT).connected
    assert not live().miss(Seat.PRACTITIONER, AT).peer_of(Seat.PATIENT).connected
    assert live().say(Seat.PATIENT, Sending(screen=True), AT).peer_of(Seat.PRACTITIONER).sending.screen


def test_peer_lost_counts_from_the_moment_without_both_socket_and_media() -> None:
    call = live().detach(Seat.PATIENT, AT)
    assert call.verdict(AT + 2 * PEER_LOST_AFTER, CLOSES) is None
    call = call.miss(Seat.PATIENT, AT + SECOND)
    assert call.verdict(AT + PEER_LOST_AFTER, CLOSES) is None
    assert call.verdict(AT + SECOND + PEER_LOST_AFTER, CLOSES) == (EndReason.PEER_LOST, Seat.PATIENT)
    back = call.attach(Seat.PATIENT, AT + 5 * SECOND)
    assert back.verdict(AT + 2 * PEER_LOST_AFTER, CLOSES) is None


def test_never_joined_when_the_window_closes_on_one_alone() -> None:
    alone = new_call().take(Seat.PRACTITIONER, place("host"), AT)
    assert alone.verdict(CLOSES - SECOND, CLOSES) is None
    assert alone.verdict(CLOSES, CLOSES) == (EndReason.NEVER_JOINED, None)
    assert live().verdict(CLOSES, CLOSES) is None


def test_a_call_that_one_has_left_ends_when_the_window_closes() -> None:
    left = live().free(Seat.PATIENT, AT)
    assert left.verdict(CLOSES - SECOND, CLOSES) is None
    assert left.verdict(CLOSES, CLOSES) == (EndReason.NEVER_JOINED, None)


def test_worker_lost_when_one_who_is_here_gets_no_leg() -> None:
    call = live().lose_leg(Seat.PATIENT, AT)
    assert call.state is CallState.INTERRUPTED
    call = call.renew(Seat.PATIENT, LegId("leg_new"), 7, AT + 9 * SECOND)
    assert call.verdict(AT + WORKER_LOST_AFTER, CLOSES) == (EndReason.WORKER_LOST, None)
    assert call.gain_leg(Seat.PATIENT, AT).verdict(AT + WORKER_LOST_AFTER, CLOSES) is None
    assert call.detach(Seat.PATIENT, AT).verdict(AT + WORKER_LOST_AFTER, CLOSES) is None


def test_an_offer_is_fresh_until_one_was_handed_on() -> None:
    call = both_seated()
    assert call.patient is not None
    assert call.patient.fresh
    call = call.offer(Seat.PATIENT, 1, AT)
    assert call.patient is not None
    assert (call.patient.fresh, call.patient.pending) == (False, 1)
    call = call.answer(Seat.PATIENT, 1, AT)
    assert call.patient is not None
    assert (call.patient.answered, call.patient.pending) == (True, None)
    call = call.renew(Seat.PATIENT, LegId("leg_new"), 7, AT)
    assert call.patient is not None
    assert (call.patient.fresh, call.patient.answered, call.patient.leg) == (True, False, "leg_new")


def test_an_ended_call_takes_nothing_more() -> None:
    over = live().end(EndReason.HUNG_UP, AT)
    assert over.empty
    for change in (
        lambda: over.take(Seat.PATIENT, place("jean"), AT),
        lambda: over.free(Seat.PATIENT, AT),
        lambda: over.hear(Seat.PATIENT, AT),
        lambda: over.end(EndReason.PEER_LOST, AT),
    ):
        with pytest.raises(CallOver):
            change()


def test_no_transition_leaves_the_end_and_every_state_can_end() -> None:
    assert all(state is not CallState.ENDED for state, _ in TRANSITIONS)
    ends = {state for (state, _), after in TRANSITIONS.items() if after is CallState.ENDED}
    assert ends == set(CallState) - {CallState.ENDED}


SEATS = st.sampled_from(list(Seat))
HOLDERS = st.sampled_from(["host", "jean", "marie"])
CHANGES = st.one_of(
    st.tuples(st.just("take"), SEATS, HOLDERS, st.booleans()),
    st.tuples(st.sampled_from(["free", "attach", "detach", "hear", "miss", "lose_leg", "gain_leg", "renew"]), SEATS),
    st.tuples(st.just("end"), st.sampled_from(list(EndReason))),
)


def changed(call: Call, change: tuple, step: int) -> Call:
    at = AT + step * SECOND
    match change:
        case ("take", seat, holder, moving):
            return call.take(seat, replace(place(holder, step), leg=LegId(f"leg_{step}")), at, moving=moving)
        case ("renew", seat):
            return call.renew(seat, LegId(f"leg_{step}"), 0, at)
        case ("end", reason):
            return call.end(reason, at)
        case (name, seat):
            return getattr(call, name)(seat, at)
    raise AssertionError(change)


@settings(max_examples=500, deadline=None)
@given(st.lists(CHANGES, max_size=60))
def test_whatever_happens_there_are_two_seats_and_no_way_back_from_the_end(changes: list) -> None:
    call = new_call()
    for step, change in enumerate(changes):
        before = call
        try:
            call = changed(call, change, step)
        except (SeatTaken, CallOver):
            assert call is before
        if before.state is CallState.ENDED:
            assert call is before
            continue
        places = [held for seat in Seat if (held := call.place(seat)) is not None]
        assert len(places) <= 2
        assert before.live_since is None or call.live_since == before.live_since
        heard = len(places) == 2 and all(held.connected for held in places)
        if call.state is not CallState.ENDED:
            assert (call.state is CallState.LIVE) == heard
            assert (call.state is CallState.OPEN) == (call.live_since is None and len(places) < 2)
        for held in places:
            assert (held.silent_since is None) == (held.attached or held.connected)
