"""What a bench computes from what it counted: percentiles, loss, slopes, and ratios with their spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = Sequence[float] | npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A sample in five figures and its size, in the unit of the sample. All are NaN for an empty one."""

    count: int
    p50: float
    p90: float
    p99: float
    maximum: float
    mean: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of repeated measurements with the lowest and the highest."""

    median: float
    low: float
    high: float


def percentile(sample: Numbers, share: float) -> float:
    """Return the value below which `share` (0..100) percent of the sample lie; NaN for an empty one."""
    return float(np.percentile(np.asarray(sample), share)) if len(sample) else float("nan")


def distribution(sample: Numbers) -> Distribution:
    """Return the sample's figures."""
    if not len(sample):
        nothing = float("nan")
        return Distribution(0, nothing, nothing, nothing, nothing, nothing)
    values = np.asarray(sample, dtype=np.float64)
    p50, p90, p99 = np.percentile(values, (50, 90, 99))
    return Distribution(len(values), float(p50), float(p90), float(p99), float(values.max()), float(values.mean()))


def spread(sample: Numbers) -> Spread:
    """Return median, lowest and highest; NaN for an empty sample."""
    if not len(sample):
        nothing = float("nan")
        return Spread(nothing, nothing, nothing)
    values = np.asarray(sample, dtype=np.float64)
    return Spread(float(np.median(values)), float(values.min()), float(values.max()))


def loss(sent: int, received: int) -> float:
    """Return the lost share, 0..1. Nothing sent is nothing lost; duplicates never make it negative."""
    return max(0.0, 1 - received / sent) if sent else 0.0


def slope(xs: Numbers, ys: Numbers) -> float:
    """Return the least-squares slope of y over x; NaN with fewer than two different x."""
    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    if len(x) < 2 or float(np.ptp(x)) == 0:
        return float("nan")
    return float(np.polyfit(x, y, 1)[0])


def ratios(numerators: Numbers, denominators: Numbers) -> Spread:
    """Return the spread of the ratios of measurements that were taken pairwise, in one interleaved run.

    What troubled the machine at that moment troubled both of a pair, so the ratio of a pair says more than the
    ratio of two means. Raises `ValueError` when the lengths differ.
    """
    pairs = zip(numerators, denominators, strict=True)
    return spread([top / bottom for top, bottom in pairs if bottom])


def unwrap(numbers: npt.NDArray[np.uint16], before: int) -> npt.NDArray[np.int64]:
    """Return 16-bit sequence numbers, in order of arrival, as numbers that do not wrap.

    `before` is the full number that the first one is near to. Reordering by less than 32768 is understood.
    """
    if not len(numbers):
        return np.empty(0, np.int64)
    steps = np.diff(numbers, prepend=np.uint16(before & 0xFFFF)).astype(np.int16)
    return before + np.cumsum(steps, dtype=np.int64)
