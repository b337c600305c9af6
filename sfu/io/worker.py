"""One SFU process: its UDP socket, its TCP listener on the same port, its packet loop and its control socket.

    python -m sfu.io.worker --id wrk_0 --run-dir DIR --host 127.0.0.1 --advertise 127.0.0.1 --port 40000

It lives on when the control side dies, so that calls go on, and ends by itself when nobody has come back to it
and no call is left.
"""

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import structlog
import uvloop

from sfu.control import Event, Hello, OpenedLeg, WorkerStatistics
from sfu.drops import DropReason
from sfu.io.control_server import ControlServer
from sfu.io.dtls import Certificate, srtp_version
from sfu.io.loop import PythonLoop
from sfu.io.paths import TcpPath
from sfu.io.socket import BatchSocket, batch_socket, open_socket
from sfu.io.statistics import Rates, drops, leg_statistics
from sfu.io.switchboard import Switchboard
from sfu.offer import Endpoint

TICK = 0.25
# A restarted control side returns within seconds; a forgotten worker must not hold its port for long.
_ORPHAN_LIFE = 60.0
# Exit status when the port is taken, so that whoever started the worker can say so in a sentence.
EXIT_PORT_TAKEN = 3

log = structlog.get_logger()


class Worker:
    """See the module's text."""

    def __init__(self, name: str, host: str, advertised: tuple[str, ...], port: int, socket: BatchSocket) -> None:
        self._name, self._host, self._port = name, host, port
        self._boot = secrets.token_hex(8)
        self._socket = socket
        certificate = Certificate.generateCertificate()
        endpoint = Endpoint(advertised, port, certificate.sha256)
        self._switchboard = Switchboard(endpoint, certificate, time.monotonic, time.time, self._emit)
        self._loop = self._switchboard.loop = PythonLoop(socket, time.monotonic, self._switchboard)
        self._control = ControlServer(self._switchboard, self._hello, self._statistics, self.stop)
        self._rates = Rates()
        self._tcp: set[TcpPath] = set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every call and exit."""
        self._stopping.set()

    async def run(self, run_dir: Path) -> None:
        """Serve until stopped, drained, or orphaned without a call."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: TcpPath(self._loop.receive, self._tcp), self._host, self._port)
        loop.add_reader(self._socket.fileno(), self._loop.on_readable)
        socket_path = run_dir / f"{self._name}.sock"
        await self._control.listen(socket_path)
        log.info("worker_ready", worker=self._name, port=self._port, srtp=srtp_version(), loop="python")
        try:
            await self._tick_until_done()
        finally:
            await self._switchboard.close()
            loop.remove_reader(self._socket.fileno())
            server.close()
            for path in list(self._tcp):
                path.close()
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
                self._loop.forget_strangers()
            if self._control.connected or legs:
                orphaned_at = now
            if not legs and (self._control.draining or now - orphaned_at > _ORPHAN_LIFE):
                return

    def _emit(self, event: Event) -> None:
        self._control.emit(event)

    def _hello(self) -> Hello:
        legs = [OpenedLeg(leg.call, leg.id, leg.seat, leg.state.value) for leg in self._switchboard.legs()]
        return Hello(self._name, self._boot, self._host, self._port, srtp_version(), self._control.draining, legs)

    def _statistics(self) -> WorkerStatistics:
        legs = [leg_statistics(leg) for leg in self._switchboard.legs()]
        dropped: Counter[DropReason] = self._loop.dropped
        return WorkerStatistics(
            worker=self._name,
            boot=self._boot,
            port=self._port,
            packets_in=self._switchboard.closed_in + sum(leg.packets_in for leg in legs),
            packets_out=self._switchboard.closed_out + sum(leg.packets_out for leg in legs),
            dropped=drops(dropped),
            legs=legs,
        )


def run_worker(name: str, run_dir: Path, host: str, advertised: tuple[str, ...], port: int) -> int:
    """Run one worker in this process until it ends. Returns the exit status."""
    try:
        udp = open_socket(host, port)
    except OSError:
        log.error("media_port_taken", port=port)  # noqa: TRY400 — a sentence for the operator, not a traceback
        return EXIT_PORT_TAKEN

    async def serve() -> None:
        worker = Worker(name, host, advertised, port, batch_socket(udp))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run(run_dir)

    try:
        uvloop.run(serve())
    except OSError:
        log.error("media_port_taken", port=port)  # noqa: TRY400
        return EXIT_PORT_TAKEN
    return 0


def main() -> int:
    """Parse the command line of a worker process and run it."""
    parser = argparse.ArgumentParser(prog="python -m sfu.io.worker")
    parser.add_argument("--id", required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--advertise", required=True, help="addresses for the candidates, separated by commas")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    return run_worker(options.id, options.run_dir, options.host, tuple(options.advertise.split(",")), options.port)


if __name__ == "__main__":
    sys.exit(main())
