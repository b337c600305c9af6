"""Notices of the provider: forged, stale, doubled, shuffled, dropped; the same final state."""

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from billing.gateway import AuthoriseCard, BadSignature, GatewayUnclear
from billing.io.money_tables import notices
from billing.money import UnknownCurrency
from billing.payment import PaymentState
from billing.sandbox.io.webhooks import signature
from billing.sandbox.records import Event
from store.io.database import Database
from tests.billing.practice import Practice, opened_practice


@pytest.fixture
async def practice(database: Database, at: datetime) -> AsyncIterator[Practice]:
    async with opened_practice(database, at) as practice:
        account = await practice.billing.connect.account_of(practice.practitioner)
        practice.sandbox.require(account.id, ())
        yield practice


async def kept(practice: Practice) -> int:
    async with practice.database.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(notices)) or 0


def a_letter(practice: Practice) -> tuple[bytes, str, bool]:
    return next(letter for letter in practice.letters() if letter[2])


async def test_a_letter_that_is_not_signed_by_the_provider_is_refused_and_not_kept(practice: Practice):
    body, signed, connect = a_letter(practice)
    account_secret, connect_secret = practice.sandbox.webhook_secrets
    now = int(time.time())
    forged = [
        (body + b" ", signed),
        (body.replace(b"sbx_acct", b"sbx_acct_other"), signed),
        (body, signature(body, "whsec_guessed", now)),
        (body, signature(body, account_secret, now)),
        (body, ""),
        (body, "t=1,v1=00"),
        (b"", signature(b"", connect_secret, now)),
        (b"[]", signature(b"[]", connect_secret, now)),
        (b"{}", signature(b"{}", connect_secret, now)),
        (b'{"id":1}', signature(b'{"id":1}', connect_secret, now)),
    ]
    for wrong, by in forged:
        with pytest.raises(BadSignature):
            await practice.billing.inbox.receive(wrong, by, connect=connect, at=practice.at)
    assert await kept(practice) == 0


async def test_a_letter_that_was_sent_long_ago_is_refused(practice: Practice):
    event = next(event for event in practice.sandbox.books.all(Event) if event.account)
    body, signed, connect = practice.letter(event, time.time() - 301)
    with pytest.raises(BadSignature):
        await practice.billing.inbox.receive(body, signed, connect=connect, at=practice.at)
    assert await kept(practice) == 0


async def test_a_letter_that_comes_twice_is_kept_once(practice: Practice):
    body, signed, connect = a_letter(practice)
    assert await practice.billing.inbox.receive(body, signed, connect=connect, at=practice.at) is True
    assert await practice.billing.inbox.receive(body, signed, connect=connect, at=practice.at) is False
    assert await kept(practice) == 1


async def test_what_a_notice_says_is_not_believed(practice: Practice):
    """A rightly signed notice of success changes nothing as long as the provider has no success."""
    payment, secret = await practice.asked()
    practice.enter(secret)
    [paid] = [event for event in practice.sandbox.books.all(Event) if event.type == "payment_intent.succeeded"]
    other, _ = await practice.asked()
    intent = practice.sandbox.books.intents[-1].id
    body, _, connect = practice.letter(paid)
    lying = body.replace(paid.object.encode(), intent.encode())
    _, secret_of_connect = practice.sandbox.webhook_secrets
    await practice.post([(lying, signature(lying, secret_of_connect, int(time.time())), connect)])
    await practice.work()
    assert (await practice.payment(other.id)).state is PaymentState.PENDING
    assert (await practice.payment(payment.id)).state is PaymentState.PENDING


async def test_notices_of_objects_that_nobody_knows_are_put_away(practice: Practice):
    await practice.asked()
    stranger = await practice.billing.connect.account_of(practice.practitioner)
    foreign = AuthoriseCard(stranger.id, "somebody else's", 5000, "EUR", capture=True)
    intent = await practice.gateway.perform(foreign, "somebody else's key")
    practice.enter(intent.client_secret)
    await practice.post(practice.letters())
    await practice.work()
    assert await kept(practice) > 2
    assert await practice.billing.inbox.work(practice.at) == 0
    async with practice.database.reading() as tx:
        waiting = await tx.scalar(select(func.count()).select_from(notices).where(notices.c.handled_at.is_(None)))
    assert waiting == 0


async def test_while_the_provider_is_silent_notices_wait_and_nothing_is_lost(practice: Practice, monkeypatch):
    payment, secret = await practice.asked()
    practice.enter(secret)
    await practice.post(practice.letters())
    find, asked = practice.gateway.find, 0

    async def silent(_account, _name):
        nonlocal asked
        asked += 1
        raise GatewayUnclear

    monkeypatch.setattr(practice.gateway, "find", silent)
    for _ in range(5):
        assert await practice.billing.inbox.work(practice.at) == 0
    assert asked == 1
    monkeypatch.setattr(practice.gateway, "find", find)
    practice.pass_time(minutes=6)
    await practice.work()
    assert (await practice.payment(payment.id)).state is PaymentState.PAID


async def test_a_notice_that_cannot_be_read_keeps_no_other_waiting(practice: Practice, monkeypatch):
    payment, secret = await practice.asked()
    find, unreadable = practice.gateway.find, practice.sandbox.books.intents[-1].id
    practice.enter(secret)
    other = await practice.held()
    tries = []

    async def found(account: str, name: str):
        if name == unreadable:
            tries.append(name)
            raise UnknownCurrency("STD")
        return await find(account, name)

    monkeypatch.setattr(practice.gateway, "find", found)
    for letter in practice.letters():
        await practice.billing.inbox.receive(*letter[:2], connect=letter[2], at=practice.at)
    before = len(tries)
    assert await practice.billing.inbox.work(practice.at) > 0
    while await practice.billing.inbox.work(practice.at):
        pass
    assert len(tries) == before + 1
    practice.clock.at += timedelta(minutes=11)
    monkeypatch.undo()
    assert await practice.billing.inbox.work(practice.at) > 0
    assert (await practice.payment(payment.id)).state is PaymentState.PAID
    assert (await practice.payment(other.id)).state is PaymentState.DRAFT
