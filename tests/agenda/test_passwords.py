"""How passwords are kept."""

import asyncio
import threading

import argon2
import pytest

from agenda.io import passwords
from agenda.io.passwords import hash_password, matches


async def test_the_hash_is_argon2id_with_19_mib_and_two_passes_and_salted():
    first, second = await asyncio.gather(hash_password("the same words"), hash_password("the same words"))
    assert first != second
    parameters = argon2.extract_parameters(first)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (argon2.Type.ID, 19 * 1024, 2)
    assert await matches("the same words", first)
    assert not await matches("other words", first)


async def test_who_is_unknown_costs_the_same_and_never_matches():
    parameters = argon2.extract_parameters(passwords._NOBODY)
    assert parameters == argon2.extract_parameters(await hash_password("any words"))
    assert not await matches("any words", None)


async def test_a_damaged_hash_matches_nothing():
    assert not await matches("any words", "no hash")


async def test_at_most_two_are_computed_at_once(monkeypatch: pytest.MonkeyPatch):
    running, most, lock = 0, 0, threading.Lock()
    verify = passwords._verify

    def counted(kept: str, password: bytes) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return verify(kept, password)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(passwords, "_verify", counted)
    await asyncio.gather(*(matches("words", None) for _ in range(8)))
    assert most <= 2
