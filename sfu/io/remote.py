"""One worker process seen from the control side: a connection to its Unix socket."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec

from sfu.control import Command, Done, Event, FromWorker, Hello, Ping, Refusal, Refused, SpooledFacts
from sfu.engine import BadAnswer, BridgeFull, EngineUnavailable, StaleAnswer, UnknownLeg
from sfu.io.framing import read_message, write_message
from sfu.io.peer_process import PeerProcess
from sfu.pulse import EVERY, Pulse

# A worker answers in microseconds; one that takes this long is hung or stopped.
_ANSWER_TIMEOUT = 5.0

_ERRORS: dict[Refusal, type[Exception]] = {
    Refusal.BRIDGE_FULL: BridgeFull,
    Refusal.UNKNOWN_LEG: UnknownLeg,
    Refusal.BAD_ANSWER: BadAnswer,
    Refusal.STALE_ANSWER: StaleAnswer,
}


class RemoteWorker:
    """Commands out, events in. `lost` is called once when the connection ends for whatever reason.

    `on_facts` is called with the batches that a `TakeFacts` has asked for.
    """

    def __init__(
        self, on_event: Callable[["RemoteWorker", Event], None], lost: Callable[["RemoteWorker"], None]
    ) -> None:
        self._on_event = on_event
        self._lost = lost
        self._refs = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Done]] = {}
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._process: PeerProcess | None = None
        self._pulse: Pulse | None = None
        self.hello: Hello
        self.on_facts: Callable[[SpooledFacts], None] = lambda _batch: None

    async def connect(self, path: Path) -> None:
        """Connect and hear the worker's `Hello`. Raises `OSError` (timeouts too), `ValueError`, `EngineUnavailable`."""
        reader, self._writer = await asyncio.open_unix_connection(str(path))
        self._process = PeerProcess(self._writer.get_extra_info("socket"))
        decoder = msgspec.msgpack.Decoder(FromWorker)
        hello: FromWorker | None = None
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                hello = await read_message(reader, decoder)
        finally:
            # A hung worker is tried again and again: each try must give its descriptor back.
            if not isinstance(hello, Hello):
                self._writer.close()
        if not isinstance(hello, Hello):
            raise EngineUnavailable
        self.hello = hello
        self._task = asyncio.get_running_loop().create_task(self._read(reader, decoder))

    async def _read(self, reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[FromWorker]) -> None:
        try:
            while (message := await read_message(reader, decoder)) is not None:
                self._dispatch(message)
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(EngineUnavailable())
            self._waiting.clear()
            self._hang_up()
            self._lost(self)

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            self._process.release()

    def _dispatch(self, message: FromWorker) -> None:
        if self._pulse is not None:
            self._pulse.heard(asyncio.get_running_loop().time())
        if isinstance(message, Done | Refused):
            future = self._waiting.pop(message.ref, None)
            if future is None or future.done():
                return
            if isinstance(message, Done):
                future.set_result(message)
            else:
                future.set_exception(_ERRORS[message.refusal]())
        elif isinstance(message, SpooledFacts):
            self.on_facts(message)
        elif not isinstance(message, Hello):
            self._on_event(self, message)

    async def ask(self, make: Callable[[int], Command]) -> Done:
        """Send the command that `make` builds from a reference number. Raises what the worker refused it with.

        Raises `EngineUnavailable` when the worker is gone or does not answer within 5 s.
        """
        if self._writer is None or self._writer.is_closing():
            raise EngineUnavailable
        ref = next(self._refs)
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = future
        write_message(self._writer, make(ref))
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                return await future
        except TimeoutError as error:
            # Its media loop stands still as well: it counts as lost from here on.
            self._writer.close()
            raise EngineUnavailable from error
        finally:
            self._waiting.pop(ref, None)

    def dismiss(self) -> None:
        """Expect its end: `lost` is not called for it."""
        self._lost = lambda _worker: None

    async def watch(self, grace: float) -> bool:
        """Ping the worker until the connection ends (False) or it is found hung (True), not before `grace` seconds."""
        clock = asyncio.get_running_loop().time
        self._pulse = Pulse(clock(), grace)
        while self._writer is not None and not self._writer.is_closing():
            if self._pulse.beat(clock()):
                return True
            write_message(self._writer, Ping(next(self._refs)))
            await asyncio.sleep(EVERY)
        return False

    async def kill(self) -> bool:
        """Kill the worker's process. Returns whether it has ended; False where nobody can say which one it is."""
        return self._process is not None and await self._process.kill()

    async def close(self) -> None:
        """Leave the worker alone from now on; it lives on."""
        self._hang_up()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
