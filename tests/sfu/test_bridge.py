"""The bridge with virtual time and no sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.answer import read_answer
from sfu.bridge import BothWereHeard, Bridge, OfferDue, SendRtcp, StartHandshake, StateChanged
from sfu.codecs import ALL_PAYLOAD_TYPES
from sfu.drops import DropReason
from sfu.engine import BadAnswer, BridgeFull, StaleAnswer
from sfu.leg import Leg
from sfu.offer import Credentials, RemoteStream
from sfu.states import TRANSITIONS, CloseReason, InvalidTransition, LegEvent, LegState
from tests.sfu.packets import rtp
from tests.sfu.sdp import write_answer

A_STREAMS = {"0": (11, None), "1": (12, 13)}
B_STREAMS = {"0": (21, None), "1": (22, 23)}


def make_leg(name: str, seat: str, now: float = 0.0) -> Leg:
    return Leg("call", name, seat, 2_500_000, now, Credentials("u" + name, "p" * 22))


def answer(streams=None, types=None):
    return read_answer(write_answer(streams=streams, types=types))


def joined(now: float = 0.0) -> tuple[Bridge, Leg, Leg]:
    """Both sides connected, every offer answered."""
    bridge = Bridge("call")
    a, b = make_leg("a", "practitioner", now), make_leg("b", "patient", now)
    bridge.open(a, None, now)
    bridge.open(b, None, now)
    bridge.apply(a, a.negotiation, answer(A_STREAMS))
    bridge.apply(b, b.negotiation, answer(B_STREAMS))
    for leg, streams in ((a, A_STREAMS), (b, B_STREAMS)):
        if leg.answered != leg.negotiation:
            bridge.apply(leg, leg.negotiation, answer(streams))
        bridge.secured(leg, now)
    bridge.take()
    return bridge, a, b


def offers(outputs) -> list[str]:
    return [output.leg.id for output in outputs if isinstance(output, OfferDue)]


def test_dat_12_a_third_leg_is_refused_and_changes_nothing():
    bridge, a, b = joined()
    with pytest.raises(BridgeFull):
        bridge.open(make_leg("c", "patient"), None, 1.0)
    assert bridge.legs == [a, b]
    assert bridge.take() == []


def test_a_second_leg_for_the_same_seat_is_refused_while_the_other_seat_is_free():
    bridge = Bridge("call")
    bridge.open(make_leg("a", "patient"), None, 0.0)
    with pytest.raises(BridgeFull):
        bridge.open(make_leg("b", "patient"), None, 0.0)


def test_a_replaced_leg_closes_in_the_same_step_and_the_new_one_hears_of_the_stayer():
    bridge, a, b = joined()
    again = make_leg("a2", "practitioner", 1.0)
    bridge.open(again, "a", 1.0)
    outputs = bridge.take()
    assert any(isinstance(o, StateChanged) and o.leg is a and o.reason is CloseReason.REPLACED for o in outputs)
    assert offers(outputs) == ["a2"]
    assert again.offered_streams["1"] == (RemoteStream(22, 23),)
    assert again.peer is b
    assert b.peer is again


def test_the_one_who_stays_is_offered_the_new_streams_and_asked_for_a_key_frame():
    bridge, _, b = joined()
    again = make_leg("a2", "practitioner", 1.0)
    bridge.open(again, "a", 1.0)
    bridge.take()
    bridge.apply(again, again.negotiation, answer({"0": (31, None), "1": (32, 33)}))
    outputs = bridge.take()
    assert offers(outputs) == ["b"]
    assert b.offered_streams["1"] == (RemoteStream(32, 33),)
    assert any(isinstance(o, StartHandshake) and o.leg is again for o in outputs)
    assert any(isinstance(o, SendRtcp) and o.leg is b for o in outputs)


def test_an_outstanding_offer_is_awaited_and_then_the_newest_state_is_offered_once():
    bridge, _, b = joined()
    for round_ in range(3):
        again = make_leg(f"a{round_}", "practitioner", 1.0)
        bridge.open(again, bridge.legs[-1].id if round_ else "a", 1.0)
        bridge.apply(again, again.negotiation, answer({"1": (100 + round_, 200 + round_)}))
    assert offers(bridge.take()).count("b") == 1
    bridge.apply(b, b.negotiation, answer(B_STREAMS))
    assert offers(bridge.take()) == ["b"]
    assert b.offered_streams["1"] == (RemoteStream(102, 202),)


def test_a_codec_that_one_side_lacks_is_offered_away_from_the_other():
    bridge = Bridge("call")
    a, b = make_leg("a", "practitioner"), make_leg("b", "patient")
    bridge.open(a, None, 0.0)
    bridge.apply(a, 1, answer(A_STREAMS))
    bridge.open(b, None, 0.0)
    bridge.take()
    without_h264 = ALL_PAYLOAD_TYPES - {102, 103}
    bridge.apply(b, 1, answer(B_STREAMS, without_h264))
    assert offers(bridge.take()) == ["a"]
    assert a.offered_types == without_h264


def test_a_codec_that_the_other_side_did_not_accept_is_never_forwarded():
    bridge, a, b = joined()
    bridge.restart(b)
    bridge.apply(b, b.negotiation, answer(B_STREAMS, ALL_PAYLOAD_TYPES - {102, 103}))
    packet = memoryview(rtp(ssrc=12, payload_type=102))
    assert bridge.forward(a, packet, 1.0) is DropReason.CODEC


def test_an_answer_to_an_older_offer_is_stale():
    bridge, a, _ = joined()
    with pytest.raises(StaleAnswer):
        bridge.apply(a, a.negotiation - 1, answer(A_STREAMS))


def test_an_answer_with_another_certificate_is_refused():
    bridge, a, _ = joined()
    bridge.restart(a)
    other = read_answer(write_answer(fingerprint=":".join(["CD"] * 32)))
    with pytest.raises(BadAnswer):
        bridge.apply(a, a.negotiation, other)


def test_both_sides_are_asked_for_a_key_frame_when_one_connects():
    bridge, a, b = joined()
    again = make_leg("b2", "patient")
    bridge.open(again, "b", 1.0)
    bridge.apply(again, 1, answer(B_STREAMS))
    bridge.take()
    bridge.secured(again, 1.0)
    asked = {output.leg.id for output in bridge.take() if isinstance(output, SendRtcp)}
    assert asked == {"a", "b2"}
    assert b.state is LegState.CLOSED
    assert a.peer is again


def test_packets_pass_with_the_mid_of_their_stream():
    bridge, a, _ = joined()
    growth, header = bridge.forward(a, memoryview(rtp(ssrc=12, payload_type=96)), 1.0)
    assert growth == 8
    assert header.endswith(b"\x40\x31\x00\x00")


def test_a_stream_that_nobody_announced_needs_a_mid_or_an_audio_type():
    bridge, a, _ = joined()
    assert bridge.forward(a, memoryview(rtp(ssrc=99, payload_type=96)), 1.0) is DropReason.UNKNOWN_STREAM
    assert bridge.forward(a, memoryview(rtp(ssrc=98, payload_type=111)), 1.0) == (
        8,
        memoryview(b"\x90" + rtp(ssrc=98)[1:12] + b"\xbe\xde\x00\x01\x40\x30\x00\x00"),
    )
    assert bridge.forward(a, memoryview(rtp(ssrc=97, payload_type=96, extension=b"\x40\x32\x00\x00")), 1.0) is None
    growth, header = bridge.forward(a, memoryview(rtp(ssrc=97, payload_type=96)), 1.0)
    assert growth == 8
    assert header[-3:-2] == b"2"


def test_a_sender_of_ever_new_streams_is_stopped():
    bridge, a, _ = joined()
    for ssrc in range(1000, 1100):
        bridge.forward(a, memoryview(rtp(ssrc=ssrc)), 1.0)
    assert len(a.streams) <= 16


def test_media_for_nobody_is_dropped_by_name():
    bridge, a, b = joined()
    bridge.close(b, CloseReason.HANGUP)
    assert bridge.forward(a, memoryview(rtp(ssrc=11)), 1.0) is DropReason.PEER_ABSENT


def test_a_flood_is_capped_and_the_cap_refills():
    bridge, a, _ = joined()
    packet = memoryview(rtp(ssrc=11))
    passed = sum(not isinstance(bridge.forward(a, packet, 0.0), DropReason) for _ in range(10_000))
    assert passed == 4_000
    assert bridge.forward(a, packet, 0.0) is DropReason.OVER_CAP
    assert not isinstance(bridge.forward(a, packet, 0.5), DropReason)


def test_silence_of_three_seconds_is_a_lost_leg_and_a_packet_brings_it_back():
    bridge, a, b = joined()
    for second in range(1, 5):
        bridge.bound(b, float(second))
        bridge.tick(float(second))
    changes = [(o.leg.id, o.state, o.last_heard) for o in bridge.take() if isinstance(o, StateChanged)]
    assert changes == [("a", LegState.LOST, 0.0)]
    bridge.forward(a, memoryview(rtp(ssrc=11)), 5.0)
    bridge.tick(5.1)
    changes = [(o.leg.id, o.state) for o in bridge.take() if isinstance(o, StateChanged)]
    assert changes == [("a", LegState.CONNECTED)]


def test_both_alive_is_said_every_five_seconds_and_only_while_both_were_heard():
    bridge, a, b = joined(100.0)
    said = []
    for tenth in range(1000, 1400):
        now = tenth / 10
        if now < 112:
            bridge.bound(a, now)
        bridge.bound(b, now)
        bridge.tick(now)
        said += [now for output in bridge.take() if isinstance(output, BothWereHeard)]
    assert said == [100.0, 105.0, 110.0]


def test_of_the_time_in_which_nobody_looked_nothing_is_said_to_have_been_heard():
    bridge, a, b = joined(100.0)
    for second in (101.0, 102.0, 130.0, 130.25):
        # After a standstill what had piled up is read before anybody looks.
        for leg in (a, b):
            bridge.bound(leg, second)
        bridge.tick(second)
    told = [output for output in bridge.take() if isinstance(output, StateChanged | BothWereHeard)]
    changes = [(one.leg.id, one.state, one.last_heard) for one in told if isinstance(one, StateChanged)]
    lost, connected = LegState.LOST, LegState.CONNECTED
    assert changes == [("a", lost, 102.0), ("b", lost, 102.0), ("a", connected, 130.25), ("b", connected, 130.25)]
    assert [one.heard for one in told if isinstance(one, BothWereHeard)] == [101.0, 130.25]


def test_without_consent_for_thirty_seconds_the_leg_is_closed_and_nothing_is_sent_to_it():
    bridge, a, b = joined()
    for second in range(1, 32):
        bridge.forward(a, memoryview(rtp(ssrc=11)), float(second))  # SRTP alone is no consent (RFC 7675)
        bridge.bound(b, float(second))
        bridge.tick(float(second))
    assert a.state is LegState.CLOSED
    assert a.reason is CloseReason.CONSENT
    assert not a.sendable
    assert bridge.forward(b, memoryview(rtp(ssrc=21)), 32.0) is DropReason.PEER_ABSENT


def test_an_offer_that_nobody_answers_is_given_up():
    bridge = Bridge("call")
    leg = make_leg("a", "patient")
    bridge.open(leg, None, 0.0)
    bridge.tick(61.0)
    assert leg.reason is CloseReason.HANDSHAKE
    assert bridge.legs == []


@pytest.mark.parametrize("event", list(LegEvent))
def test_nothing_moves_a_closed_leg(event):
    leg = make_leg("a", "patient")
    leg.move(LegEvent.CLOSE)
    with pytest.raises(InvalidTransition):
        leg.move(event)


def test_from_every_open_state_a_leg_can_be_closed():
    for state in set(LegState) - {LegState.CLOSED}:
        assert TRANSITIONS[state, LegEvent.CLOSE] is LegState.CLOSED


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["open", "close", "replace"])), max_size=40))
def test_whatever_the_order_of_comings_and_goings_there_are_never_more_than_two_legs(steps):
    bridge = Bridge("call")
    alive: dict[str, Leg] = {}
    for number, (name, step) in enumerate(steps):
        seat = "patient" if name in "abc" else "practitioner"
        leg = make_leg(f"{name}{number}", seat, float(number))
        try:
            if step == "close" and alive:
                bridge.close(alive.pop(next(iter(alive))), CloseReason.COMMAND)
            else:
                replaced = next((old for old in alive if alive[old].seat == seat), None) if step == "replace" else None
                bridge.open(leg, replaced, float(number))
                alive.pop(replaced or "", None)
                alive[leg.id] = leg
        except BridgeFull:
            pass
        assert {leg.id for leg in bridge.legs} == set(alive)
        assert len(bridge.legs) <= 2
        assert len({leg.seat for leg in bridge.legs}) == len(bridge.legs)
        for one in bridge.legs:
            assert one.peer is None or one.peer.peer is one
