"""A worker's Unix socket: greets each control side with what it holds, answers commands, broadcasts events."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog

from sfu.control import (
    AckFacts,
    ApplyAnswer,
    CloseCall,
    CloseLeg,
    Command,
    Done,
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
from sfu.io.framing import Messages, write_message
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

_decoder = msgspec.msgpack.Decoder(Command)

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
        self._sides: set[_ControlSide] = set()
        self._server: asyncio.Server | None = None

    @property
    def connected(self) -> bool:
        """Whether any control side is there."""
        return bool(self._sides)

    async def listen(self, path: Path) -> None:
        """Serve on `path`, readable for this user only. A socket file that nobody serves is replaced."""
        path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _ControlSide(self), path=str(path))
        path.chmod(0o600)

    async def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.close()
        for side in list(self._sides):
            side.close()

    def emit(self, event: Event) -> None:
        """Send an event to every control side."""
        for side in list(self._sides):
            side.write(event)

    def joined(self, side: "_ControlSide") -> None:
        """Greet a control side that has connected."""
        side.write(self._hello())
        self._sides.add(side)

    def left(self, side: "_ControlSide") -> None:
        """Forget one whose connection is over."""
        self._spool.leave(side.write)
        self._sides.discard(side)

    def obey(self, side: "_ControlSide", command: Command) -> None:
        """Carry out a command, and answer it."""
        if isinstance(command, TakeFacts):
            self._spool.take(side.write)
        try:
            statistics = self._carry_out(command)
        except (BridgeFull, UnknownLeg, BadAnswer, StaleAnswer) as error:
            side.write(Refused(command.ref, _REFUSALS[type(error)]))
            return
        side.write(Done(command.ref, statistics))

    def _carry_out(self, command: Command) -> WorkerStatistics | None:
        if (order := _ORDERS.get(type(command))) is not None:
            order(self._switchboard, command)
        elif isinstance(command, AckFacts):
            self._spool.acknowledge(command.boot, command.seq)
        elif isinstance(command, ReadStatistics):
            return self._statistics()
        elif isinstance(command, Stop):
            self._stop()
        return None


class _ControlSide(asyncio.Protocol):
    """One connection to the worker's socket. `write` sends a message, to one who still reads."""

    def __init__(self, server: ControlServer) -> None:
        self._server = server
        self._messages = Messages(_decoder)
        self._stream: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the base class.
        self._stream = cast("asyncio.Transport", transport)
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        try:
            for command in self._messages.feed(data):
                self._server.obey(self, command)
        except ValueError:
            log.warning("control_message_refused")
            self.close()
        except Exception:
            # Whoever asked for it returns, and finds what there is.
            log.exception("control")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — asyncio's signature
        self._stream = None
        self._server.left(self)

    def write(self, message: Hello | Reply | Event | SpooledFacts) -> None:
        stream = self._stream
        if stream is None:
            return
        if stream.get_write_buffer_size() > _MAX_BACKLOG:
            stream.abort()
            self._server.left(self)
            return
        write_message(stream, message)

    def close(self) -> None:
        """End the connection; what was written before still goes out."""
        if self._stream is not None:
            self._stream.close()
