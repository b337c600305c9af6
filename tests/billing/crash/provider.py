"""The sandbox in a process of its own, so that it outlives whoever is killed; and how the others speak to it.

One line of JSON asks, one answers: what a patient does in the sandbox, the events that it has to tell, what it holds.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from billing.sandbox import records
from billing.sandbox.errors import ApiError
from billing.sandbox.io.faults import Fault
from billing.sandbox.io.server import Sandbox
from billing.sandbox.io.webhooks import signature
from billing.sandbox.records import Event, Record
from billing.sandbox.shapes import shown

_SHOWN: tuple[type[Record], ...] = (
    records.Account,
    records.PaymentIntent,
    records.SetupIntent,
    records.Charge,
    records.Refund,
    records.BalanceTransaction,
    records.Performed,
)
_LINE = 64 * 1024 * 1024


class _Till:
    """One sandbox after the other."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._sandbox: Sandbox | None = None
        self._taken: set[str] = set()

    async def answer(self, asked: dict[str, Any]) -> Any:
        return await getattr(self, f"do_{asked.pop('do')}")(**asked)

    async def do_new(self) -> dict[str, Any]:
        if self._sandbox is not None:
            await self._sandbox.close()
        self._taken.clear()
        self._sandbox = sandbox = Sandbox()
        await sandbox.start(None, self._clock)
        return {
            "url": sandbox.url,
            "secret_key": sandbox.secret_key,
            "publishable_key": sandbox.publishable_key,
            "webhook_secrets": sandbox.webhook_secrets,
        }

    async def do_card(self, intent: str, number: str) -> str:
        try:
            self._open.enter_card(intent, number, authenticated=True)
        except ApiError as refusal:
            return refusal.code
        return ""

    async def do_fault(self, fault: str) -> None:
        self._open.faults.order(Fault(fault))

    async def do_letters(self) -> list[tuple[str, str, str, bool]]:
        """Return the events that nobody has taken yet: id, body, signature, and whether to Connect's end."""
        sandbox = self._open
        account_secret, connect_secret = sandbox.webhook_secrets
        letters = []
        for event in sandbox.books.all(Event):
            if event.id not in self._taken:
                body = msgspec.json.encode(shown(event, sandbox.books))
                secret = connect_secret if event.account else account_secret
                signed = signature(body, secret, int(time.time()))
                letters.append((event.id, body.decode(), signed, bool(event.account)))
        return letters

    async def do_taken(self, names: list[str]) -> None:
        self._taken.update(names)

    async def do_books(self) -> dict[str, list[Record]]:
        """Return everything that the sandbox holds, by kind."""
        self._open.advance(self._clock() - self._clock())
        return {kind.__name__: list(self._open.books.all(kind)) for kind in _SHOWN}

    @property
    def _open(self) -> Sandbox:
        assert self._sandbox is not None
        return self._sandbox


class Provider:
    """Start it once, before anything is forked; `ask` from any process."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._path = str(folder / "provider")
        self._clock = clock
        self._pid = 0

    def start(self) -> None:
        ready, told = os.pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(ready)
                asyncio.run(self._serve(told, parent))
            finally:
                os._exit(0)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def ask(self, do: str, **more: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self._path)
            line.sendall(msgspec.json.encode({"do": do, **more}) + b"\n")
            parts = []
            while part := line.recv(65536):
                parts.append(part)
        return msgspec.json.decode(b"".join(parts))

    async def _serve(self, told: int, parent: int) -> None:
        till = _Till(self._clock)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = await reader.readline()
            if asked:
                writer.write(msgspec.json.encode(await till.answer(msgspec.json.decode(asked))))
            writer.close()

        server = await asyncio.start_unix_server(answer, self._path, limit=_LINE)
        os.write(told, b"!")
        async with server:
            # Nobody tells a process that its parent was killed.
            while os.getppid() == parent:  # noqa: ASYNC110
                await asyncio.sleep(1)
