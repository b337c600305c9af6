"""Runs lives: a warm parent forks one process after the other, each until it is killed or done."""

import asyncio
import os
import random
import select
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import structlog

from billing.sandbox.io.gateway import SandboxGateway
from tests.billing.crash.audit import audited
from tests.billing.crash.clock import Clock
from tests.billing.crash.life import Life
from tests.billing.crash.plan import Plan
from tests.billing.crash.provider import Provider
from tests.billing.crash.seams import SeamedDatabase, Seams
from tests.migrated import migrated_file
from tests.postgres_server import PostgresServer

# How long a machine is down: less than an operation's lease, about it, long after, longer than a key lives.
_DOWN = (0.5, 15, 65, 900, 90_000)
_LONGEST_SECONDS = 900.0
# A killed process takes nothing from the page cache, so that a disk would show nothing more, and later.
_MEMORY = Path("/dev/shm")  # noqa: S108


@dataclass(frozen=True, slots=True)
class Death:
    """When a process is killed: at its `seam`th seam, or from outside after so many seconds; neither: never."""

    seam: int | None = None
    after: float | None = None


NEVER = Death()


@dataclass(slots=True)
class Outcome:
    """`fault`: what the network did besides. `seams` that the last process passed. `deaths`: where the others died.

    `findings`: what is wrong in the end.
    """

    plan: Plan
    fault: str = ""
    seams: list[str] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Rig:
    """`databases` gives the URL of a fresh database with the present schema for each life."""

    def __init__(self, folder: Path, databases: Callable[[], str]) -> None:
        self.clock = Clock()
        self.provider = Provider(folder, self.clock)
        self._errors = folder / "errors"
        self._databases = databases

    def warm(self, plan: Plan) -> None:
        """Live one life in this process, so that its forks find everything imported. No thread is left of it."""
        keys = self.provider.ask("new")
        _listen(self._errors)
        asyncio.run(self._lived(plan, self._databases(), keys, Seams()))

    def run(self, plan: Plan, deaths: Iterator[Death], fault: str = "") -> Outcome:
        """Live one life, dying as told; the last process is left alive, and compares."""
        began = time.perf_counter()
        chance = random.Random(f"down {plan.seed}")  # noqa: S311
        outcome = Outcome(plan, fault)
        self._errors.write_text("")
        self.clock.begin()
        keys = self.provider.ask("new")
        if fault:
            self.provider.ask("fault", fault=fault)
        url = self._databases()
        for death in deaths:
            told = self._process(plan, url, keys, death)
            if "findings" in told:
                outcome.seams, outcome.findings = told["seams"], told["findings"]
                break
            outcome.deaths.append(told.get("died", "somewhere"))
            self.clock.wait(seconds=chance.choice(_DOWN))
        outcome.findings += self._errors.read_text().splitlines()
        outcome.seconds = time.perf_counter() - began
        return outcome

    def _process(self, plan: Plan, url: str, keys: dict[str, Any], death: Death) -> dict[str, Any]:
        """Return what the process tells: `findings` in the end, or `died` at which seam; nothing when killed."""
        hears, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(hears)
            self._child(plan, url, keys, death, tells)
        os.close(tells)
        told = bytearray()
        if not _heard(hears, death.after, told):
            os.kill(pid, signal.SIGKILL)
            _heard(hears, None, told)
        os.close(hears)
        _, status = os.waitpid(pid, 0)
        if told:
            return msgspec.json.decode(bytes(told))
        if not os.WIFSIGNALED(status) or death.after is None:
            return {"seams": [], "findings": [f"the process ended with {status}"]}
        return {}

    def _child(self, plan: Plan, url: str, keys: dict[str, Any], death: Death, tells: int) -> None:
        status = 1
        try:
            _listen(self._errors)
            seams = Seams(death.seam, lambda name: _tell(tells, {"died": name}))
            try:
                findings = asyncio.run(self._lived(plan, url, keys, seams))
            except Exception:  # noqa: BLE001  # a life that cannot go on is a finding
                findings = [traceback.format_exc()]
            _tell(tells, {"seams": seams.passed, "findings": findings})
            status = 0
        finally:
            os._exit(status)

    async def _lived(self, plan: Plan, url: str, keys: dict[str, Any], seams: Seams) -> list[str]:
        database = await SeamedDatabase.open(url)
        database.seams = seams
        gateway = SandboxGateway(
            keys["secret_key"],
            keys["publishable_key"],
            webhook_secrets=tuple(keys["webhook_secrets"]),
            url=keys["url"],
            clock=self.clock,
        )
        life = Life(plan, database, gateway, self.provider, self.clock, seams)
        await life.live()
        seams.doing = "audit"
        findings = await audited(life)
        await gateway.close()
        await database.close()
        return findings


def _tell(tells: int, what: dict[str, object]) -> None:
    os.write(tells, msgspec.json.encode(what))


def _heard(hears: int, seconds: float | None, told: bytearray) -> bool:
    """Add to `told` what comes until the other end is closed. Returns False when that takes longer."""
    end = time.monotonic() + (_LONGEST_SECONDS if seconds is None else seconds)
    while True:
        ready, _, _ = select.select([hears], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        part = os.read(hears, 65536)
        if not part:
            return True
        told += part


def _listen(errors: Path) -> None:
    """Keep what the program reports as an error: whoever is killed afterwards has said it."""

    def note(_logger: object, level: str, event: dict[str, object]) -> dict[str, object]:
        if level == "error":
            with errors.open("a") as file:
                file.write(f"logged: {event}\n")
        raise structlog.DropEvent

    structlog.configure(processors=[note])


@contextmanager
def opened_rig(server: PostgresServer | None = None) -> Iterator[Rig]:
    """Give a rig on SQLite in memory's file system, or on PostgreSQL."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        folder = Path(name)
        rig = Rig(folder, _copies(folder) if server is None else server.migrated_database)
        rig.provider.start()
        try:
            yield rig
        finally:
            rig.provider.stop()


def _copies(folder: Path) -> Callable[[], str]:
    path = folder / "life.sqlite3"

    def fresh() -> str:
        for part in ("", "-wal", "-shm"):
            Path(f"{path}{part}").unlink(missing_ok=True)
        return f"sqlite:///{migrated_file(path)}"

    return fresh
