"""Hypothesis over the ways in which notices can arrive: shuffled, doubled, dropped, in any bursts. One final state."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from billing.io.money_tables import accounts, disputes, entries, holds, payments, payouts, postings, receipts
from billing.sandbox.io.server import Sandbox
from billing.sandbox.records import Payout
from store.io.database import Database
from tests.billing.practice import DISPUTED, VISA, Clock, Practice, opened_practice
from tests.migrated import migrated_file

AT = datetime(2026, 3, 28, 9, 30, 15, 123456, tzinfo=UTC)
AFTER = AT + timedelta(days=20)


class Story:
    """Everything happened at the provider, and nobody here has heard of it: the database as before, and the letters.

    Three paid by the link (one is disputed and lost, one disputed and won), an account that became complete, payouts
    that arrived and one that the bank sent back.
    """

    def __init__(self, folder: Path) -> None:
        self.database = folder / "visavis.sqlite3"
        self.before = folder / "before.sqlite3"
        self.provider = folder / "provider.sqlite3"
        self.letters = 0

    async def happen(self) -> None:
        database = await Database.open(f"sqlite:///{migrated_file(self.database)}")
        async with opened_practice(database, AT, self.provider) as practice:
            asked = [await practice.asked(fixed) for fixed in (10000, 11600, 2500)]
            account = asked[0][0].account
            await practice.outbox.deliver()
            _snapshot(self.database, self.before)
            evidence = (("losing_evidence", DISPUTED), ("winning_evidence", DISPUTED), ("", VISA))
            for (_, secret), (outcome, card) in zip(asked, evidence, strict=True):
                practice.enter(secret, card)
                practice.answer_dispute(outcome)
            practice.sandbox.require(account, ())
            practice.pass_time(days=10)
            [first, *_] = [one for one in practice.sandbox.books.all(Payout) if one.account == account]
            practice.sandbox.return_payout(first.id)
            practice.pass_time(days=10)
            self.letters = len(practice.letters())
        await database.close()

    async def heard(self, order: list[int], burst: int, *, reconcile: bool) -> dict[str, object]:
        """The final state when the letters arrive in that order, `burst` at a time."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "visavis.sqlite3"
            shutil.copy(self.before, copy)
            state = Path(folder) / "provider.sqlite3"
            _snapshot(self.provider, state)
            database = await Database.open(f"sqlite:///{copy}")
            sandbox = Sandbox()
            await sandbox.start(state, Clock(AFTER))
            practice = Practice(database, sandbox, Clock(AFTER))
            try:
                letters = practice.letters()
                for start in range(0, len(order), burst):
                    await practice.post(letters[place] for place in order[start : start + burst])
                    await practice.billing.accounting.inbox.work(AFTER)
                await practice.billing.accounting.run(AFTER)
                if reconcile:
                    await practice.billing.reconciliation.run(AFTER)
                # Everything again, and nothing may move any more.
                await practice.billing.accounting.run(AFTER)
                return await state_of(database)
            finally:
                await practice.close()
                await sandbox.close()
                await database.close()


def _snapshot(source: Path, target: Path) -> None:
    """Copy a database with what lies in its log."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


async def state_of(database: Database) -> dict[str, object]:
    """Everything that is the same whatever the order: not which of two receipts has which number."""
    async with database.reading() as tx:

        async def rows(*wanted):
            found = wanted[0] if len(wanted) == 1 else select(*wanted)
            return sorted(tuple(row) for row in (await tx.execute(found)).all())

        numbers = await rows(receipts.c.series, receipts.c.number)
        return {
            "payments": await rows(
                payments.c.id, payments.c.state, payments.c.paid, payments.c.refunded, payments.c.payout
            ),
            "holds": await rows(holds.c.id, holds.c.state, holds.c.captured, holds.c.charge_transaction),
            "disputes": await rows(disputes.c.id, disputes.c.state, disputes.c.payment),
            "payouts": await rows(payouts.c.id, payouts.c.state),
            "accounts": await rows(accounts.c.practitioner, accounts.c.can_payout, accounts.c.missing),
            "receipts": await rows(receipts.c.reference, receipts.c.kind),
            "gap-free": [number for _, number in numbers] == list(range(1, len(numbers) + 1)),
            "postings": await rows(postings.c.kind, postings.c.reference, postings.c.gateway_transaction),
            "entries": await rows(
                select(postings.c.kind, postings.c.reference)
                .add_columns(entries.c.account, entries.c.amount, entries.c.currency)
                .join(entries, entries.c.posting == postings.c.id)
            ),
        }


def _own_loop(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    story = Story(tmp_path_factory.mktemp("story"))
    _own_loop(story.happen())
    return story


@pytest.fixture(scope="module")
def in_order(story: Story) -> dict[str, object]:
    return _own_loop(story.heard(list(range(story.letters)), 1, reconcile=False))


@pytest.fixture(scope="module")
def reconciled(story: Story) -> dict[str, object]:
    return _own_loop(story.heard(list(range(story.letters)), 1, reconcile=True))


def test_the_story_moves_everything(in_order: dict[str, object]):
    payments_then = in_order["payments"]
    assert sorted(row[1] for row in payments_then) == ["lost", "paid", "won"]
    assert {row[4] for row in payments_then} == {"paid"}
    assert sorted(row[1] for row in in_order["payouts"]) == ["failed", "paid", "paid"]
    assert in_order["gap-free"] is True
    assert len(in_order["receipts"]) == 3


# A server's whole life goes by in each example: few of them, always the same ones, and no shrinking.
_ORDERS = settings(
    phases=[Phase.generate],
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@given(data=st.data())
@_ORDERS
def test_invariant_5_shuffled_and_doubled_notices_leave_the_same_state(
    data: st.DataObject, story: Story, in_order: dict[str, object]
):
    twice = [*range(story.letters), *data.draw(st.lists(st.integers(0, story.letters - 1), max_size=20))]
    order = data.draw(st.permutations(twice))
    burst = data.draw(st.sampled_from([1, 3, 100]))
    assert _own_loop(story.heard(order, burst, reconcile=False)) == in_order


@given(data=st.data())
@_ORDERS
def test_invariant_5_what_notices_did_not_say_reconciliation_finds(
    data: st.DataObject, story: Story, reconciled: dict[str, object]
):
    lost = data.draw(st.sets(st.integers(0, story.letters - 1)))
    order = data.draw(st.permutations([place for place in range(story.letters) if place not in lost]))
    assert _own_loop(story.heard(order, 3, reconcile=True)) == reconciled


def test_without_any_notice_reconciliation_finds_everything(story: Story, reconciled: dict[str, object]):
    assert _own_loop(story.heard([], 1, reconcile=True)) == reconciled
