"""A whole Visavis as its users start it: the command in a process of its own, found through the line it prints."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from bench.io.ports import free_port

COMMAND = Path(sys.executable).parent / "visavis"


class Deployment:
    """`visavis up --demo --json` with its data in `folder`."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self.media_port = free_port()
        self._host = host
        self._options = options
        self._log = folder.parent / f"{folder.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Start it and wait for its line."""
        command = [str(COMMAND), "up", "--demo", "--json", "--data", str(self.folder), "--host", self._host]
        command += ["--port", str(self.port), "--media-port", str(self.media_port), "--workers", "1", *self._options]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), 60)
        assert line, self.log()
        self.ready = json.loads(line)

    def kill(self) -> None:
        """End the web process as a crash would; its workers live on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def worker_pids(self) -> set[int]:
        """Return the media workers of this deployment."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"sfu.io.worker" in command and str(self.folder).encode() in command:
                    found.add(int(entry.name))
        return found

    def stop(self) -> int:
        """End it as an operator would; return the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        for pid in self.worker_pids():
            os.kill(pid, signal.SIGKILL)
        return status

    def log(self) -> str:
        """Return everything that the web process and its workers have logged."""
        texts = [self._log.read_text(errors="replace")]
        texts += [path.read_text(errors="replace") for path in sorted(self.folder.glob("run/*.log"))]
        return "\n".join(texts)

    async def plan(self, patient: str = "Alex Dupont", **more: Any) -> dict[str, Any]:
        """Create a consultation by the REST API, now and free but for `more`; `practitioner_url` logs in there."""
        headers = {"Authorization": f"Bearer {self.ready['api_key']}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as session:
            async with session.post("/api/consultations", json={"patient_name": patient} | more) as response:
                assert response.status == 201, await response.text()
                planned: dict[str, Any] = await response.json()
            async with session.post(f"/api/consultations/{planned['id']}/entry") as response:
                assert response.status == 201, await response.text()
                return planned | {"practitioner_url": (await response.json())["url"]}

    async def metric(self, name: str) -> float:
        """Return a figure of /metrics."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as response:
            match = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", await response.text(), re.MULTILINE)
        assert match is not None, name
        return float(match[1])
