"""Several practitioners on one server, as a load needs them: one alone would have a list of everybody who waits.

On a server that the bench has started they are made in its database, with a platform's key; on any other they are named
by their e-mail addresses for which `--key` may plan, or there is the one whose own key it is.
"""

import argparse
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil

from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from agenda.people import EmailTaken
from bench.io.target import Metered, Planned, Target, TargetProblem
from store.io.bus import LocalBus
from store.io.database import Database, DatabaseProblem
from store.io.outbox import Outbox


def add_options(parser: argparse.ArgumentParser, practitioners: int) -> None:
    """Add who the practitioners are; `practitioners` is how many are made on a server that is started here."""
    parser.add_argument(
        "--practitioners",
        type=int,
        default=practitioners,
        metavar="N",
        help="how many to make on a server started here",
    )
    add_email_option(parser)


def add_email_option(parser: argparse.ArgumentParser) -> None:
    """Add who is planned for with a platform's key."""
    parser.add_argument(
        "--practitioner",
        action="append",
        default=[],
        metavar="EMAIL",
        help="one for whom a platform's --key may plan; may be said several times",
    )


@dataclass(frozen=True, slots=True)
class Appointment:
    """A planned consultation with its practitioner's e-mail, None for the one whose own key planned it."""

    planned: Planned
    practitioner: str | None


class Practice:
    """Use as an async context, within the target's. `count` practitioners are there."""

    def __init__(self, target: Target, options: argparse.Namespace) -> None:
        self._target = target
        self._options = options
        self._emails: list[str | None] = list(options.practitioner) or [None]
        self._api = target
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Make the practitioners. Raises `TargetProblem` when that fails, or when nothing can be planned for them."""
        if (data := data_folder(self._target)) is not None and self._options.practitioners > 1:
            emails, key = await _made(data, self._options.practitioners)
            self._emails = list(emails)
            self._api = await self._stack.enter_async_context(Target.at(self._target.url, key))
        # A wrong key or address is told once and at once, and not by every call.
        await self.plan(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def count(self) -> int:
        return len(self._emails)

    async def plan(self, index: int) -> Appointment:
        """Return a consultation for now; indexes go round the practitioners. Raises `TargetProblem`."""
        email = self._emails[index % len(self._emails)]
        return Appointment(await self._api.plan("Alex Dupont", practitioner=email), email)

    async def cookie(self, appointment: Appointment) -> str:
        """Return the `Cookie` header of its practitioner. Raises `TargetProblem`."""
        return await self._api.entry(appointment.planned, practitioner=appointment.practitioner)

    async def metered(self, consultation: str) -> Metered | None:
        """Return what the server has metered; None when it does not say. Raises `TargetProblem`."""
        return await self._api.metered(consultation)


def data_folder(target: Target) -> Path | None:
    """Return the data folder of a server that was started here, as its command line says it."""
    if (pid := target.web_pid()) is None:
        return None
    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return None
    return Path(command[command.index("--data") + 1]) if "--data" in command else None


async def _made(data: Path, count: int) -> tuple[list[str], str]:
    at = datetime.now(UTC)
    emails = [f"practitioner-{index}@bench.example" for index in range(count)]
    try:
        database = await Database.open(f"sqlite:///{data / 'visavis.sqlite3'}")
    except DatabaseProblem as problem:
        raise TargetProblem(str(problem)) from problem
    try:
        agenda = Agenda(database, Outbox(database, LocalBus()))
        for index, email in enumerate(emails):
            try:
                await agenda.create_practitioner(email, f"Dr Bench {index}", None, at)
            except EmailTaken:
                continue
        return emails, await Credentials(database).create_key("bench", None, at)
    finally:
        await database.close()
