"""An established flow: one SSRC on its way from a leg to the other, of which `Bridge.forward` has passed a packet.

A flow is the standing form of that decision, for a loop that passes thousands of packets on it: what else would be
asked anew for each stands ready, and what is counted is added up here first. It holds until the loop is told that one
of the two legs has changed. Caps are paid for afterwards, `SETTLE` packets late at the most; a leg that cannot pay has
no flows until it can again, and `Bridge.forward` decides on each of its packets.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sfu.drops import DropReason
from sfu.leg import Leg, Stream
from sfu.rtp import mid_element

# Of a leg's 4000 packets/s; every 250 ms it is asked for all the same.
SETTLE = 32


# By far more answers than there are kinds of browsers; 64 KB each.
@lru_cache(maxsize=64)
def _passing(accepts: bytes) -> bytes:
    # Version 2 is RFC 7983's range for RTP and RTCP, whatever the other six bits say. Then a type, with the marker bit
    # and without. No type from 64 to 95 is ever offered: with the bit, those are RTCP's.
    return bytes(128 * 256) + 64 * (2 * accepts) + bytes(64 * 256)


@dataclass(slots=True, eq=False)
class Flow:
    """See the module's text. `passes` says of a packet's first two bytes whether it is RTP of a type that was accepted.

    `receive`, `send` and `destination` are the shell's; `owners` keeps the memory alive that they point to. The rest
    is what has come in (`packets`, `octets`), gone out (`sent` bytes) and not gone out (`lost` packets).
    """

    leg: Leg
    peer: Leg
    stream: Stream
    receive: Any = None
    send: Any = None
    destination: Any = None
    owners: Any = None
    mid: bytes = field(init=False)
    passes: bytes = field(init=False)
    heard: float = 0.0
    packets: int = 0
    octets: int = 0
    sent: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self.mid = mid_element(self.stream.mid)
        self.passes = _passing(self.peer.accepts)

    def drop(self, reason: DropReason) -> None:
        """Note that a packet which was counted in goes no further."""
        self.lost += 1
        self.leg.dropped[reason] += 1

    def settle(self, now: float) -> bool:
        """Add what was counted here to both legs and the stream. Whether the leg's caps allow for more."""
        leg, peer, stream = self.leg, self.peer, self.stream
        packets, octets = self.packets, self.octets
        leg.last_heard = max(leg.last_heard, self.heard)
        leg.packets_in += packets
        leg.bytes_in += octets
        stream.packets += packets
        stream.bytes += octets
        peer.packets_out += packets - self.lost
        peer.bytes_out += self.sent
        self.packets = self.octets = self.sent = self.lost = 0
        paid = leg.packet_bucket.pay(packets, now)
        return leg.byte_bucket.pay(octets, now) and paid
