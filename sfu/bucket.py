"""Token buckets: how much of something is allowed, refilled with time."""


class Bucket:
    """Allows `burst` units at once and `rate` units a second after that.

    It is refilled only when it runs dry, which keeps the packet path cheap and lets two bursts pass at the most.
    """

    __slots__ = ("_at", "_left", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._left = burst
        self._at = now

    def take(self, units: float, now: float) -> bool:
        """Whether `units` may pass at `now` (monotonic seconds); if so they are used up."""
        if self._left < units:
            self._left = min(self.burst, self._left + (now - self._at) * self.rate)
            self._at = now
            if self._left < units:
                return False
        self._left -= units
        return True

    def pay(self, units: float, now: float) -> bool:
        """Use up units that have passed already, into debt if need be. Whether there are any left."""
        if self._left <= units:
            self._left = min(self.burst, self._left + (now - self._at) * self.rate)
            self._at = now
        self._left -= units
        return self._left > 0


class AddressBuckets:
    """One bucket per source address, and a shared one for everybody once `capacity` addresses are known.

    A sender of forged source addresses thus competes with itself, in bounded memory.
    """

    def __init__(self, rate: float, burst: float, capacity: int = 4096) -> None:
        self.rate = rate
        self.burst = burst
        self._capacity = capacity
        self._buckets: dict[bytes, Bucket] = {}
        self._shared = Bucket(rate * 20, burst * 20, 0.0)

    def take(self, address: bytes, now: float) -> bool:
        """Whether one more packet from `address` may be looked at."""
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= self._capacity:
                return self._shared.take(1, now)
            bucket = self._buckets[address] = Bucket(self.rate, self.burst, now)
        return bucket.take(1, now)

    def forget(self) -> None:
        """Start over; called now and then so that addresses which have gone make room."""
        self._buckets.clear()
