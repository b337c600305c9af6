"""A worker's events in the words of `sfu.engine` and `store.facts`."""

from datetime import UTC, datetime

from sfu.control import BothHeard, Event, LegStateChanged, OfferMade
from sfu.engine import EngineEvent, LegClosed, OfferReady
from sfu.states import LegState
from store.facts import BothAlive, LegConnected, LegLost, Stamp
from store.ids import CallId, LegId, Seat


def engine_events(boot: str, event: Event) -> list[EngineEvent]:
    """Return what an event of the worker process `boot` means, in order."""
    call = CallId(event.call)
    if isinstance(event, OfferMade):
        return [OfferReady(call, LegId(event.leg), event.negotiation, event.sdp)]
    stamp = Stamp(boot, event.seq, event.monotonic_ms, datetime.fromtimestamp(event.at, UTC))
    if isinstance(event, BothHeard):
        return [BothAlive(call, event.heard_ms, stamp)]
    return _leg_events(call, event, stamp)


def _leg_events(call: CallId, event: LegStateChanged, stamp: Stamp) -> list[EngineEvent]:
    leg, seat = LegId(event.leg), Seat(event.seat)
    if event.state == LegState.CONNECTED:
        return [LegConnected(call, leg, seat, stamp)]
    lost = LegLost(call, leg, seat, event.last_heard_ms, stamp)
    if event.state == LegState.LOST:
        return [lost]
    return [lost, LegClosed(call, leg, seat, event.reason)]
