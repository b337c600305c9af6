"""A worker's events in the words of `sfu.engine` and `store.facts`."""

from datetime import UTC, datetime

from sfu.control import BothHeard, Event, LegStateChanged, MeterChanged, OfferMade, Stamped
from sfu.engine import EngineEvent, LegClosed, OfferReady
from sfu.states import LegState
from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import CallId, LegId, Seat


def engine_events(boot: str, event: Event) -> list[EngineEvent]:
    """Return what an event of the worker process `boot` means, in order."""
    call = CallId(event.call)
    if isinstance(event, OfferMade):
        return [OfferReady(call, LegId(event.leg), event.negotiation, event.sdp)]
    fact = media_fact(boot, event)
    if isinstance(event, LegStateChanged) and event.state == LegState.CLOSED:
        return [fact, LegClosed(call, LegId(event.leg), Seat(event.seat), event.reason)]
    return [fact]


def media_fact(boot: str, event: Stamped) -> MediaFact:
    """Return the fact that the worker process `boot` stamped."""
    call = CallId(event.call)
    stamp = Stamp(boot, event.seq, event.monotonic_ms, datetime.fromtimestamp(event.at, UTC))
    if isinstance(event, BothHeard):
        return BothAlive(call, event.heard_ms, stamp)
    if isinstance(event, MeterChanged):
        return MeterPaused(call, stamp) if event.paused else MeterResumed(call, stamp)
    leg, seat = LegId(event.leg), Seat(event.seat)
    if event.state == LegState.CONNECTED:
        return LegConnected(call, leg, seat, stamp)
    return LegLost(call, leg, seat, event.last_heard_ms, stamp)
