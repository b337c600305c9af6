"""What one side accepted narrows what the other is offered, and never breaks the offer."""

from sfu.answer import read_answer
from sfu.bridge import Bridge
from sfu.codecs import AUDIO_PAYLOAD_TYPES
from sfu.leg import Leg
from sfu.offer import Credentials, Endpoint, OfferParameters, write_offer
from tests.sfu.sdp import FINGERPRINT, write_answer


def offered_to(leg: Leg) -> str:
    parameters = OfferParameters(1, 1, leg.credentials, leg.offered_types, {}, 2_500_000)
    return write_offer(Endpoint(("192.0.2.1",), 40000, FINGERPRINT), parameters)


def opened(bridge: Bridge, name: str, seat: str) -> Leg:
    leg = Leg("call", name, seat, 2_500_000, 0.0, Credentials("u" + name, "p" * 22))
    bridge.open(leg, None, 0.0)
    return leg


def test_one_who_takes_no_video_leaves_the_other_an_offer_that_a_browser_can_read():
    bridge = Bridge("call")
    first = opened(bridge, "a", "practitioner")
    bridge.apply(first, 1, read_answer(write_answer().replace("m=video 9", "m=video 0")))
    second = opened(bridge, "b", "patient")
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 " in offered_to(second)
    bridge.apply(second, 1, read_answer(write_answer()))
    assert second.answered == second.negotiation


def test_one_without_retransmissions_can_call_one_who_has_them():
    bridge = Bridge("call")
    first = opened(bridge, "a", "practitioner")
    bridge.apply(first, 1, read_answer(write_answer(types=AUDIO_PAYLOAD_TYPES | {96, 98})))
    second = opened(bridge, "b", "patient")
    sections = [line.split()[3:] for line in offered_to(second).splitlines() if line.startswith("m=")]
    everything = frozenset(int(number) for section in sections for number in section)
    bridge.apply(second, 1, read_answer(write_answer(types=everything)))
    assert second.answered == second.negotiation
