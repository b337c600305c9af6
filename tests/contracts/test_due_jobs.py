"""Due jobs: each is done by one, and none is forgotten."""

import asyncio
from datetime import datetime, timedelta

import pytest

from store.io.database import Database
from store.io.due_jobs import DueJobs

MINUTE = timedelta(minutes=1)


@pytest.fixture
def jobs(database: Database) -> DueJobs:
    return DueJobs(database)


@pytest.fixture
def schedule(database: Database, jobs: DueJobs):
    async def schedule(key: str, due_at: datetime, payload: dict[str, object] | None = None) -> bool:
        async with database.transaction() as tx:
            return await jobs.schedule(tx, "remind", key, payload or {}, due_at)

    return schedule


async def test_a_job_is_claimed_when_it_is_due_with_what_it_was_given(jobs: DueJobs, schedule, at: datetime):
    await schedule("a", at + MINUTE, {"to": "x", "list": [1, None, {"é": 2.5}]})
    assert await jobs.claim(at, 60, 10) == []
    [job] = await jobs.claim(at + MINUTE, 60, 10)
    assert (job.kind, job.key, job.due_at, job.attempts) == ("remind", "a", at + MINUTE, 1)
    assert job.payload == {"to": "x", "list": [1, None, {"é": 2.5}]}


async def test_the_earliest_come_first_and_no_more_than_asked_for(jobs: DueJobs, schedule, at: datetime):
    for minutes in (3, 1, 2):
        await schedule(str(minutes), at + minutes * MINUTE)
    assert [job.key for job in await jobs.claim(at + 5 * MINUTE, 60, 2)] == ["1", "2"]
    assert [job.key for job in await jobs.claim(at + 5 * MINUTE, 60, 2)] == ["3"]


async def test_who_names_kinds_gets_jobs_of_these_only(database: Database, jobs: DueJobs, schedule, at: datetime):
    await schedule("a", at)
    async with database.transaction() as tx:
        await jobs.schedule(tx, "letter", "b", {}, at)
    assert [job.key for job in await jobs.claim(at, 60, 10, kinds=("letter",))] == ["b"]
    assert await jobs.claim(at, 60, 10, kinds=()) == []
    assert [job.key for job in await jobs.claim(at, 60, 10)] == ["a"]


async def test_a_lease_can_be_made_longer_by_who_has_it(database: Database, jobs: DueJobs, schedule, at: datetime):
    await schedule("a", at)
    [job] = await jobs.claim(at, 60, 10)
    async with database.transaction() as tx:
        assert await jobs.extend(tx, job, at + 10 * MINUTE)
    assert await jobs.claim(at + 9 * MINUTE, 60, 10) == []
    [later] = await jobs.claim(at + 10 * MINUTE, 60, 10)
    async with database.transaction() as tx:
        assert not await jobs.extend(tx, job, at + 60 * MINUTE)
    assert await jobs.finish(later)


async def test_the_same_kind_and_key_is_planned_once(jobs: DueJobs, schedule, at: datetime):
    assert await schedule("a", at)
    assert not await schedule("a", at + MINUTE)
    assert [job.due_at for job in await jobs.claim(at + 2 * MINUTE, 60, 10)] == [at]


async def test_a_job_of_a_transaction_that_failed_does_not_exist(database: Database, jobs: DueJobs, at: datetime):
    async def fail() -> None:
        async with database.transaction() as tx:
            await jobs.schedule(tx, "remind", "a", {}, at)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await jobs.claim(at, 60, 10) == []


async def test_a_finished_job_is_gone(jobs: DueJobs, schedule, at: datetime):
    await schedule("a", at)
    [job] = await jobs.claim(at, 60, 10)
    assert await jobs.finish(job)
    assert not await jobs.finish(job)
    assert await jobs.claim(at + 60 * MINUTE, 60, 10) == []


async def test_a_job_put_off_comes_again_at_its_time(jobs: DueJobs, schedule, at: datetime):
    await schedule("a", at)
    [job] = await jobs.claim(at, 60, 10)
    assert await jobs.retry(job, at + 5 * MINUTE)
    assert await jobs.claim(at + 4 * MINUTE, 60, 10) == []
    [again] = await jobs.claim(at + 5 * MINUTE, 60, 10)
    assert again.attempts == 2


async def test_a_lost_lease_gives_the_job_to_another_and_refuses_the_first(jobs: DueJobs, schedule, at: datetime):
    await schedule("a", at)
    [first] = await jobs.claim(at, 60, 10)
    assert await jobs.claim(at + timedelta(seconds=59), 60, 10) == []
    [second] = await jobs.claim(at + timedelta(seconds=60), 60, 10)
    assert second.attempts == 2
    assert not await jobs.finish(first)
    assert not await jobs.retry(first, at)
    assert await jobs.finish(second)


async def test_claimers_at_once_never_share_a_job(jobs: DueJobs, schedule, at: datetime):
    for number in range(40):
        await schedule(str(number), at)
    claimed = await asyncio.gather(*(jobs.claim(at, 60, 5) for _ in range(20)))
    keys = [job.key for some in claimed for job in some]
    assert len(keys) == len(set(keys))
    rest = [job.key for job in await jobs.claim(at, 60, 100)]
    assert sorted(keys + rest, key=int) == [str(number) for number in range(40)]
