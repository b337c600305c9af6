"""Looks for the highest load that a server still carries, with as few trials as possible."""


class Search:
    """Ask `next`, try that load, `tell` whether it was carried; done when `next` is None.

    From `start` it grows by `growth` until a load is not carried (or shrinks until one is), then halves the gap until
    it is narrower than `resolution`, a share of the load. It never asks for more than `limit`.
    """

    def __init__(self, start: float, limit: float, *, growth: float = 1.5, resolution: float = 0.05) -> None:
        self._growth = growth
        self._resolution = resolution
        self._limit = limit
        self._lowest = start / growth**4
        self._failed: float | None = None
        self.best: float | None = None
        self.next: float | None = min(start, limit)

    @property
    def at_limit(self) -> bool:
        """Whether even the limit was carried: the answer is "at least"."""
        return self.best is not None and self.best >= self._limit

    def tell(self, carried: bool) -> None:
        """Take the outcome of the load that `next` named and name the next one."""
        tried = self.next
        if tried is None:
            return
        if carried:
            self.best = tried
        else:
            self._failed = tried
        self.next = self._choose()

    def _choose(self) -> float | None:
        if self._failed is None:
            best = self.best or 0.0
            return None if best >= self._limit else min(self._limit, best * self._growth)
        if self.best is None:
            lower = self._failed / self._growth
            return lower if lower >= self._lowest else None
        if self._failed - self.best <= self._resolution * self._failed:
            return None
        return (self.best + self._failed) / 2
