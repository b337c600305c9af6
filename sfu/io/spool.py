"""A worker's facts on their way to the control side: written to disk first, kept until they are acknowledged.

One batch is under way at a time, so a control side that is slow or gone makes files grow and not the memory. What dead
workers left is adopted and sent first. Whoever takes facts may get one twice.

A disk that fails ends no call: facts then go out unwritten, and while nobody takes them they wait in memory, so many at
most.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import structlog

from sfu.control import SpooledFacts, Stamped
from sfu.io.segment import ENDING, Segment

# Facts that come within this time share one wait for the disk.
_PACE = 0.1
# How often is looked for files of dead workers, and how often a failing disk is tried.
_LOOK_AROUND = 10.0
_TRY_AGAIN = 1.0
# A file of this size makes room for the next and is deleted when all in it is acknowledged: about 2,500 facts.
_SEGMENT_BYTES = 256 * 1024
_BATCH = 1000
# What a failing disk may cost of memory, some 50 MB. One that fails for days has its bills on the low side.
_MOST_UNWRITTEN = 100_000

Send = Callable[[SpooledFacts], None]

log = structlog.get_logger()


class Spool:
    """`start` it, `add` facts, let one control side `take` them and `acknowledge`, and `close` it."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._folder = folder
        self._boot = boot
        self._files = 0
        self._unwritten: deque[Stamped] = deque()
        self._active = self._next_segment()
        # In the order of their sending; the active one is the last.
        self._segments: deque[Segment] = deque([self._active])
        self._send: Send | None = None
        # Where the facts of the batch that was sent are kept, and its boot and last number.
        self._under_way: tuple[deque[Stamped], str, int] | None = None
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = self._failing = False
        self._looked_at = self._tried_at = float("-inf")
        self.lost = 0

    def start(self) -> None:
        """Begin to write and to send."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Write what came last and stop. What nobody has acknowledged stays for the next worker."""
        self._closing = True
        self._awake.set()
        if self._task is not None:
            await self._task
        self._tried_at = float("-inf")
        await self._write()
        if not self._active.facts:
            self._active.remove()
        for segment in self._segments:
            segment.release()

    def add(self, fact: Stamped) -> None:
        """Take a fact in; it is written and sent soon."""
        if len(self._unwritten) >= _MOST_UNWRITTEN:
            if self.lost == 0:
                log.error("facts_lost")
            self.lost += 1
            return
        self._unwritten.append(fact)
        self._awake.set()

    def take(self, send: Send) -> None:
        """Have every fact that is not acknowledged sent here from now on, and nowhere else."""
        self._send, self._under_way = send, None
        self._looked_at = float("-inf")
        self._awake.set()

    def leave(self, send: Send) -> None:
        """Send nothing there any more."""
        if self._send == send:
            self._send = self._under_way = None

    def acknowledge(self, boot: str, seq: int) -> None:
        """Forget the batch under way that ends with this fact: it is recorded. There is nothing else to forget."""
        if self._under_way is None or self._under_way[1:] != (boot, seq):
            return
        facts, self._under_way = self._under_way[0], None
        while facts and facts[0].seq <= seq:
            facts.popleft()
        self._awake.set()

    async def _keep(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), _TRY_AGAIN if self._failing else _LOOK_AROUND)
            self._awake.clear()
            try:
                await self._round()
            except Exception:
                # A bug that shows in one round must not end those that follow.
                log.exception("spool")
            await asyncio.sleep(_PACE)

    async def _round(self) -> None:
        await self._write()
        now = asyncio.get_running_loop().time()
        if now - self._looked_at >= _LOOK_AROUND:
            self._looked_at = now
            known = {segment.path for segment in self._segments}
            self._segments.extendleft(reversed(await asyncio.to_thread(self._adopted, known)))
        await self._offer()

    # -- writing ---------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        if self._failing and loop.time() - self._tried_at < _TRY_AGAIN:
            return
        while batch := list(islice(self._unwritten, _BATCH)):
            self._tried_at = loop.time()
            try:
                await asyncio.to_thread(self._write_now, batch)
            except OSError as error:
                if not self._failing:
                    log.error("facts_not_written", error=type(error).__name__, number=error.errno)  # noqa: TRY400
                self._failing = True
                return
            if self._failing:
                log.warning("facts_written_again", lost=self.lost)
                self._failing = False
            self._written(batch[-1].seq)

    def _write_now(self, facts: list[Stamped]) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._active.write(facts)

    def _written(self, seq: int) -> None:
        """Note that the facts up to this one are on the disk. What went out unwritten may be acknowledged already."""
        kept = self._active.facts
        while self._unwritten and self._unwritten[0].seq <= seq:
            kept.append(self._unwritten.popleft())
        if self._under_way is not None and self._under_way[0] is self._unwritten:
            self._under_way = (kept, *self._under_way[1:])
        if self._active.size >= _SEGMENT_BYTES:
            if self._active is not self._segments[0]:
                self._active.forget()
            self._active = self._next_segment()
            self._segments.append(self._active)

    def _next_segment(self) -> Segment:
        self._files += 1
        return Segment(self._folder / f"{self._boot}.{self._files:06}{ENDING}")

    # -- sending ---------------------------------------------------------------------------------------------

    async def _offer(self) -> None:
        while self._send is not None and self._under_way is None:
            segment = self._segments[0]
            if not segment.loaded and not await self._load(segment):
                return
            if segment.facts:
                self._send_batch(segment.boot, segment.facts)
            elif segment is not self._active:
                self._segments.popleft().remove()
            elif self._failing and self._unwritten:
                self._send_batch(self._boot, self._unwritten)
            else:
                return

    def _send_batch(self, boot: str, facts: deque[Stamped]) -> None:
        if self._send is not None:
            batch = list(islice(facts, _BATCH))
            self._under_way = (facts, boot, batch[-1].seq)
            self._send(SpooledFacts(boot, batch))

    async def _load(self, segment: Segment) -> bool:
        try:
            await asyncio.to_thread(segment.load)
        except OSError as error:
            # It is found again when we next look around.
            log.error("facts_not_read", error=type(error).__name__)  # noqa: TRY400
            self._segments.popleft().release()
            return False
        return True

    def _adopted(self, known: set[Path]) -> list[Segment]:
        """Return the files of dead workers, which are ours now. Blocks."""
        adopted = []
        with contextlib.suppress(OSError):
            for path in sorted(self._folder.glob(f"*{ENDING}")):
                segment = Segment(path)
                if path not in known and segment.adopt():
                    log.info("facts_adopted", boot=segment.boot)
                    adopted.append(segment)
        return adopted
