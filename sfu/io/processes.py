"""The worker processes that this control side has started: launched, watched, ended."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sfu.control import EXIT_PORT_TAKEN


class MediaPortTaken(Exception):
    """Another program uses the worker's port; the port is the argument."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Where workers listen: `port`, `port + 1`, …; `advertised` addresses stand in the candidates."""

    run_dir: Path
    host: str
    advertised: tuple[str, ...]
    port: int
    workers: int
    loop: str = "auto"


def worker_command(settings: WorkerSettings, index: int) -> list[str]:
    """Return the command line of worker `index`."""
    command = [sys.executable, "-m", "sfu.io.worker", "--id", f"worker-{index}", "--loop", settings.loop]
    command += ["--run-dir", str(settings.run_dir), "--host", settings.host]
    return [*command, "--advertise", ",".join(settings.advertised), "--port", str(settings.port + index)]


class WorkerProcesses:
    """By index. Each is a session of its own, so that it survives its parent."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start_if_needed(self, index: int) -> None:
        """Start a worker unless it runs. Raises `MediaPortTaken` when the last one ended for that reason."""
        process = self._running.get(index)
        if process is not None:
            status = process.poll()
            if status == EXIT_PORT_TAKEN:
                raise MediaPortTaken(self._settings.port + index)
            if status is None:
                return
        self._running[index] = self._launch(index)

    def _launch(self, index: int) -> subprocess.Popen[bytes]:
        settings = self._settings
        # Its log is a file: the pipe of a control side that has died would break it.
        descriptor = os.open(settings.run_dir / f"worker-{index}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            return subprocess.Popen(  # noqa: S603 — our own interpreter and arguments
                worker_command(settings, index),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    async def kill(self, index: int) -> None:
        """Kill a worker that was started here; nothing for another one."""
        process = self._running.get(index)
        if process is not None and process.poll() is None:
            process.kill()
            await asyncio.to_thread(process.wait)

    def forget(self, index: int) -> None:
        """Let the next `start_if_needed` start anew, whatever the last one's end was."""
        self._running.pop(index, None)

    async def reap(self) -> None:
        """Wait for all of them to end; one that does not is killed."""
        for process in self._running.values():
            await asyncio.to_thread(_reap, process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
