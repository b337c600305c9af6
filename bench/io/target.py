"""The server under test: one that the bench starts, or any that is reached by its address and a key.

Nothing here imports the product: a server is started by its command, found by the line it prints, and used through its
public API. What goes wrong is a `TargetProblem` with one sentence for the user.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from bench.io.ports import free_port
from bench.io.processes import Pinning, descendants

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 20.0
_TRIES, _LONGEST_WAIT = 20, 60.0


class TargetProblem(Exception):
    """The server cannot be used; the text is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A consultation made for the bench; `invitation` is the token in the patient's link."""

    id: str
    invitation: str
    patient_url: str


@dataclass(frozen=True, slots=True)
class Metered:
    """How many seconds of a consultation a server would charge so far, and whether both are there now."""

    seconds: float
    running: bool


class Target:
    """A server to measure. `url` has no slash at its end; `local` says whether its processes can be looked at.

    Use `Target.started(…)` or `Target.at(url, key)`, then `async with target:`.
    """

    def __init__(self, url: str, key: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._process = process
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._home: Path | None = None
        self._http: aiohttp.ClientSession | None = None
        self._cookies: dict[str | None, str] = {}

    # -- life ------------------------------------------------------------------------------------------------

    @classmethod
    async def started(
        cls, *, workers: int = 1, pinning: Pinning | None = None, options: Iterable[str] = (), data: Path | None = None
    ) -> "Target":
        """Start `visavis up --demo` on loopback, on the server's core when pinned, and return it.

        `options` are added to its command line. Raises `TargetProblem` when it does not come up.
        """
        folder = tempfile.TemporaryDirectory(prefix="visavis-bench-") if data is None else None
        home = Path(folder.name) / "data" if folder is not None else data
        command = [str(Path(sys.executable).parent / "visavis"), "up", "--demo", "--json", "--data", str(home)]
        command += ["--port", str(free_port()), "--media-port", str(free_port()), "--workers", str(workers), *options]
        with tempfile.TemporaryFile() as log:
            with (pinning or Pinning.off()).for_server():
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)  # noqa: ASYNC220 — returns at once
            try:
                ready = await _first_line(process)
            except TargetProblem:
                process.kill()
                process.wait()
                log.seek(0)
                last = log.read().decode(errors="replace").strip().splitlines()[-1:]
                raise TargetProblem(" ".join(["The server did not start.", *last])) from None
        target = cls(ready["url"], ready["api_key"], process)
        target._folder, target._home = folder, home
        return target

    @classmethod
    def at(cls, url: str, key: str) -> "Target":
        """Return the server at `url`, for which `key` is an API key. Raises `TargetProblem` for what is no URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise TargetProblem(f"“{url}” is no address of a server: give one like https://visio.example.org.")
        return cls(f"{parts.scheme}://{parts.netloc}", key)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100), cookie_jar=aiohttp.DummyCookieJar(), headers={"Origin": self.url}
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of it, and end it when it was started here."""
        if self._http is not None:
            await self._http.close()
            self._http = None
        if self._process is not None:
            await asyncio.to_thread(self._end)
        if self._folder is not None:
            self._folder.cleanup()

    def _end(self) -> None:
        process = self._process
        assert process is not None  # noqa: S101 — only called for a started one
        workers = self.worker_pids()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in workers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    # -- processes -------------------------------------------------------------------------------------------

    @property
    def local(self) -> bool:
        """Whether it was started here, so that its processes can be looked at."""
        return self._process is not None

    @property
    def run_dir(self) -> Path | None:
        """The folder of the workers' control sockets; None when the server is not ours."""
        return self._home / "run" if self._home is not None else None

    def web_pid(self) -> int | None:
        """Return the web process; None when the server is not ours."""
        return self._process.pid if self._process is not None else None

    def worker_pids(self) -> list[int]:
        """Return the media workers' processes, lowest first; empty when the server is not ours."""
        return [] if self._process is None else descendants(self._process.pid, "sfu.io.worker")

    # -- the public API --------------------------------------------------------------------------------------

    async def plan(
        self, patient: str = "Alex Dupont", *, practitioner: str | None = None, minutes: int = 60
    ) -> Planned:
        """Create a consultation that starts now; `practitioner` is an e-mail, needed with a platform's key only.

        Raises `TargetProblem`.
        """
        body: dict[str, Any] = {"patient_name": patient, "minutes": minutes}
        if practitioner is not None:
            body["practitioner"] = practitioner
        made = await self._post("/api/consultations", body)
        return Planned(made["id"], urlsplit(made["patient_url"]).fragment, made["patient_url"])

    async def entry(self, planned: Planned, *, practitioner: str | None = None) -> str:
        """Return the value of a `Cookie` header that makes its sender the consultation's practitioner.

        One log-in serves all consultations of the same practitioner. Raises `TargetProblem`.
        """
        if practitioner not in self._cookies:
            link = await self._post(f"/api/consultations/{planned.id}/entry", {})
            token = urlsplit(link["url"]).fragment
            self._cookies[practitioner] = await self._opened(token)
        return self._cookies[practitioner]

    async def _opened(self, token: str) -> str:
        for patience in range(_TRIES, -1, -1):
            async with self._session().post(f"{self.url}/open", json={"token": token}) as response:
                if response.status == 200:
                    return "; ".join(f"{name}={morsel.value}" for name, morsel in response.cookies.items())
                # All log in from one address here, and a server does not take many from one.
                wait = response.headers.get("Retry-After", "")
                if response.status != 429 or not wait.isdecimal() or not patience:
                    break
            await asyncio.sleep(min(float(wait), _LONGEST_WAIT))
        raise TargetProblem(f"The server at {self.url} refused its own log-in link ({response.status}).")

    async def metered(self, consultation: str) -> Metered | None:
        """Return what the server has metered; None when it does not say. Raises `TargetProblem`."""
        answer = await self._ask("GET", f"/api/consultations/{consultation}", None, expected=200)
        meter = answer.get("meter")
        return None if meter is None else Metered(meter["milliseconds"] / 1000, running=meter["running"])

    async def metrics(self) -> dict[str, float]:
        """Return the figures of /metrics, summed over their labels; empty where they are not shown to us."""
        async with self._session().get(f"{self.url}/metrics", headers=self._authorised()) as response:
            text = await response.text() if response.status == 200 else ""
        sums: dict[str, float] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                sums[name.partition("{")[0]] = sums.get(name.partition("{")[0], 0.0) + float(value)
        return sums

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise TargetProblem("The target is closed.")
        return self._http

    def _authorised(self) -> dict[str, str]:
        # The bench speaks English, and repeats the server's sentences.
        return {"Authorization": f"Bearer {self._key}", "Accept-Language": "en"}

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", path, body, expected=201)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, *, expected: int) -> dict[str, Any]:
        try:
            async with self._session().request(
                method, self.url + path, json=body, headers=self._authorised()
            ) as response:
                text = await response.text()
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TargetProblem(f"No server answers at {self.url} ({_why(error)}).") from error
        if status == 401:
            raise TargetProblem(f"The server at {self.url} does not know this key.")
        if status != expected:
            raise TargetProblem(f"The server at {self.url} refused ({status}): {_sentence(text)}")
        answer: dict[str, Any] = json.loads(text)
        return answer


async def _first_line(process: "subprocess.Popen[bytes]") -> dict[str, str]:
    assert process.stdout is not None  # noqa: S101 — opened as a pipe
    try:
        line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), _START_TIMEOUT)
        ready: dict[str, str] = json.loads(line)
    except (TimeoutError, ValueError):
        raise TargetProblem("The server did not start.") from None
    return ready


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return os.strerror(error.os_error.errno) if error.os_error.errno else "no connection"
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


def _sentence(text: str) -> str:
    try:
        problem = json.loads(text)
        return str(problem.get("detail") or problem.get("title") or "no reason given")
    except (ValueError, AttributeError):
        return "no reason given"
