"""The two legs of a call: who hears whom, when offers are due, who fell silent.

Contract: feed it (`open`, `apply`, `secured`, `bound`, `forward`, `relay`, `tick`, `close`), then `take()` its
outputs and carry them out. It reads no clock and owns no socket. Times are monotonic seconds.
"""

from dataclasses import dataclass, field
from math import inf

from sfu import rtcp, rtp
from sfu.answer import Answer
from sfu.codecs import ALL_PAYLOAD_TYPES, CAMERA, SCREEN, offerable_types
from sfu.consent import ALIVE, BOTH_ALIVE_PERIOD, CONSENT, SETUP
from sfu.drops import DropReason
from sfu.engine import BadAnswer, BridgeFull, StaleAnswer
from sfu.leg import Leg
from sfu.offer import RemoteStream
from sfu.quality import read_reports
from sfu.states import CloseReason, LegEvent, LegState


@dataclass(frozen=True, slots=True)
class OfferDue:
    """Write an offer for this leg and send it."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class StartHandshake:
    """The first answer is there: its fingerprints are known, DTLS may begin."""

    leg: Leg
    answer: Answer


@dataclass(frozen=True, slots=True)
class SendRtcp:
    """Protect and send these RTCP packets, which the SFU wrote itself, to the leg."""

    leg: Leg
    packets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A leg connected, was lost, or closed. `last_heard` in monotonic seconds."""

    leg: Leg
    state: LegState
    reason: CloseReason | None
    last_heard: float


@dataclass(frozen=True, slots=True)
class BothWereHeard:
    """Both legs were heard within the last 3 s, the less recent one at `heard` (monotonic seconds)."""

    heard: float


Output = OfferDue | StartHandshake | SendRtcp | StateChanged | BothWereHeard
Streams = dict[str, tuple[RemoteStream, ...]]


@dataclass(slots=True)
class Bridge:
    """See the module's text. Never more than two legs, one per seat, whatever races."""

    call: str
    legs: list[Leg] = field(default_factory=list)
    _outputs: list[Output] = field(default_factory=list)
    _both_said_at: float = 0.0
    _ticked_at: float = inf

    def take(self) -> list[Output]:
        """Return what is to be done now, in order, and forget it."""
        outputs, self._outputs = self._outputs, []
        return outputs

    # -- legs come and go ------------------------------------------------------------------------------------

    def open(self, leg: Leg, replaces: str | None, now: float) -> None:
        """Add a leg; the one it replaces is closed in the same step. Raises `BridgeFull` and changes nothing."""
        staying = [other for other in self.legs if other.id != replaces]
        if len(staying) > 1 or any(other.seat == leg.seat or other.id == leg.id for other in staying):
            raise BridgeFull
        for other in self.legs:
            if other.id == replaces:
                self.close(other, CloseReason.REPLACED)
                break
        if self.legs:
            leg.peer, self.legs[0].peer = self.legs[0], leg
        self.legs.append(leg)
        leg.last_heard = leg.last_binding = now
        self._offer(leg)

    def close(self, leg: Leg, reason: CloseReason) -> None:
        """End a leg; closing a closed one does nothing."""
        if leg.state is LegState.CLOSED:
            return
        leg.move(LegEvent.CLOSE)
        leg.reason = reason
        leg.sendable = False
        self.legs.remove(leg)
        if leg.peer is not None:
            leg.peer.peer = None
            leg.peer = None
        self._outputs.append(StateChanged(leg, leg.state, reason, leg.last_heard))

    # -- negotiation -----------------------------------------------------------------------------------------

    def apply(self, leg: Leg, negotiation: int, answer: Answer) -> None:
        """Take the answer to the newest offer. Raises `StaleAnswer`, or `BadAnswer` when DTLS would change hands."""
        if negotiation != leg.negotiation:
            raise StaleAnswer
        if not answer.payload_types <= leg.offered_types:
            raise BadAnswer("payload types that were not offered")
        if leg.answer is not None and answer.fingerprints != leg.answer.fingerprints:
            raise BadAnswer("another certificate within one transport")
        first = leg.answer is None
        leg.answered = negotiation
        leg.take_answer(answer)
        leg.move(LegEvent.ANSWERED)
        if first:
            self._outputs.append(StartHandshake(leg, answer))
        if leg.peer is not None:
            self._agree(leg.peer)
            self._ask_for_picture(leg.peer)
        self._agree(leg)

    def restart(self, leg: Leg) -> None:
        """Offer again at once, whatever is outstanding: the shell has given the leg new ICE credentials."""
        self._offer(leg)

    def wanted_types(self, leg: Leg) -> frozenset[int]:
        """Return the payload types to offer: all, or section by section those that the other side has accepted."""
        if leg.peer is None or leg.peer.answer is None:
            return ALL_PAYLOAD_TYPES
        return offerable_types(leg.peer.answer.payload_types)

    def wanted_streams(self, leg: Leg) -> Streams:
        """Return what the other side sends, by MID; empty while nobody is there."""
        if leg.peer is None or leg.peer.answer is None:
            return {}
        return leg.peer.answer.streams

    def _agree(self, leg: Leg) -> None:
        """Offer again when the leg's offer no longer fits the other side; one that is outstanding is awaited first."""
        if leg.answered == leg.negotiation and not self._fits(leg):
            self._offer(leg)

    def _fits(self, leg: Leg) -> bool:
        """Whether the leg knows its cap and the other's streams, was offered all that can flow, and took no more."""
        types = self.wanted_types(leg)
        accepted = frozenset() if leg.answer is None else leg.answer.payload_types
        known = leg.offered_streams == self.wanted_streams(leg) and leg.offered_cap == leg.storm.cap
        return known and accepted <= types <= leg.offered_types

    def _offer(self, leg: Leg) -> None:
        leg.negotiation += 1
        leg.offered_types = self.wanted_types(leg)
        leg.offered_streams = self.wanted_streams(leg)
        leg.offered_cap = leg.storm.cap
        self._outputs.append(OfferDue(leg))

    # -- media -----------------------------------------------------------------------------------------------

    def secured(self, leg: Leg, now: float) -> None:
        """DTLS has finished: media may flow, and both sides are asked for a key frame."""
        leg.move(LegEvent.SECURED)
        leg.last_heard = now
        leg.sendable = True
        self._outputs.append(StateChanged(leg, leg.state, None, now))
        if leg.peer is not None:
            self._ask_for_picture(leg)
            self._ask_for_picture(leg.peer)

    def bound(self, leg: Leg, now: float) -> None:
        """Note an authenticated binding request: the other end still wants our packets (RFC 7675)."""
        leg.last_heard = leg.last_binding = now

    def forward(self, leg: Leg, packet: memoryview, now: float) -> tuple[int, bytes] | DropReason | None:
        """Decide on an authenticated RTP packet: None passes it, a tuple gives growth and new header, else a drop.

        Raises `rtp.BadRtp` for what is no RTP packet.
        """
        leg.last_heard = now
        size = len(packet)
        leg.packets_in += 1
        leg.bytes_in += size
        peer = leg.peer
        if peer is None or not peer.sendable:
            return DropReason.PEER_ABSENT
        if not peer.accepts[packet[1] & 0x7F]:
            return DropReason.CODEC
        if not (leg.packet_bucket.take(1, now) and leg.byte_bucket.take(size, now)):
            return DropReason.OVER_CAP
        stream = leg.streams.get(bytes(packet[8:12])) or leg.learn_stream(packet)
        if stream is None:
            return DropReason.UNKNOWN_STREAM
        stream.packets += 1
        stream.bytes += size
        return rtp.add_mid(packet, stream.mid)

    def relay(self, leg: Leg, packet: bytes, now: float) -> bytes | DropReason:
        """Decide on an authenticated RTCP packet: the bytes to pass on (the same, but for capped NACKs), or a drop.

        Raises `rtcp.BadRtcp`.
        """
        leg.last_heard = now
        leg.packets_in += 1
        leg.bytes_in += len(packet)
        nacks = rtcp.count_nacks(packet)
        peer = leg.peer
        if peer is None or not peer.sendable:
            return DropReason.PEER_ABSENT
        read_reports(leg, peer, packet, now)
        if not leg.packet_bucket.take(1, now):
            return DropReason.OVER_CAP
        if nacks and not leg.nack_bucket.take(nacks, now):
            return rtcp.without_nacks(packet) or DropReason.NACK_CAP
        return packet

    def _ask_for_picture(self, leg: Leg) -> None:
        """Ask the sender on `leg` for key frames of what it announced as video."""
        if not leg.sendable or leg.answer is None:
            return
        announced = (stream for mid in (CAMERA.mid, SCREEN.mid) for stream in leg.answer.streams.get(mid, ()))
        packets = tuple(rtcp.picture_loss_indication(stream.ssrc) for stream in announced)
        if packets:
            self._outputs.append(SendRtcp(leg, packets))

    # -- time ------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Notice silence, lost consent and unfinished set-ups; say that both are alive. Every 250 ms or so.

        Who cannot look for longer than silence takes knows nothing of that time: both were lost until now.
        """
        stood_still = now - self._ticked_at > ALIVE
        self._ticked_at = now
        for leg in list(self.legs):
            silent = now - leg.last_heard
            known, leg.known_heard = leg.known_heard, leg.last_heard
            if leg.state in (LegState.OFFERED, LegState.CONNECTING):
                if now - leg.opened_at > SETUP:
                    self.close(leg, CloseReason.HANDSHAKE)
            elif now - leg.last_binding > CONSENT:
                self.close(leg, CloseReason.CONSENT)
            elif leg.state is LegState.CONNECTED and (silent > ALIVE or stood_still):
                leg.move(LegEvent.SILENT)
                self._outputs.append(StateChanged(leg, leg.state, None, known if stood_still else leg.last_heard))
            elif leg.state is LegState.LOST and silent <= ALIVE:
                leg.move(LegEvent.HEARD)
                self._outputs.append(StateChanged(leg, leg.state, None, leg.last_heard))
                if leg.peer is not None:
                    self._ask_for_picture(leg.peer)
            if leg.offered_cap != leg.storm.cap:
                self._agree(leg)
        if now - self._both_said_at >= BOTH_ALIVE_PERIOD:
            self.say_both_alive(now)

    def say_both_alive(self, now: float) -> None:
        """Say until when both have been heard, if both are connected: at least before what ends the billable time."""
        if len(self.legs) == 2 and all(leg.state is LegState.CONNECTED for leg in self.legs):
            self._both_said_at = now
            self._outputs.append(BothWereHeard(min(leg.last_heard for leg in self.legs)))
