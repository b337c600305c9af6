"""Token buckets: how often something may be tried. The caller says the time.

`take` spends one token and returns 0, or returns the seconds until there is one. Nobody is locked out for good: a
bucket fills up again by one token every `refill` seconds.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# At some 200 bytes each a flood from many addresses costs a few megabytes, not the machine.
MAX_KEYS = 20_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    seen: datetime


class Buckets:
    """One bucket per key, each of `capacity` tokens; the least recently used are forgotten beyond `MAX_KEYS`."""

    def __init__(self, capacity: int, refill: float) -> None:
        self._capacity = capacity
        self._refill = refill
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, key: str, at: datetime) -> float:
        """Return the seconds until a token is there, 0 when it is. Spends nothing."""
        missing = 1 - self._filled(key, at).tokens
        return max(0.0, missing * self._refill)

    def take(self, key: str, at: datetime) -> float:
        """Spend a token and return 0; or spend nothing and return the seconds until there is one."""
        wait = self.wait(key, at)
        if wait == 0:
            self._buckets[key].tokens -= 1
        return wait

    def give_back(self, key: str, at: datetime) -> None:
        """Return a token that was spent on something that turned out to be welcome."""
        bucket = self._filled(key, at)
        bucket.tokens = min(float(self._capacity), bucket.tokens + 1)

    def _filled(self, key: str, at: datetime) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float(self._capacity), at)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
            return bucket
        # A wall clock set back must neither empty nor freeze a bucket.
        elapsed = max(0.0, (at - bucket.seen).total_seconds())
        bucket.tokens = min(float(self._capacity), bucket.tokens + elapsed / self._refill)
        bucket.seen = at
        self._buckets.move_to_end(key)
        return bucket


class LoginThrottle:
    """Slows guessing of passwords: by account and address together, by account alone, and by address alone.

    A token is spent before the password is looked at, so that parallel guesses cannot overtake the count, and given
    back when it was right. The account's own bucket is the wide one: it slows a guess from a thousand addresses. So
    that nobody can keep its owner out by emptying it, a browser that is known for the account has a bucket of its own
    instead of all three.
    """

    def __init__(self) -> None:
        self._pair = Buckets(capacity=5, refill=60)
        self._account = Buckets(capacity=50, refill=5)
        self._address = Buckets(capacity=30, refill=10)
        self._known = Buckets(capacity=5, refill=60)

    def _each(self, account: str, address: str, browser: str | None) -> Sequence[tuple[Buckets, str]]:
        if browser is not None:
            return ((self._known, f"{account}\n{browser}"),)
        return (self._pair, f"{account}\n{address}"), (self._account, account), (self._address, address)

    def take(self, account: str, address: str, at: datetime, browser: str | None = None) -> float:
        """Spend one try and return 0; or spend nothing and return the seconds to wait.

        `browser`: its name, when it is known for this account (web.known_browser).
        """
        each = self._each(account, address, browser)
        wait = max(buckets.wait(key, at) for buckets, key in each)
        if wait == 0:
            for buckets, key in each:
                buckets.take(key, at)
        return wait

    def give_back(self, account: str, address: str, at: datetime, browser: str | None = None) -> None:
        """Take a try back: the password was right."""
        for buckets, key in self._each(account, address, browser):
            buckets.give_back(key, at)
