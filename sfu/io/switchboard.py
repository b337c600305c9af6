"""A worker's bridges and the addresses that lead to them: carries out commands, STUN, DTLS and what bridges ask for."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sfu.answer import read_answer
from sfu.bridge import BothWereHeard, Bridge, OfferDue, Output, SendRtcp, StartHandshake, StateChanged
from sfu.control import BothHeard, Event, LegStateChanged, MeterChanged, OfferMade, OpenLeg
from sfu.drops import DropReason
from sfu.engine import BridgeFull, UnknownLeg
from sfu.io.connectivity import Connectivity
from sfu.io.dtls import Certificate, Handshake, Keys
from sfu.io.loop import PacketLoop, Route
from sfu.io.paths import Path
from sfu.leg import Leg
from sfu.offer import Credentials, Endpoint, OfferParameters, write_offer
from sfu.states import CloseReason, LegState

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Line:
    """The shell's side of one leg."""

    leg: Leg
    bridge: Bridge
    session: int
    handshake: Handshake | None = None
    offer: OfferMade | None = None


class Switchboard:
    """See the module's text. `emit` takes events for the control side; `wall` gives UTC seconds for their record."""

    def __init__(
        self,
        endpoint: Endpoint,
        certificate: Certificate,
        clock: Callable[[], float],
        wall: Callable[[], float],
        emit: Callable[[Event], None],
    ) -> None:
        self._endpoint = endpoint
        self._certificate = certificate
        self._clock = clock
        self._wall = wall
        self._emit = emit
        self._bridges: dict[str, Bridge] = {}
        self._seq = 0
        self.closed_in = self.closed_out = 0
        self._lines: dict[str, _Line] = {}
        self._connectivity = Connectivity()

    @property
    def loop(self) -> PacketLoop:
        """The packet loop, which is made after the switchboard it hands up to."""
        return self._connectivity.loop

    @loop.setter
    def loop(self, loop: PacketLoop) -> None:
        self._connectivity.loop = loop

    # -- commands --------------------------------------------------------------------------------------------

    def open_leg(self, command: OpenLeg) -> None:
        """Make a leg; its first offer is emitted. Raises `BridgeFull`."""
        now = self._clock()
        if command.leg in self._lines:
            raise BridgeFull
        bridge = self._bridges.setdefault(command.call, Bridge(command.call))
        credentials = Credentials(secrets.token_hex(8), secrets.token_hex(16))
        leg = Leg(command.call, command.leg, command.seat, command.max_bitrate, now, credentials)
        line = _Line(leg, bridge, secrets.randbits(62))
        bridge.open(leg, command.replaces, now)
        line.handshake = Handshake(
            self._certificate,
            send=lambda data: leg.path.send(data) if leg.path is not None else False,
            secured=lambda keys: self._secured(line, keys),
            closed=lambda hung_up: self._handshake_closed(line, hung_up),
        )
        self._lines[leg.id] = line
        self._connectivity.join(leg, bridge, now)
        self._carry_out(bridge)
        self._update(bridge)

    def answer(self, leg_id: str, negotiation: int, sdp: str) -> None:
        """Apply an answer. Raises `UnknownLeg`, `BadAnswer`, `StaleAnswer`."""
        line = self._line(leg_id)
        line.bridge.apply(line.leg, negotiation, read_answer(sdp))
        self.loop.update(line.leg)
        self._carry_out(line.bridge)

    def restart_ice(self, leg_id: str) -> None:
        """Offer new ICE credentials; the old ones hold until the new ones have been used. Raises `UnknownLeg`."""
        line = self._line(leg_id)
        self._connectivity.restart(line.leg, Credentials(secrets.token_hex(8), secrets.token_hex(16)))
        line.bridge.restart(line.leg)
        self._carry_out(line.bridge)

    def reoffer(self, leg_id: str) -> None:
        """Emit the newest offer again. Raises `UnknownLeg`."""
        offer = self._line(leg_id).offer
        if offer is not None:
            self._emit(offer)

    def close_leg(self, leg_id: str, reason: CloseReason = CloseReason.COMMAND) -> None:
        """End a leg; an unknown one is closed already."""
        line = self._lines.get(leg_id)
        if line is not None:
            self.loop.settle(line.leg)
            line.bridge.close(line.leg, reason)
            self._carry_out(line.bridge)

    def close_call(self, call: str) -> None:
        """End both legs of a call."""
        bridge = self._bridges.get(call)
        for leg in list(bridge.legs) if bridge else []:
            self.close_leg(leg.id)

    def change_meter(self, call: str, *, paused: bool) -> None:
        """Stamp that the call's meter was stopped or goes on; nothing for a call that is not here.

        Until when both were heard is said before, so that the seconds already shown stay.
        """
        bridge = self._bridges.get(call)
        if bridge is None:
            return
        for leg in bridge.legs:
            self.loop.settle(leg)
        bridge.say_both_alive(self._clock())
        self._carry_out(bridge)
        seq, monotonic_ms, at = self._stamp()
        self._emit(MeterChanged(call, paused, seq, monotonic_ms, at))

    def close(self) -> None:
        """End every call, saying goodbye to each browser."""
        for call in list(self._bridges):
            self.close_call(call)

    def legs(self) -> list[Leg]:
        """Return the open legs."""
        return [line.leg for line in self._lines.values()]

    def tick(self, now: float) -> None:
        """Let every bridge notice what time has changed."""
        self.loop.collect()
        for bridge in list(self._bridges.values()):
            try:
                bridge.tick(now)
                self._carry_out(bridge)
            except Exception:
                # A bug that shows in one call must not end the others.
                log.exception("tick", call=bridge.call)

    def forget_strangers(self) -> None:
        """Let the allowances of unauthenticated addresses start over."""
        self._connectivity.forget_strangers()

    def _line(self, leg_id: str) -> _Line:
        try:
            return self._lines[leg_id]
        except KeyError:
            raise UnknownLeg(leg_id) from None

    # -- from the packet loop ----------------------------------------------------------------------------------

    def stun(self, datagram: bytes, path: Path, now: float) -> DropReason | None:
        """Handle a connectivity check."""
        return self._connectivity.check(datagram, path, now)

    def dtls(self, datagram: bytes, route: Route, now: float) -> DropReason | None:
        """Hand a datagram to the leg's handshake, which queues it until the answer is known."""
        del now
        line = self._lines.get(route.leg.id)
        if line is None or line.handshake is None or not line.handshake.feed(datagram):
            return DropReason.HANDSHAKE_QUEUE
        return None

    # -- from the handshake ------------------------------------------------------------------------------------

    def _secured(self, line: _Line, keys: Keys) -> None:
        if line.leg.state is LegState.CLOSED:
            return
        line.leg.keys = keys
        line.bridge.secured(line.leg, self._clock())
        self._carry_out(line.bridge)

    def _handshake_closed(self, line: _Line, hung_up: bool) -> None:
        line.bridge.close(line.leg, CloseReason.HANGUP if hung_up else CloseReason.HANDSHAKE)
        self._carry_out(line.bridge)

    # -- what bridges ask for ----------------------------------------------------------------------------------

    def _carry_out(self, bridge: Bridge) -> None:
        for output in bridge.take():
            self._do(bridge, output)

    def _update(self, bridge: Bridge) -> None:
        """Tell the packet loop that legs came, went or got keys: what it does with a packet depends on both of them."""
        for leg in bridge.legs:
            self.loop.update(leg)

    def _do(self, bridge: Bridge, output: Output) -> None:
        match output:
            case OfferDue(leg):
                self._offer(leg)
            case StartHandshake(leg, answer):
                handshake = self._lines[leg.id].handshake
                if handshake is not None:
                    handshake.start(answer.fingerprints)
            case SendRtcp(leg, packets):
                for packet in packets:
                    self.loop.send_rtcp(leg, packet)
            case StateChanged(leg, state, reason, last_heard):
                self._say(leg, state, reason, last_heard)
                if state is LegState.CLOSED:
                    self._hang_up(bridge, self._lines.pop(leg.id))
                self._update(bridge)
            case BothWereHeard(heard):
                self._emit(BothHeard(bridge.call, *self._stamp(), heard_ms=int(heard * 1000)))

    def _offer(self, leg: Leg) -> None:
        line = self._lines.get(leg.id)
        if line is None:
            return
        parameters = OfferParameters(
            session=line.session,
            negotiation=leg.negotiation,
            credentials=leg.credentials,
            payload_types=leg.offered_types,
            streams=leg.offered_streams,
            max_bitrate=leg.offered_cap,
        )
        line.offer = OfferMade(leg.call, leg.id, leg.negotiation, write_offer(self._endpoint, parameters))
        self._emit(line.offer)

    def _say(self, leg: Leg, state: LegState, reason: CloseReason | None, last_heard: float) -> None:
        seq, monotonic_ms, at = self._stamp()
        log.info("leg", call=leg.call, leg=leg.id, state=state.value, reason=reason.value if reason else "")
        self._emit(
            LegStateChanged(
                call=leg.call,
                leg=leg.id,
                seat=leg.seat,
                state=state.value,
                reason=reason.value if reason else "",
                seq=seq,
                monotonic_ms=monotonic_ms,
                at=at,
                last_heard_ms=int(last_heard * 1000),
            )
        )

    def _stamp(self) -> tuple[int, int, float]:
        self._seq += 1
        return self._seq, int(self._clock() * 1000), self._wall()

    def _hang_up(self, bridge: Bridge, line: _Line) -> None:
        if not bridge.legs:
            self._bridges.pop(bridge.call, None)
        paths = self._connectivity.leave(line.leg)
        self.loop.forget(line.leg)
        self.closed_in += line.leg.packets_in
        self.closed_out += line.leg.packets_out
        if line.handshake is not None:
            line.handshake.stop()
        for path in paths:
            path.close()
        line.leg.keys = None
