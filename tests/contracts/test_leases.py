"""Leases: one holder at a time, and an epoch that tells a late one from the present one."""

import asyncio
from datetime import datetime, timedelta

import pytest

from store.io.database import Database
from store.io.leases import Leases, StaleLease

SECOND = timedelta(seconds=1)


@pytest.fixture
def leases(database: Database) -> Leases:
    return Leases(database)


async def test_a_free_lease_is_taken_and_nobody_else_gets_it(leases: Leases, at: datetime):
    lease = await leases.acquire("worker", "a", at, 10)
    assert lease is not None
    assert (lease.epoch, lease.expires_at) == (1, at + 10 * SECOND)
    assert await leases.acquire("worker", "b", at + 9 * SECOND, 10) is None
    assert await leases.acquire("another", "b", at, 10) is not None


async def test_the_holder_extends_it_within_its_epoch(leases: Leases, at: datetime):
    first = await leases.acquire("worker", "a", at, 10)
    again = await leases.acquire("worker", "a", at + 5 * SECOND, 10)
    assert first is not None
    assert again is not None
    assert (again.epoch, again.expires_at) == (first.epoch, at + 15 * SECOND)
    renewed = await leases.renew(first, at + 12 * SECOND, 10)
    assert (renewed.epoch, renewed.expires_at) == (1, at + 22 * SECOND)
    assert await leases.acquire("worker", "b", at + 21 * SECOND, 10) is None


@pytest.mark.parametrize("next_holder", ["a", "b"])
async def test_a_lapsed_lease_is_taken_with_the_next_epoch_and_the_old_one_is_refused(
    leases: Leases, at: datetime, next_holder: str
):
    old = await leases.acquire("worker", "a", at, 10)
    new = await leases.acquire("worker", next_holder, at + 10 * SECOND, 10)
    assert old is not None
    assert new is not None
    assert new.epoch == 2
    with pytest.raises(StaleLease):
        await leases.renew(old, at + 11 * SECOND, 10)
    with pytest.raises(StaleLease):
        await leases.release(old, at + 11 * SECOND)
    assert (await leases.renew(new, at + 11 * SECOND, 10)).epoch == 2


async def test_a_released_lease_is_free_at_once(leases: Leases, at: datetime):
    lease = await leases.acquire("worker", "a", at, 10)
    assert lease is not None
    await leases.release(lease, at + SECOND)
    taken = await leases.acquire("worker", "b", at + SECOND, 10)
    assert taken is not None
    assert taken.epoch == 2


@pytest.mark.parametrize("lapsed", [False, True])
async def test_of_many_who_race_one_gets_it(leases: Leases, at: datetime, lapsed: bool):
    if lapsed:
        await leases.acquire("worker", "before", at - 20 * SECOND, 10)
    taken = await asyncio.gather(*(leases.acquire("worker", f"h{number}", at, 10) for number in range(20)))
    assert len([lease for lease in taken if lease]) == 1
