"""The media engine as the rest of Visavis sees it: open, answer, restart, close; and what it reports.

`sfu.io.workers` implements it over worker processes. All methods raise `EngineUnavailable` when no worker
can be reached.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sfu.control import WorkerStatistics
from store.facts import MediaFact
from store.ids import CallId, LegId, Seat, WorkerId


class EngineUnavailable(Exception):
    """No worker process can be reached, or all are full."""


class BridgeFull(Exception):
    """Two legs are open on this call's bridge already: there is no third."""


class UnknownLeg(Exception):
    """The leg is closed, or was never opened here."""


class BadAnswer(Exception):
    """Theirs: an SDP answer that does not fit the offer, is too large, or names no usable codec."""


class StaleAnswer(Exception):
    """An answer to an offer that a newer one has replaced; ignore it, the newer one is on its way."""


@dataclass(frozen=True, slots=True)
class OfferReady:
    """An SDP offer to hand to the participant on `leg`."""

    call: CallId
    leg: LegId
    negotiation: int
    sdp: str


@dataclass(frozen=True, slots=True)
class LegClosed:
    """A leg has ended and will not come back: `hangup` (DTLS close), `consent` (30 s of silence), `handshake`."""

    call: CallId
    leg: LegId
    seat: Seat
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died with these calls on it: their participants must be given new legs."""

    worker: WorkerId
    calls: tuple[CallId, ...]


EngineEvent = OfferReady | LegClosed | WorkerLost | MediaFact


class MediaEngine(Protocol):
    """Bridges with exactly two legs each."""

    def subscribe(self, handler: Callable[[EngineEvent], Awaitable[None]]) -> None:
        """Call `handler` with every event, in order, from now on."""
        ...

    def subscribe_facts(self, handler: Callable[[Sequence[MediaFact]], Awaitable[None]]) -> None:
        """Call `handler` with every fact until it returns without raising: in batches, each fact once or more often.

        A worker keeps its facts on disk until then, so those of workers and of web processes that died come too.
        """
        ...

    def open_legs(self) -> dict[LegId, CallId]:
        """Return the legs that exist now on the reachable workers (what a restarted web process finds again)."""
        ...

    async def open_leg(
        self, call: CallId, leg: LegId, seat: Seat, *, replaces: LegId | None = None, max_bitrate: int = 2_500_000
    ) -> WorkerId:
        """Make a transport; an `OfferReady` follows. Both legs of a call live on one worker, whose id is returned.

        `replaces` closes that leg in the same step (a reload, a moved seat). Bits/s. Raises `BridgeFull`.
        """
        ...

    async def answer(self, leg: LegId, negotiation: int, sdp: str) -> None:
        """Apply the browser's answer. Raises `BadAnswer`, `StaleAnswer`, `UnknownLeg`."""
        ...

    async def restart_ice(self, leg: LegId) -> None:
        """Make a new offer with new ICE credentials; an `OfferReady` follows. Raises `UnknownLeg`."""
        ...

    async def reoffer(self, leg: LegId) -> None:
        """Say the newest offer again; an `OfferReady` follows. Raises `UnknownLeg`."""
        ...

    async def close_leg(self, leg: LegId) -> None:
        """End one transport; closing a closed one is no error."""
        ...

    async def close_call(self, call: CallId) -> None:
        """End both transports of a call; closing a closed one is no error."""
        ...

    async def pause_meter(self, call: CallId) -> None:
        """Have the fact `MeterPaused` stamped by the call's worker; nothing for a call that is not there."""
        ...

    async def resume_meter(self, call: CallId) -> None:
        """Have the fact `MeterResumed` stamped by the call's worker; nothing for a call that is not there."""
        ...

    async def statistics(self) -> list[WorkerStatistics]:
        """Return each reachable worker's counters."""
        ...
