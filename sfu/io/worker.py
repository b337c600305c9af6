"""One SFU process: its UDP socket, its TCP listener on the same port, its packet loop and its control socket.

    python -m sfu.io.worker --id wrk_0 --run-dir DIR --host 127.0.0.1 --advertise 127.0.0.1 --port 40000

It lives on when the control side dies, so that calls go on, and ends by itself when nobody has come back to it
and no call is left.
"""

import argparse
import asyncio
import contextlib
import gc
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

import msgspec
import structlog
import uvloop

from sfu.control import EXIT_PORT_TAKEN, Event, Hello, OfferMade, OpenedLeg, WorkerStatistics
from sfu.drops import DropReason
from sfu.io.control_server import ControlServer
from sfu.io.dtls import Certificate, srtp_version
from sfu.io.loops import LOOPS, LoopUnavailable, make_loop
from sfu.io.multi_message import batch_socket
from sfu.io.paths import TcpPath
from sfu.io.socket import BatchSocket, open_socket
from sfu.io.spool import Spool
from sfu.io.statistics import Rates, drops, leg_statistics
from sfu.io.switchboard import Switchboard
from sfu.offer import Endpoint

TICK = 0.25
# A restarted control side returns within seconds; a forgotten worker must not hold its port for long.
_ORPHAN_LIFE = 60.0
# After how many new objects they are looked through, and after how many times those that were there before.
_GC_THRESHOLDS = (10_000, 20, 20)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Where a worker listens and what it is called; `loop` is one of `sfu.io.loops.LOOPS`."""

    name: str
    run_dir: Path
    host: str
    advertised: tuple[str, ...]
    port: int
    loop: str


class Worker:
    """See the module's text."""

    def __init__(self, place: WorkerPlace, socket: BatchSocket) -> None:
        self._place = place
        self._boot = secrets.token_hex(8)
        self._socket = socket
        certificate = Certificate.generateCertificate()
        endpoint = Endpoint(place.advertised, place.port, certificate.sha256)
        self._switchboard = Switchboard(endpoint, certificate, time.monotonic, time.time, self._emit)
        self._loop = self._switchboard.loop = make_loop(place.loop, socket, time.monotonic, self._switchboard)
        self._spool = Spool(place.run_dir / "facts", self._boot)
        self._control = ControlServer(self._switchboard, self._spool, self._hello, self._statistics, self.stop)
        self._rates = Rates()
        self._tcp: set[TcpPath] = set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every call and exit."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped, or orphaned without a call."""
        loop = asyncio.get_running_loop()
        place = self._place
        server = await loop.create_server(lambda: TcpPath(self._loop.receive, self._tcp), place.host, place.port)
        loop.add_reader(self._socket.fileno(), self._loop.on_readable)
        socket_path = place.run_dir / f"{place.name}.sock"
        self._spool.start()
        await self._control.listen(socket_path)
        log.info("worker_ready", worker=place.name, port=place.port, srtp=srtp_version(), loop=self._loop.name)
        try:
            await self._tick_until_done()
        finally:
            self._switchboard.close()
            loop.remove_reader(self._socket.fileno())
            server.close()
            for path in list(self._tcp):
                path.close()
            await self._spool.close()
            await self._control.close()
            self._socket.close()
            socket_path.unlink(missing_ok=True)

    async def _tick_until_done(self) -> None:
        orphaned_at = time.monotonic()
        ticks = 0
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK)
            now = time.monotonic()
            self._switchboard.tick(now)
            ticks += 1
            legs = self._switchboard.legs()
            if ticks % 4 == 0:
                self._rates.measure(legs, now)
            if ticks % 240 == 0:
                self._switchboard.forget_strangers()
            if self._control.connected or legs:
                orphaned_at = now
            if not legs and now - orphaned_at > _ORPHAN_LIFE:
                return

    def _emit(self, event: Event) -> None:
        if not isinstance(event, OfferMade):
            self._spool.add(event)
        self._control.emit(event)

    def _hello(self) -> Hello:
        legs = [OpenedLeg(leg.call, leg.id, leg.seat, leg.state.value) for leg in self._switchboard.legs()]
        place = self._place
        return Hello(
            worker=place.name,
            boot=self._boot,
            host=place.host,
            advertised=place.advertised,
            port=place.port,
            loop=self._loop.name,
            srtp=srtp_version(),
            legs=legs,
        )

    def _statistics(self) -> WorkerStatistics:
        self._loop.collect()
        legs = [leg_statistics(leg) for leg in self._switchboard.legs()]
        dropped: Counter[DropReason] = self._loop.dropped
        return WorkerStatistics(
            worker=self._place.name,
            boot=self._boot,
            port=self._place.port,
            loop=self._loop.name,
            packets_in=self._switchboard.closed_in + sum(leg.packets_in for leg in legs),
            packets_out=self._switchboard.closed_out + sum(leg.packets_out for leg in legs),
            dropped=drops(dropped),
            legs=legs,
        )


def run_worker(place: WorkerPlace) -> int:
    """Run one worker in this process until it ends. Returns the exit status."""
    try:
        udp = open_socket(place.host, place.port)
        uvloop.run(_serve(place, batch_socket(udp)))
    except LoopUnavailable:
        log.error("no_such_loop", loop=place.loop)  # noqa: TRY400 — a sentence for the operator, not a traceback
        return 1
    except OSError:
        log.error("media_port_taken", port=place.port)  # noqa: TRY400
        return EXIT_PORT_TAKEN
    return 0


async def _serve(place: WorkerPlace, socket: BatchSocket) -> None:
    worker = Worker(place, socket)
    # What is there now stays: to look through it all again would stop media for 8 ms each time.
    gc.collect()
    gc.freeze()
    # As it comes, Python looks through its newest objects with every other leg that is set up.
    gc.set_threshold(*_GC_THRESHOLDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    await worker.run()


def main() -> int:
    """Parse the command line of a worker process and run it."""
    parser = argparse.ArgumentParser(prog="python -m sfu.io.worker")
    parser.add_argument("--id", required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--advertise", required=True, help="addresses for the candidates, separated by commas")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0])
    options = parser.parse_args()
    _configure_log()
    advertised = tuple(options.advertise.split(","))
    place = WorkerPlace(options.id, options.run_dir, options.host, advertised, options.port, options.loop)
    return run_worker(place)


class _Lossy:
    """A log stream that loses lines when the disk is full: media goes on without its log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _configure_log() -> None:
    """Log to stderr: for people on a terminal, else one JSON object a line."""
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shape = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(_json)
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, structlog.processors.format_exc_info, shape],
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Lossy(sys.stderr))),
        # A logger that is put together anew for each line costs as much as the line.
        cache_logger_on_first_use=True,
    )


def _json(line: Any, default: Callable[[Any], Any]) -> str:
    return msgspec.json.encode(line, enc_hook=default).decode()


if __name__ == "__main__":
    sys.exit(main())
