"""An in-memory media engine with the contract of `sfu.engine.MediaEngine`: bridges of two legs, and no media.

Events reach the subscribers one after the other from a task of its own, as from a worker. A leg is connected when
its first answer is there. Tests may pull the plug: `lose_worker`, `hang_up`, `fall_silent`, and let time pass by
adding to `ms`, the worker's clock, which goes on by a millisecond with each fact.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, get_origin

import msgspec

from sfu.control import LegStatistics, WorkerStatistics
from sfu.engine import (
    BadAnswer,
    BridgeFull,
    EngineEvent,
    EngineUnavailable,
    LegClosed,
    OfferReady,
    StaleAnswer,
    UnknownLeg,
    WorkerLost,
)
from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import CallId, LegId, Seat, WorkerId

WORKER = WorkerId("wrk_aaaaaaaaaaaaaaaaaaaaaa")


T = TypeVar("T", bound=msgspec.Struct)


def _counting_nothing(kind: type[T], **known: Any) -> T:
    """Return statistics with nothing in every counter but those that are known."""
    nothing = {"int": 0, "str": "", "dict": {}, "list": []}
    fields = msgspec.structs.fields(kind)
    return kind(**{field.name: known.get(field.name, nothing[_kind(field.type)]) for field in fields})


def _kind(annotation: Any) -> str:
    return (get_origin(annotation) or annotation).__name__


@dataclass
class DoubleLeg:
    call: CallId
    leg: LegId
    seat: Seat
    negotiation: int = 1
    answered: int = 0
    restarts: int = 0
    connected: bool = False


class EngineDouble:
    def __init__(self) -> None:
        self.legs: dict[LegId, DoubleLeg] = {}
        self.opened: list[LegId] = []
        self.reoffered: list[LegId] = []
        self.most_legs_of_a_call = 0
        self.available = True
        self.meter_commands: list[tuple[str, CallId]] = []
        self._handlers: list[Callable[[EngineEvent], Awaitable[None]]] = []
        self._events: asyncio.Queue[EngineEvent] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._fact_handlers: list[Callable[[Sequence[MediaFact]], Awaitable[None]]] = []
        self.boot = secrets.token_hex(8)
        self.ms = 0
        self._seq = 0

    async def start(self) -> None:
        self._task = asyncio.create_task(self._deliver())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def heard(self) -> None:
        """Return when every event so far has been delivered."""
        await self._events.join()

    def subscribe(self, handler: Callable[[EngineEvent], Awaitable[None]]) -> None:
        self._handlers.append(handler)

    def subscribe_facts(self, handler: Callable[[Sequence[MediaFact]], Awaitable[None]]) -> None:
        self._fact_handlers.append(handler)

    def open_legs(self) -> dict[LegId, CallId]:
        return {leg.leg: leg.call for leg in self.legs.values()}

    def legs_of(self, call: CallId) -> list[DoubleLeg]:
        return [leg for leg in self.legs.values() if leg.call == call]

    async def open_leg(
        self,
        call: CallId,
        leg: LegId,
        seat: Seat,
        *,
        replaces: LegId | None = None,
        max_bitrate: int = 2_500_000,  # noqa: ARG002  # the interface's
    ) -> WorkerId:
        await asyncio.sleep(0)
        self._check_available()
        others = [other for other in self.legs_of(call) if other.leg != replaces]
        if len(others) >= 2:
            raise BridgeFull
        if replaces is not None:
            self.legs.pop(replaces, None)
        self.legs[leg] = DoubleLeg(call, leg, seat)
        self.opened.append(leg)
        self.most_legs_of_a_call = max(self.most_legs_of_a_call, len(self.legs_of(call)))
        self._offer(self.legs[leg])
        return WORKER

    async def answer(self, leg: LegId, negotiation: int, sdp: str) -> None:
        await asyncio.sleep(0)
        self._check_available()
        found = self._leg(leg)
        if negotiation != found.negotiation:
            raise StaleAnswer
        if not sdp.startswith("answer"):
            raise BadAnswer
        first, found.answered = found.answered == 0, negotiation
        if first:
            self.connect(leg)
            for other in self.legs_of(found.call):
                if other is not found:
                    other.negotiation += 1
                    self._offer(other)

    async def restart_ice(self, leg: LegId) -> None:
        self._check_available()
        found = self._leg(leg)
        found.negotiation += 1
        found.restarts += 1
        self._offer(found)

    async def reoffer(self, leg: LegId) -> None:
        self._check_available()
        self.reoffered.append(leg)
        self._offer(self._leg(leg))

    async def close_leg(self, leg: LegId) -> None:
        await asyncio.sleep(0)
        self._check_available()
        if leg in self.legs:
            self.hang_up(leg, "command")

    async def close_call(self, call: CallId) -> None:
        self._check_available()
        for leg in self.legs_of(call):
            await self.close_leg(leg.leg)

    async def pause_meter(self, call: CallId) -> None:
        self._check_available()
        self.meter_commands.append(("pause", call))
        if self.legs_of(call):
            self._say(MeterPaused(call, self._stamp()))

    async def resume_meter(self, call: CallId) -> None:
        self._check_available()
        self.meter_commands.append(("resume", call))
        if self.legs_of(call):
            self._say(MeterResumed(call, self._stamp()))

    async def statistics(self) -> list[WorkerStatistics]:
        self._check_available()
        legs = [
            _counting_nothing(
                LegStatistics,
                leg=leg.leg,
                call=leg.call,
                seat=leg.seat,
                state="connected" if leg.connected else "offered",
            )
            for leg in self.legs.values()
        ]
        return [_counting_nothing(WorkerStatistics, worker=WORKER, legs=legs)]

    # -- what happens to media in the world ------------------------------------------------------------------

    def connect(self, leg: LegId) -> None:
        found = self.legs[leg]
        found.connected = True
        self._say(LegConnected(found.call, leg, found.seat, self._stamp()))

    def fall_silent(self, leg: LegId) -> None:
        found = self.legs[leg]
        found.connected = False
        self._say(LegLost(found.call, leg, found.seat, self.ms, self._stamp()))

    def both_alive(self, call: CallId) -> None:
        self._say(BothAlive(call, self.ms, self._stamp()))

    def hang_up(self, leg: LegId, reason: str = "hangup") -> None:
        found = self.legs.pop(leg)
        self._say(LegLost(found.call, leg, found.seat, self.ms, self._stamp()))
        self._say(LegClosed(found.call, leg, found.seat, reason))

    def lose_worker(self) -> None:
        calls = tuple({leg.call for leg in self.legs.values()})
        self.legs.clear()
        self._say(WorkerLost(WORKER, calls))

    def _leg(self, leg: LegId) -> DoubleLeg:
        if leg not in self.legs:
            raise UnknownLeg
        return self.legs[leg]

    def _check_available(self) -> None:
        if not self.available:
            raise EngineUnavailable

    def _offer(self, leg: DoubleLeg) -> None:
        sdp = f"offer {leg.negotiation} of {leg.leg} ice {leg.restarts}"
        self._say(OfferReady(leg.call, leg.leg, leg.negotiation, sdp))

    def _stamp(self) -> Stamp:
        self._seq += 1
        self.ms += 1
        return Stamp(self.boot, self._seq, self.ms, datetime.now(UTC))

    def _say(self, event: EngineEvent) -> None:
        self._events.put_nowait(event)

    async def _deliver(self) -> None:
        while True:
            event = await self._events.get()
            for handler in self._handlers:
                await handler(event)
            if isinstance(event, MediaFact):
                for record in self._fact_handlers:
                    await record([event])
            self._events.task_done()
