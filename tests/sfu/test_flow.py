"""Established flows: what they count, and that they pay for it."""

import pytest

from sfu.codecs import ALL_PAYLOAD_TYPES
from sfu.demux import is_rtcp
from sfu.drops import DropReason
from sfu.flow import Flow
from sfu.leg import Leg, Stream
from sfu.offer import Credentials


@pytest.fixture
def flow() -> Flow:
    leg, peer = (Leg("call", name, name, 2_500_000, 0.0, Credentials("u", "p")) for name in ("patient", "practitioner"))
    leg.peer, peer.peer = peer, leg
    peer.accepts = bytes(number in (96, 111) for number in range(128))
    return Flow(leg, peer, Stream(12, ord("1"), 90_000))


def count(flow: Flow, packets: int, octets: int = 100) -> None:
    flow.packets += packets
    flow.octets += packets * octets
    flow.sent += packets * (octets + 20)


def test_only_the_types_that_the_other_side_accepted_pass_with_the_marker_bit_or_without(flow):
    heads = [(first, second) for first in range(128, 192) for second in (96, 111, 128 + 96, 128 + 111)]
    assert [divmod(head, 256) for head in range(65536) if flow.passes[head]] == heads


def test_rtcp_never_looks_like_a_type_that_passes(flow):
    flow.peer.accepts = bytes(number in ALL_PAYLOAD_TYPES for number in range(128))
    passes = Flow(flow.leg, flow.peer, flow.stream).passes
    assert not any(passes[head] for head in range(65536) if is_rtcp(head & 255))


def test_settling_counts_once_for_both_legs_and_the_stream(flow):
    count(flow, 3)
    flow.heard = 7.0
    assert flow.settle(7.0)
    assert flow.settle(7.0)
    leg, peer, stream = flow.leg, flow.peer, flow.stream
    assert (leg.packets_in, leg.bytes_in, leg.last_heard) == (3, 300, 7.0)
    assert (stream.packets, stream.bytes) == (3, 300)
    assert (peer.packets_out, peer.bytes_out) == (3, 360)


def test_a_quiet_flow_does_not_make_its_leg_look_silent(flow):
    flow.leg.last_heard = 9.0
    flow.settle(10.0)
    assert flow.leg.last_heard == 9.0


def test_what_came_in_and_was_dropped_did_not_go_out(flow):
    flow.packets, flow.octets = 1, 100
    flow.drop(DropReason.MALFORMED)
    flow.settle(0.0)
    assert (flow.leg.packets_in, flow.peer.packets_out) == (1, 0)
    assert flow.leg.dropped == {DropReason.MALFORMED: 1}


def test_a_leg_that_has_used_up_its_cap_gets_no_more_and_pays_its_debt_first(flow):
    count(flow, 4_020)
    assert not flow.settle(0.0)
    assert not flow.leg.packet_bucket.take(1, 0.004)
    assert flow.leg.packet_bucket.take(1, 0.006)


def test_bytes_are_capped_too(flow):
    count(flow, 1_000, 1_500)
    assert not flow.settle(0.0)
