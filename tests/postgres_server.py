"""PostgreSQL for the tests: Debian's binaries, a temporary folder, a Unix socket. Nothing in it outlives the run."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Self

from store.io.database import Database
from tests.requirements import missing

_START_SECONDS = 30


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        missing("PostgreSQL's server binaries are not in /usr/lib/postgresql (Debian: apt install postgresql)")
    return found[-1].parent


class PostgresServer:
    """A server without durability. The server refuses to run as root, so root starts it as user postgres."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._user = "postgres" if os.geteuid() == 0 else None
        # Not pytest's folder: user postgres may not enter it, and a socket's path has 107 characters at most.
        self._folder = Path(tempfile.mkdtemp(prefix="visavis-pg-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._run("initdb", "--pgdata", str(self._data), "--username", "visavis", "--auth", "trust", "--no-sync")
            settings = {
                "unix_socket_directories": str(self._folder),
                "listen_addresses": "",
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_connections": "120",
            }
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            log = (self._folder / "log").open("wb")
            with log:
                self._process = subprocess.Popen(  # Debian's own binary
                    [self._bin / "postgres", "-D", self._data, *options],
                    user=self._user,
                    cwd="/",
                    stdout=log,
                    stderr=log,
                )
            self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def new_database(self) -> str:
        """Create a database without any table; return its URL."""
        return self._url(self._copied("template0"))

    def migrated_database(self) -> str:
        """Create an empty database with the present schema; return its URL."""
        return self._url(self._copied(self._migrated))

    @cached_property
    def _migrated(self) -> str:
        """The name of the one that is copied: migrating each would take longer than most tests."""
        name = self._copied("template0")
        # In a thread of its own: the caller's may have an event loop.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(_migrate(self._url(name)))).result()
        return name

    def _copied(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        server = ("--host", str(self._folder), "--username", "visavis")
        self._run("createdb", *server, "--template", template, name)
        return name

    def _url(self, name: str) -> str:
        return f"postgresql://visavis@/{name}?host={self._folder}"

    def close(self) -> None:
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: immediate shutdown
            self._process.wait(timeout=_START_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        ready = [self._bin / "pg_isready", "--host", self._folder, "--username", "visavis", "--quiet"]
        while subprocess.run(ready, check=False).returncode != 0:  # Debian's own binary
            if time.monotonic() > deadline or (self._process and self._process.poll() is not None):
                raise RuntimeError("PostgreSQL did not start: " + (self._folder / "log").read_text()[-500:])
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(  # Debian's own binary
            [self._bin / program, *arguments], user=self._user, cwd="/", check=True, capture_output=True, timeout=60
        )


async def _migrate(url: str) -> None:
    await (await Database.open(url)).close()
