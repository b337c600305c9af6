"""How often one may knock: a link that many knock with is in wrong hands, and each knock is work for everybody."""

from sfu.bucket import Bucket

# All who may wait for one consultation can reload a few times at once.
KNOCKS_A_SECOND = 1.0
KNOCKS_AT_ONCE = 20.0
# Full buckets are worth nothing; they are looked for when this many are kept.
_KEPT = 1024


class KnockLimit:
    """A bucket for each key: a consultation, or the place of one who comes back."""

    def __init__(self, a_second: float = KNOCKS_A_SECOND, at_once: float = KNOCKS_AT_ONCE) -> None:
        self._a_second = a_second
        self._at_once = at_once
        self._buckets: dict[str, tuple[Bucket, float]] = {}

    def take(self, key: str, now: float) -> bool:
        """Whether one more knock may pass at `now` (monotonic seconds)."""
        if len(self._buckets) >= _KEPT:
            self._forget(now)
        bucket, _ = self._buckets.get(key) or (Bucket(self._a_second, self._at_once, now), now)
        self._buckets[key] = (bucket, now)
        return bucket.take(1, now)

    def _forget(self, now: float) -> None:
        """Forget the buckets that are full again; if that are too few, the oldest half."""
        refilled = now - self._at_once / self._a_second if self._a_second else now
        self._buckets = {key: kept for key, kept in self._buckets.items() if kept[1] > refilled}
        if len(self._buckets) >= _KEPT:
            by_age = sorted(self._buckets.items(), key=lambda item: item[1][1])
            self._buckets = dict(by_age[_KEPT // 2 :])
