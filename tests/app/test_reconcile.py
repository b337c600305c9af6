"""`visavis reconcile`: every difference is a line, and the exit code says whether there is one."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from app import reconcile
from app.language import Refused
from billing.gateway import GatewayUnclear
from billing.io.ledger_book import LedgerBook
from billing.io.money_tables import entries
from billing.ledger import PostingKind, moved
from billing.reconciling import Difference, DifferenceKind
from store.facts import ConsultationCancelled
from store.io.database import Database
from store.io.tables import outbox
from tests.app.processes import Place
from tests.app.test_settings import read


def test_books_that_agree_with_the_provider_are_said_so(place: Place) -> None:
    done = place.run("reconcile")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No differences: the books and the payment provider agree.\n"


async def test_each_difference_is_printed_and_the_exit_code_is_one(place: Place) -> None:
    assert place.run("reconcile").returncode == 0
    database = await Database.open(f"sqlite:///{place.data}/visavis.sqlite3")
    async with database.transaction() as tx:
        posting = await LedgerBook(database).post(
            tx, moved(PostingKind.ADJUSTED, "x", "a", "b", 5, "EUR", datetime.now(UTC)), None
        )
        await tx.execute(insert(entries).values(posting=posting, line=9, account="c", amount=3, currency="EUR"))
    await database.close()
    done = place.run("reconcile")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"{posting}: the entries of this posting leave 0.03 EUR; they must come to nothing.\n"


def test_beside_a_running_server_with_the_sandbox_it_says_why_it_does_not(place: Place) -> None:
    place.up()
    done = place.run("reconcile")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The sandbox is in use by the Visavis that runs here")


@pytest.mark.parametrize("kind", DifferenceKind)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_kind_of_difference_is_a_sentence_with_its_object(kind: DifferenceKind, language: str) -> None:
    line = reconcile._told(Difference("acct_1", kind, "txn_1", "1.00 EUR", "")).told(language)
    assert line.startswith("txn_1")
    assert not re.search(r"[{}]", line)


async def test_a_provider_that_is_silent_is_a_refusal(tmp_path: Path) -> None:
    @asynccontextmanager
    async def silent(*_arguments: object) -> AsyncIterator[object]:
        raise GatewayUnclear
        yield

    with pytest.raises(Refused, match="does not answer"):
        await reconcile.reconciled(read(f"--data={tmp_path}"), None, silent)  # type: ignore[arg-type]


async def test_what_it_settles_is_left_to_the_web_side_to_tell(tmp_path: Path) -> None:
    told: list[int] = []

    @asynccontextmanager
    async def settling(_settings, database, facts, *_rest) -> AsyncIterator[object]:
        async with facts.committing() as tx:
            await facts.add(tx, ConsultationCancelled("con_1", datetime.now(UTC)))
        await facts.deliver()
        async with database.reading() as tx:
            told.extend((await tx.execute(select(outbox.c.seq).where(~outbox.c.delivered))).scalars())
        raise GatewayUnclear
        yield

    with pytest.raises(Refused):
        await reconcile.reconciled(read(f"--data={tmp_path}"), None, settling)  # type: ignore[arg-type]
    assert len(told) == 1
