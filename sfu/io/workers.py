"""The worker processes of this machine, behind `sfu.engine.MediaEngine`: found or started, watched, replaced.

Workers are processes of their own session: they survive this one, and the next control side finds them by
their Unix sockets in the run folder. A worker that dies, or that hangs and is killed, is reported
(`WorkerLost`) and started again.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from sfu.control import (
    ApplyAnswer,
    CloseCall,
    CloseLeg,
    Event,
    Hello,
    OpenLeg,
    PauseMeter,
    ReadStatistics,
    Reoffer,
    RestartIce,
    ResumeMeter,
    Stop,
    WorkerStatistics,
)
from sfu.engine import BridgeFull, EngineEvent, EngineUnavailable, LegClosed, UnknownLeg, WorkerLost
from sfu.io.engine_events import engine_events
from sfu.io.fact_feed import FactFeed
from sfu.io.processes import WorkerProcesses, WorkerSettings
from sfu.io.remote import RemoteWorker
from sfu.io.watch import Watch
from store.facts import MediaFact
from store.ids import CallId, LegId, Seat, WorkerId

# Importing aiortc takes one to three seconds on a loaded machine.
_START_TIMEOUT = 30.0
_RESTART_DELAY = 0.5

log = structlog.get_logger()


class WorkerPool:
    """See the module's text. `own` says whether missing workers are started here or only awaited."""

    def __init__(self, settings: WorkerSettings, *, own: bool = True) -> None:
        self._settings = settings
        self._own = own
        self._workers: dict[int, RemoteWorker] = {}
        self._calls: dict[CallId, RemoteWorker] = {}
        self._legs: dict[LegId, CallId] = {}
        self._handlers: list[Callable[[EngineEvent], Awaitable[None]]] = []
        self._events: asyncio.Queue[EngineEvent] = asyncio.Queue()
        self._facts = FactFeed()
        # The last word on a call's meter, for the worker that the call moves to.
        self._meter_words: dict[CallId, type[PauseMeter | ResumeMeter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._processes = WorkerProcesses(settings)
        self._watch = Watch(self._processes)
        self._closing = False

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Find or start every worker. Raises `MediaPortTaken`, or `EngineUnavailable` when one does not come up."""
        self._spawn_task(self._deliver())
        self._spawn_task(self._facts.run())
        ups = (self._bring_up(index, adopt=True) for index in range(self._settings.workers))
        for problem in await asyncio.gather(*ups, return_exceptions=True):
            if problem is not None:
                raise problem

    async def close(self, *, stop_workers: bool) -> None:
        """Let go of the workers, or end them and every call on them."""
        self._closing = True
        for remote in list(self._workers.values()):
            if stop_workers:
                await asyncio.gather(remote.ask(Stop), return_exceptions=True)
            await remote.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if stop_workers:
            await self._processes.reap()

    def _spawn_task(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bring_up(self, index: int, *, adopt: bool) -> None:
        path = self._settings.run_dir / f"worker-{index}.sock"
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
        while True:
            # One for each try: a dismissed one would keep quiet about its successor's end.
            remote = RemoteWorker(self._on_event, lambda lost: self._on_lost(index, lost))
            try:
                await remote.connect(path)
                if remote.hello.legs or self._fits(remote.hello, index):
                    break
                # Left over from other settings, and nobody talks on it: it makes room for one that fits.
                await self._dismiss(remote)
            except (OSError, ValueError, EngineUnavailable) as error:
                if isinstance(error, TimeoutError):
                    await self._watch.end(index, remote)
                await remote.close()
                if self._own:
                    self._processes.start_if_needed(index)
                if asyncio.get_running_loop().time() > deadline:
                    raise EngineUnavailable from None
                await asyncio.sleep(0.05)
        self._workers[index] = remote
        for leg in remote.hello.legs:
            if adopt:
                self._calls[CallId(leg.call)] = remote
                self._legs[LegId(leg.leg)] = CallId(leg.call)
            else:  # given up when the connection was lost, though the worker was not: it must not run on unknown
                await remote.ask(partial(CloseCall, call=leg.call))
        self._spawn_task(self._facts.greet(remote))
        self._spawn_task(self._watch.over(index, remote))
        log.info("worker_found", worker=remote.hello.worker, legs=len(remote.hello.legs))

    def _fits(self, hello: Hello, index: int) -> bool:
        settings = self._settings
        place = (hello.host, hello.advertised, hello.port)
        loop_fits = settings.loop in ("auto", hello.loop)
        return not self._own or (loop_fits and place == (settings.host, settings.advertised, settings.port + index))

    async def _dismiss(self, remote: RemoteWorker) -> None:
        log.info("worker_dismissed", worker=remote.hello.worker)
        remote.dismiss()
        await remote.ask(Stop)
        await remote.close()

    def _on_lost(self, index: int, remote: RemoteWorker) -> None:
        calls = tuple(call for call, owner in self._calls.items() if owner is remote)
        for call in calls:
            del self._calls[call]
        self._legs = {leg: call for leg, call in self._legs.items() if call in self._calls}
        self._workers.pop(index, None)
        if self._closing:
            return
        log.warning("worker_lost", worker=remote.hello.worker, calls=len(calls))
        event = WorkerLost(WorkerId(remote.hello.worker), calls)
        if self._workers:  # which can take its calls over at once
            self._events.put_nowait(event)
        self._spawn_task(self._replace(index, None if self._workers else event))

    async def _replace(self, index: int, event: WorkerLost | None) -> None:
        while True:
            try:
                await self._bring_up(index, adopt=False)
                break
            except Exception as error:  # noqa: BLE001 — no memory, no descriptors: whatever it is, it is tried again
                log.error("worker_not_replaced", index=index, error=type(error).__name__)  # noqa: TRY400
                self._processes.forget(index)
                await asyncio.sleep(_RESTART_DELAY)
        if event is not None:
            self._events.put_nowait(event)

    # -- events ----------------------------------------------------------------------------------------------

    def subscribe(self, handler: Callable[[EngineEvent], Awaitable[None]]) -> None:
        self._handlers.append(handler)

    def subscribe_facts(self, handler: Callable[[Sequence[MediaFact]], Awaitable[None]]) -> None:
        self._facts.subscribe(handler)

    def _on_event(self, remote: RemoteWorker, event: Event) -> None:
        for meant in engine_events(remote.hello.boot, event):
            if isinstance(meant, LegClosed):
                self._forget_leg(meant.leg)
            self._events.put_nowait(meant)

    async def _deliver(self) -> None:
        while True:
            event = await self._events.get()
            for handler in self._handlers:
                try:
                    await handler(event)
                except Exception:
                    log.exception("engine_event_handler", event_type=type(event).__name__)

    # -- MediaEngine -----------------------------------------------------------------------------------------

    def open_legs(self) -> dict[LegId, CallId]:
        return dict(self._legs)

    async def open_leg(
        self, call: CallId, leg: LegId, seat: Seat, *, replaces: LegId | None = None, max_bitrate: int = 2_500_000
    ) -> WorkerId:
        owner = self._calls.get(call)
        remote = owner or self._least_loaded()
        # Decided before the first await, so that both legs of a call always meet on one worker.
        self._calls[call] = remote
        self._legs[leg] = call
        try:
            await remote.ask(
                lambda ref: OpenLeg(ref, call, leg, seat.value, max_bitrate=max_bitrate, replaces=replaces)
            )
            if owner is None and call in self._meter_words:
                await remote.ask(partial(self._meter_words[call], call=call))
        except (BridgeFull, EngineUnavailable):
            self._forget_leg(leg)
            raise
        return WorkerId(remote.hello.worker)

    def _forget_leg(self, leg: LegId) -> None:
        """Forget a leg, and where its call was when that was the last one."""
        call = self._legs.pop(leg, None)
        if call is not None and call not in self._legs.values():
            self._calls.pop(call, None)

    def _least_loaded(self) -> RemoteWorker:
        if not self._workers:
            raise EngineUnavailable
        loads = Counter(id(owner) for owner in self._calls.values())
        return min(self._workers.values(), key=lambda remote: loads[id(remote)])

    def _owner(self, leg: LegId) -> RemoteWorker:
        remote = self._calls.get(self._legs.get(leg, CallId("")))
        if remote is None:
            raise UnknownLeg(leg)
        return remote

    async def answer(self, leg: LegId, negotiation: int, sdp: str) -> None:
        await self._owner(leg).ask(lambda ref: ApplyAnswer(ref, leg, negotiation, sdp))

    async def restart_ice(self, leg: LegId) -> None:
        await self._owner(leg).ask(lambda ref: RestartIce(ref, leg))

    async def reoffer(self, leg: LegId) -> None:
        await self._owner(leg).ask(lambda ref: Reoffer(ref, leg))

    async def close_leg(self, leg: LegId) -> None:
        try:
            remote = self._owner(leg)
        except UnknownLeg:
            return
        await remote.ask(lambda ref: CloseLeg(ref, leg))
        self._forget_leg(leg)

    async def close_call(self, call: CallId) -> None:
        self._meter_words.pop(call, None)
        remote = self._calls.get(call)
        if remote is None:
            return
        # The worker's events make us forget its legs: a call that could not be closed must not run on unknown.
        await remote.ask(lambda ref: CloseCall(ref, call))

    async def pause_meter(self, call: CallId) -> None:
        await self._say_of_meter(call, PauseMeter)

    async def resume_meter(self, call: CallId) -> None:
        await self._say_of_meter(call, ResumeMeter)

    async def _say_of_meter(self, call: CallId, word: type[PauseMeter] | type[ResumeMeter]) -> None:
        self._meter_words[call] = word
        if (remote := self._calls.get(call)) is not None:
            await remote.ask(partial(word, call=call))

    async def statistics(self) -> list[WorkerStatistics]:
        answers = await asyncio.gather(
            *(remote.ask(ReadStatistics) for remote in self._workers.values()), return_exceptions=True
        )
        return [a.statistics for a in answers if not isinstance(a, BaseException) and a.statistics is not None]
