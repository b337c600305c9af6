"""What a call is billed, held against what was truly talked as its two participants know it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bill:
    """One call: the seconds metered and the seconds that were truly talked; `error` is positive when overcharged."""

    metered: float
    truth: float

    @property
    def error(self) -> float:
        return self.metered - self.truth
