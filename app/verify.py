"""`visavis verify CALL`: computes a call's hash chain and its billable seconds anew from the database, nothing else."""

import argparse
import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from app.database_sentences import told_plainly
from app.language import Refused, Sentence, say, terminal_language
from app.settings import Settings, add_options, read_settings
from billing.chain import Verdict, verify
from billing.fact_row import fact_of
from billing.io.fact_log import FactLog
from billing.meter import Metered, replay
from store.ids import CallId
from store.io.database import Database, DatabaseProblem


@dataclass(frozen=True, slots=True)
class Examined:
    """A call as the database has it. `metered` is None where the chain is broken: nothing can be counted on then.

    `missing`: facts that workers numbered during the call and that never arrived. `found_at`: which row has the head
    that was asked for.
    """

    verdict: Verdict
    metered: Metered | None
    missing: int
    found_at: int | None


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `verify`."""
    parser = commands.add_parser(
        "verify",
        help="compute a call's seconds anew from its recorded facts, and check their hash chain",
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("call", metavar="CALL", help="the call's id, as the receipt shows it")
    parser.add_argument("--head", default="", metavar="HASH", help="the head of the chain, as the receipt shows it")
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    head = str(arguments.head).strip().lower()
    examined = asyncio.run(_examine(settings, CallId(arguments.call), head))
    language = terminal_language(os.environ)
    for sentence in _told(examined, head):
        print(sentence.told(language))
    return 0 if examined.verdict.intact and not (head and examined.found_at is None) else 1


async def _examine(settings: Settings, call: CallId, head: str) -> Examined:
    _require_database(settings)
    try:
        database = await Database.open(settings.database_url)
    except DatabaseProblem as error:
        raise Refused(told_plainly(error)) from error
    try:
        log = FactLog(database)
        rows = await log.rows_of(call)
        if not rows:
            raise Refused(say("No fact of a call with this id is recorded here."))
        verdict = verify(call, rows)
        metered = replay(fact_of(row) for row in rows) if verdict.intact else None
        found_at = next((row.number for row in rows if row.hash.hex() == head), None)
        return Examined(verdict, metered, await log.missing(call), found_at)
    finally:
        await database.close()


def _require_database(settings: Settings) -> None:
    """Look at a database, never make one. Raises `Refused`."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise Refused(say("There is no database in {folder}: say where it is with --data.", folder=settings.data))


def _told(examined: Examined, head: str) -> Iterator[Sentence]:
    verdict, metered = examined.verdict, examined.metered
    yield say("Head: {head}", head=verdict.head.hex())
    if metered is None:
        yield say(
            "Fact {number} of {rows} is not as it was recorded: nothing from there on can be relied on.",
            number=verdict.broken_at,
            rows=verdict.rows,
        )
        return
    yield say("Facts: {rows}, all as they were recorded.", rows=verdict.rows)
    yield say("Billable: {seconds} s.", seconds=metered.seconds)
    for span in metered.intervals:
        yield say(
            "from {start} to {end} UTC: {seconds} s",
            start=f"{span.began_at:%Y-%m-%d %H:%M:%S.%f}"[:-3],
            end=f"{span.ended_at:%Y-%m-%d %H:%M:%S.%f}"[:-3],
            seconds=f"{(span.end_ms - span.start_ms) / 1000:.3f}",
        )
    if examined.missing:
        yield say(
            "Missing: {count} facts that the media workers numbered in this time; "
            "the call may have lasted longer than is billed.",
            count=examined.missing,
        )
    if head and examined.found_at is None:
        yield say("The head that you gave is not in this chain: the receipt was made of other facts.")
    elif head:
        yield say("The head that you gave is that of fact {number}.", number=examined.found_at)
