"""Passwords: argon2id, with the parameters that OWASP names first (19 MiB, 2 passes, 1 lane)."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Two at once: a storm of log-ins then costs 38 MiB and two cores at most, and the loop stays free.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")

# A hash of the same cost that no password is known for: an unknown e-mail address takes as long as a known one.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$x2OLOT+uexVYvaWoJb2c/w$dA3oXf/Ko+f5XmYu2CHRj/78YK9cJQ1/Wmf7HvQw+no"


async def hash_password(password: str) -> str:
    """Return the salted hash to keep."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, _typed(password))


async def matches(password: str, kept: str | None) -> bool:
    """Whether the password belongs to the kept hash. With None it is False, after the same work."""
    right = await asyncio.get_running_loop().run_in_executor(_threads, _verify, kept or _NOBODY, _typed(password))
    return right and kept is not None


def _verify(kept: str, password: bytes) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _typed(password: str) -> bytes:
    """Return the same bytes from every keyboard: one may send é as one character, another as two."""
    return unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
