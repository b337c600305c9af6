"""A worker's Unix socket: greets each control side with what it holds, answers commands, broadcasts events."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from sfu.control import (
    AckFacts,
    ApplyAnswer,
    CloseCall,
    CloseLeg,
    Command,
    Done,
    Drain,
    Event,
    Hello,
    OpenLeg,
    PauseMeter,
    ReadStatistics,
    Refusal,
    Refused,
    Reoffer,
    Reply,
    RestartIce,
    ResumeMeter,
    SpooledFacts,
    Stop,
    TakeFacts,
    WorkerStatistics,
)
from sfu.engine import BadAnswer, BridgeFull, StaleAnswer, UnknownLeg
from sfu.io.framing import read_message, write_message
from sfu.io.spool import Spool
from sfu.io.switchboard import Switchboard

# A control side that has stopped reading is cut off at this backlog: it finds everything again when it returns.
_MAX_BACKLOG = 4 * 1024 * 1024

_REFUSALS: dict[type[Exception], Refusal] = {
    BridgeFull: Refusal.BRIDGE_FULL,
    UnknownLeg: Refusal.UNKNOWN_LEG,
    BadAnswer: Refusal.BAD_ANSWER,
    StaleAnswer: Refusal.STALE_ANSWER,
}

# What the switchboard does by itself.
_ORDERS: dict[type[Any], Callable[[Switchboard, Any], None]] = {
    OpenLeg: Switchboard.open_leg,
    ApplyAnswer: lambda board, order: board.answer(order.leg, order.negotiation, order.sdp),
    RestartIce: lambda board, order: board.restart_ice(order.leg),
    Reoffer: lambda board, order: board.reoffer(order.leg),
    CloseLeg: lambda board, order: board.close_leg(order.leg),
    CloseCall: lambda board, order: board.close_call(order.call),
    PauseMeter: lambda board, order: board.change_meter(order.call, paused=True),
    ResumeMeter: lambda board, order: board.change_meter(order.call, paused=False),
}

log = structlog.get_logger()


class ControlServer:
    """See the module's text. `hello` and `statistics` describe the worker; `stop` is called when it shall end."""

    def __init__(
        self,
        switchboard: Switchboard,
        spool: Spool,
        hello: Callable[[], Hello],
        statistics: Callable[[], WorkerStatistics],
        stop: Callable[[], None],
    ) -> None:
        self._switchboard = switchboard
        self._spool = spool
        self._hello = hello
        self._statistics = statistics
        self._stop = stop
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.draining = False

    @property
    def connected(self) -> bool:
        """Whether any control side is there."""
        return bool(self._writers)

    async def listen(self, path: Path) -> None:
        """Serve on `path`, readable for this user only. A socket file that nobody serves is replaced."""
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path=str(path))
        path.chmod(0o600)

    async def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()

    def emit(self, event: Event) -> None:
        """Send an event to every control side."""
        for writer in list(self._writers):
            self._write(writer, event)

    def _write(self, writer: asyncio.StreamWriter, message: Hello | Reply | Event | SpooledFacts) -> None:
        if writer.transport.get_write_buffer_size() > _MAX_BACKLOG:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        write_message(writer, message)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = msgspec.msgpack.Decoder(Command)

        def send(facts: SpooledFacts) -> None:
            self._write(writer, facts)

        self._write(writer, self._hello())
        self._writers.add(writer)
        try:
            while (command := await read_message(reader, decoder)) is not None:
                if isinstance(command, TakeFacts):
                    self._spool.take(send)
                self._reply(command, writer)
        except ValueError:
            log.warning("control_message_refused")
        finally:
            self._spool.leave(send)
            self._writers.discard(writer)
            writer.close()

    def _reply(self, command: Command, writer: asyncio.StreamWriter) -> None:
        try:
            statistics = self._carry_out(command)
        except (BridgeFull, UnknownLeg, BadAnswer, StaleAnswer) as error:
            self._write(writer, Refused(command.ref, _REFUSALS[type(error)]))
            return
        self._write(writer, Done(command.ref, statistics))

    def _carry_out(self, command: Command) -> WorkerStatistics | None:
        if (order := _ORDERS.get(type(command))) is not None:
            order(self._switchboard, command)
        elif isinstance(command, AckFacts):
            self._spool.acknowledge(command.boot, command.seq)
        elif isinstance(command, ReadStatistics):
            return self._statistics()
        elif isinstance(command, Drain):
            self.draining = True
        elif isinstance(command, Stop):
            self._stop()
        return None
