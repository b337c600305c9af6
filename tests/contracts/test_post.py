"""Letters: each is written once and sent once, whoever asks and however many send."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
import structlog
from sqlalchemy import select

from notify.address import sender
from notify.carrier import Postponed, Rejected, Unclear
from notify.delivery import GIVE_UP_AFTER, LetterState
from notify.io.post import Post
from notify.io.service import PostRoom
from notify.io.tables import letters
from notify.letters import PayLink, Receipt
from notify.outgoing import Outgoing
from store.io.database import Database
from tests.notify.samples import NAME, TO, URL, letter

FROM = sender("Visio <visio@example.org>")
PAYMENT = "pay_AAAAAAAAAAAAAAAAAAAAAA"


class Bag:
    """A carrier that keeps what it is given. `trouble` is raised before the text, `doubt` after it."""

    files_only = False

    def __init__(self) -> None:
        self.carried: list[Outgoing] = []
        self.trouble: list[Exception] = []
        self.doubts = 0
        self.before: Callable[[], Awaitable[None]] | None = None

    async def carry(self, outgoing: Outgoing, begin: Callable[[], Awaitable[None]]) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        if self.before is not None:
            await self.before()
        await begin()
        self.carried.append(outgoing)
        if self.doubts:
            self.doubts -= 1
            raise Unclear

    async def rest(self) -> None:
        pass


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def later(self, **much: float) -> datetime:
        self.at += timedelta(**much)
        return self.at


@pytest.fixture
def clock(at: datetime) -> Clock:
    return Clock(at)


@pytest.fixture
def bag() -> Bag:
    return Bag()


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


@pytest.fixture
def room(database: Database, bag: Bag, clock: Clock) -> PostRoom:
    return PostRoom(database, bag, FROM, clock)


@pytest.fixture
def write(database: Database, post: Post, clock: Clock):
    async def write(key: str = "pay_link:1", kind=PayLink, to: str = TO) -> bool:
        async with database.transaction() as tx:
            return await post.enqueue(tx, letter(kind, to=to), key, clock(), PAYMENT)

    return write


async def fared(post: Post) -> list[tuple[LetterState, str]]:
    return [(sent.state, sent.problem) for sent in await post.about(PAYMENT)]


async def test_a_letter_is_sent_once(post: Post, room: PostRoom, bag: Bag, write, clock: Clock):
    await write()
    assert await room.run(clock()) == 1
    assert await room.run(clock.later(days=30)) == 0
    [message] = bag.carried
    assert message.recipient == TO
    assert message.sender == "visio@example.org"
    assert [(sent.kind, sent.state, sent.sent_at) for sent in await post.about(PAYMENT)] == [
        ("pay_link", LetterState.SENT, clock.at - timedelta(days=30))
    ]


async def test_a_letter_of_the_same_key_is_not_written_twice(room: PostRoom, bag: Bag, write, clock: Clock):
    assert await write()
    assert not await write(kind=Receipt)
    await room.run(clock())
    assert not await write()
    assert await room.run(clock.later(days=1)) == 0
    assert len(bag.carried) == 1


async def test_many_who_write_the_same_at_once_write_it_once(room: PostRoom, bag: Bag, write, clock: Clock):
    assert sorted(await asyncio.gather(*(write() for _ in range(8)))) == [False] * 7 + [True]
    assert await room.run(clock()) == 1


async def test_a_letter_of_a_transaction_that_failed_does_not_exist(
    database: Database, post: Post, room: PostRoom, clock: Clock
):
    async def fail() -> None:
        async with database.transaction() as tx:
            await post.enqueue(tx, letter(PayLink), "key", clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await room.run(clock()) == 0


async def test_two_rooms_share_the_work_and_send_each_letter_once(
    database_url: str, database: Database, bag: Bag, write, clock: Clock
):
    for number in range(30):
        await write(f"key {number}")
    other = await Database.open(database_url)
    rooms = [PostRoom(of, bag, FROM, clock) for of in (database, other, database)]
    assert sum(await asyncio.gather(*(room.run(clock()) for room in rooms))) == 30
    assert len({message.name for message in bag.carried}) == len(bag.carried) == 30
    await other.close()


async def test_a_letter_that_is_under_way_is_nobody_elses_for_a_quarter_of_an_hour(
    database: Database, room: PostRoom, bag: Bag, write, clock: Clock
):
    await write()
    other = PostRoom(database, bag, FROM, clock)
    seen = []

    async def meanwhile() -> None:
        bag.before = None
        seen.append(await other.run(clock()))

    bag.before = meanwhile
    assert await room.run(clock()) == 1
    assert seen == [0]
    assert len(bag.carried) == 1


async def test_one_who_was_held_up_before_the_text_finds_the_letter_taken_over(
    database: Database, room: PostRoom, bag: Bag, write, clock: Clock
):
    """As a process that was stopped for minutes and goes on."""
    await write()
    other = PostRoom(database, bag, FROM, clock)

    async def stopped() -> None:
        bag.before = None
        assert await other.run(clock.later(minutes=5)) == 1

    bag.before = stopped
    assert await room.run(clock()) == 0
    assert len(bag.carried) == 1


async def test_what_is_hindered_before_the_text_is_tried_again(
    post: Post, room: PostRoom, bag: Bag, write, clock: Clock
):
    await write()
    bag.trouble = [Postponed("smtp_450"), Postponed("unreachable", unreachable=True)]
    assert await room.run(clock()) == 0
    assert await fared(post) == [(LetterState.WAITING, "smtp_450")]
    assert await room.run(clock.later(seconds=59)) == 0
    assert len(bag.trouble) == 1
    assert await room.run(clock.later(seconds=1)) == 0
    assert await room.run(clock.later(minutes=5)) == 1
    assert await fared(post) == [(LetterState.SENT, "")]


async def test_a_server_that_is_away_is_not_asked_for_each_letter(room: PostRoom, bag: Bag, write, clock: Clock):
    for number in range(5):
        await write(f"key {number}")
    bag.trouble = [Postponed("unreachable", unreachable=True)] * 5
    assert [await room.run(clock.later(seconds=1)) for _ in range(20)] == [0] * 20
    assert len(bag.trouble) == 4


async def test_a_mailbox_that_is_refused_ends_a_letter(post: Post, room: PostRoom, bag: Bag, write, clock: Clock):
    await write()
    bag.trouble = [Rejected("smtp_550")]
    await room.run(clock())
    assert await room.run(clock.later(days=1)) == 0
    assert await fared(post) == [(LetterState.FAILED, "smtp_550")]


async def test_a_refused_letter_holds_up_no_other(room: PostRoom, bag: Bag, write, clock: Clock):
    await write("1")
    await write("2")
    bag.trouble = [Rejected("smtp_550")]
    assert await room.run(clock()) == 1


async def test_after_four_days_nobody_tries_any_more(post: Post, room: PostRoom, bag: Bag, write, clock: Clock):
    await write()
    end = clock() + GIVE_UP_AFTER
    bag.trouble = [Postponed("unreachable", unreachable=True)] * 1000
    while clock() <= end:
        await room.run(clock.later(hours=1))
    assert await fared(post) == [(LetterState.FAILED, "unreachable")]
    assert 90 < 1000 - len(bag.trouble) < 110


async def test_an_address_that_cannot_be_one_is_known_at_once(post: Post, room: PostRoom, bag: Bag, write, clock):
    assert await write(to="jeanne@example.org\r\nBcc: all@example.org")
    assert await fared(post) == [(LetterState.FAILED, "bad_address")]
    assert await room.run(clock()) == 0
    assert bag.carried == []


async def test_a_letter_that_cannot_be_put_into_words_fails_alone(
    database: Database, post: Post, room: PostRoom, write, clock: Clock
):
    async with database.transaction() as tx:
        await post.enqueue(tx, letter(PayLink, url="javascript:alert(1)"), "bad", clock(), PAYMENT)
    await write()
    assert await room.run(clock()) == 1
    assert set(await fared(post)) == {(LetterState.FAILED, "bad_letter"), (LetterState.SENT, "")}


async def test_without_an_answer_the_same_message_is_sent_again(
    database: Database, post: Post, room: PostRoom, bag: Bag, write, clock: Clock
):
    await write()
    bag.doubts = 1
    assert await room.run(clock()) == 0
    assert await fared(post) == [(LetterState.SENDING, "")]
    assert await room.run(clock.later(minutes=1)) == 1
    first, second = bag.carried
    assert first == second
    async with database.reading() as tx:
        assert await tx.scalar(select(letters.c.doubts)) == 1


async def test_what_was_sent_is_forgotten_but_for_the_fact(database: Database, room: PostRoom, write, clock: Clock):
    await write()
    await room.run(clock())
    async with database.reading() as tx:
        row = (await tx.execute(select(letters))).one()
    assert row.body == ""
    assert not [value for value in row if isinstance(value, str) and ("@" in value or NAME in value)]


async def test_the_logs_name_nobody(room: PostRoom, bag: Bag, write, clock: Clock):
    bag.trouble = [Postponed("smtp_450"), Rejected("smtp_550")]
    bag.doubts = 1
    with structlog.testing.capture_logs() as logged:
        for key in "abc":
            await write(key)
        await write("d", to="nobody at all")
        for _ in range(3):
            await room.run(clock.later(minutes=10))
    assert {entry["event"] for entry in logged} == {
        "letter has no address",
        "letter postponed",
        "letter failed",
        "letter sent",
        "letter sent again: its first try ended without an answer",
    }
    said = repr(logged)
    assert not [word for word in (TO, NAME, URL, "nobody at all") if word in said]


async def test_letters_about_one_thing_are_listed_the_latest_first(post: Post, write, clock: Clock):
    await write("1")
    clock.later(seconds=1)
    await write("2", kind=Receipt)
    assert [sent.kind for sent in await post.about(PAYMENT)] == ["receipt", "pay_link"]
    assert await post.about("pay_other") == []
