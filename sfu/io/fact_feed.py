"""Facts from every worker to those who record them; a worker is told only when all of them have.

A worker sends its next batch after that, so no more than one batch of each is held here, however long it takes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import structlog

from sfu.control import AckFacts, SpooledFacts, TakeFacts
from sfu.engine import EngineUnavailable
from sfu.io.engine_events import media_fact
from sfu.io.remote import RemoteWorker
from store.facts import MediaFact

Handler = Callable[[Sequence[MediaFact]], Awaitable[None]]

# A database that is away is asked again soon at first, then at this pace.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0

log = structlog.get_logger()


class FactFeed:
    """`greet` each worker that is found; `run` as a task."""

    def __init__(self) -> None:
        self._handlers: list[Handler] = []
        self._batches: asyncio.Queue[tuple[RemoteWorker, SpooledFacts]] = asyncio.Queue()
        self._wanted = asyncio.Event()

    def subscribe(self, handler: Handler) -> None:
        """Record with `handler` from now on; workers are asked for their facts once there is one."""
        self._handlers.append(handler)
        self._wanted.set()

    async def greet(self, worker: RemoteWorker) -> None:
        """Ask a worker for its facts. One that does not answer is lost anyway."""
        await self._wanted.wait()
        worker.on_facts = lambda batch: self._batches.put_nowait((worker, batch))
        try:
            await worker.ask(TakeFacts)
        except EngineUnavailable:
            log.info("facts_not_asked_for", worker=worker.hello.worker)

    async def run(self) -> None:
        """Hand on what comes until cancelled. Batches that wait together are handed on together."""
        while True:
            batches = [await self._batches.get()]
            while not self._batches.empty():
                batches.append(self._batches.get_nowait())
            await self._record([fact for _, batch in batches for fact in _understood(batch)])
            acks = (worker.ask(partial(_ack, batch)) for worker, batch in batches)
            await asyncio.gather(*acks, return_exceptions=True)

    async def _record(self, facts: list[MediaFact]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                for handler in self._handlers:
                    await handler(facts)
            except Exception as error:  # noqa: BLE001  # whatever it is: facts that nobody recorded must not be lost
                log.error("facts_not_recorded", facts=len(facts), error=type(error).__name__)  # noqa: TRY400
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return


def _understood(batch: SpooledFacts) -> Iterator[MediaFact]:
    for stamped in batch.facts:
        try:
            yield media_fact(batch.boot, stamped)
        except (ValueError, OverflowError, OSError):
            # An unknown seat, a moment outside of time: holding it would hold up all others for ever.
            log.error("fact_not_understood", boot=batch.boot, seq=stamped.seq)  # noqa: TRY400


def _ack(batch: SpooledFacts, ref: int) -> AckFacts:
    return AckFacts(ref, batch.boot, batch.facts[-1].seq)
