"""The real command in processes of its own, each with a data folder and ports that nobody else uses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.io.ports import free_port

PATIENCE = 60
VISAVIS = str(Path(sys.executable).parent / "visavis")


class Place:
    """A data folder and ports. At the end everything that still runs there is stopped."""

    def __init__(self, workers: int = 1) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="vv-"))
        self.port = free_port()
        self.media_port = free_port()
        self.workers = workers
        self.processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for process in self.processes:
            stop(process, signal.SIGKILL)
        for pid in self.worker_pids():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.data, ignore_errors=True)

    def options(self) -> list[str]:
        return [
            f"--data={self.data}",
            f"--port={self.port}",
            f"--media-port={self.media_port}",
            f"--workers={self.workers}",
        ]

    def line(self, *words: str) -> list[str]:
        """Return `visavis WORDS…` with this place's options."""
        # An option that is given twice has its last value, so a test's own options come last.
        names = [word for word in words if not word.startswith("-")]
        return [VISAVIS, *names, *self.options(), *words[len(names) :]]

    def start(self, command: str, *more: str, lang: str = "C.UTF-8") -> subprocess.Popen[str]:
        """Start `visavis COMMAND` here; it is stopped at the end."""
        process = subprocess.Popen(
            self.line(command, *more),
            stdout=subprocess.PIPE,
            stderr=(self.data / f"stderr-{len(self.processes)}").open("w"),
            text=True,
            env={**os.environ, "LANG": lang, "LC_ALL": ""},
        )
        self.processes.append(process)
        return process

    def run(self, *words: str, lang: str = "C.UTF-8", stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `visavis WORDS…` here to its end."""
        return subprocess.run(
            self.line(*words),
            capture_output=True,
            text=True,
            input=stdin,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "LANG": lang, "LC_ALL": ""},
        )

    def up(self, *more: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """Start `visavis up --json` and return it with its one line once it is ready."""
        process = self.start("up", "--json", *more)
        return process, ready(process)

    def stderr(self) -> str:
        return "".join(path.read_text() for path in sorted(self.data.glob("stderr-*")))

    def worker_pids(self) -> list[int]:
        """Return the worker processes of this data folder that are alive."""
        pids = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"sfu.io.worker" in words and str(self.data / "run").encode() in words:
                    pids.append(int(entry.name))
        return pids


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the JSON line with which the process says that it is ready."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    """Send the signal and return the exit code."""
    if process.poll() is None:
        process.send_signal(number)
    code = process.wait(PATIENCE)
    if process.stdout is not None and not process.stdout.closed:
        process.stdout.close()
    return code


def get(url: str) -> tuple[int, str]:
    """Return status and body of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  # our own server
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
