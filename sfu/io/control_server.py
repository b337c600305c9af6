"""A worker's Unix socket: greets each control side with what it holds, answers commands, broadcasts events."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from sfu.control import (
    ApplyAnswer,
    CloseCall,
    CloseLeg,
    Command,
    Done,
    Drain,
    Event,
    Hello,
    OpenLeg,
    ReadStatistics,
    Refusal,
    Refused,
    Reoffer,
    Reply,
    RestartIce,
    Stop,
    WorkerStatistics,
)
from sfu.engine import BadAnswer, BridgeFull, StaleAnswer, UnknownLeg
from sfu.io.framing import read_message, write_message
from sfu.io.switchboard import Switchboard

# A control side that has stopped reading is cut off at this backlog: it finds everything again when it returns.
_MAX_BACKLOG = 4 * 1024 * 1024

_REFUSALS: dict[type[Exception], Refusal] = {
    BridgeFull: Refusal.BRIDGE_FULL,
    UnknownLeg: Refusal.UNKNOWN_LEG,
    BadAnswer: Refusal.BAD_ANSWER,
    StaleAnswer: Refusal.STALE_ANSWER,
}

log = structlog.get_logger()


class ControlServer:
    """See the module's text. `hello` and `statistics` describe the worker; `stop` is called when it shall end."""

    def __init__(
        self,
        switchboard: Switchboard,
        hello: Callable[[], Hello],
        statistics: Callable[[], WorkerStatistics],
        stop: Callable[[], None],
    ) -> None:
        self._switchboard = switchboard
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

    def _write(self, writer: asyncio.StreamWriter, message: Hello | Reply | Event) -> None:
        if writer.transport.get_write_buffer_size() > _MAX_BACKLOG:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        write_message(writer, message)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = msgspec.msgpack.Decoder(Command)
        self._write(writer, self._hello())
        self._writers.add(writer)
        try:
            while (command := await read_message(reader, decoder)) is not None:
                self._reply(command, writer)
        except ValueError:
            log.warning("control_message_refused")
        finally:
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
        match command:
            case OpenLeg():
                self._switchboard.open_leg(command)
            case ApplyAnswer(leg=leg, negotiation=negotiation, sdp=sdp):
                self._switchboard.answer(leg, negotiation, sdp)
            case RestartIce(leg=leg):
                self._switchboard.restart_ice(leg)
            case Reoffer(leg=leg):
                self._switchboard.reoffer(leg)
            case CloseLeg(leg=leg):
                self._switchboard.close_leg(leg)
            case CloseCall(call=call):
                self._switchboard.close_call(call)
            case ReadStatistics():
                return self._statistics()
            case Drain():
                self.draining = True
            case Stop():
                self._stop()
        return None
