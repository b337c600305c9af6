"""Whether something grows: a least-squares slope with how sure it is."""

from dataclasses import dataclass

import numpy as np

from bench.statistics import Numbers, slope


@dataclass(frozen=True, slots=True)
class Trend:
    """`slope` in units of y per unit of x, and its standard error; both NaN with fewer than three different x."""

    slope: float
    error: float

    @property
    def grows(self) -> bool:
        """Whether it goes up beyond three standard errors: chance does that once in some 700 runs."""
        return self.slope > 3 * self.error


def trend(xs: Numbers, ys: Numbers) -> Trend:
    """Return the least-squares slope of y over x, with its standard error."""
    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    if len(np.unique(x)) < 3:
        return Trend(float("nan"), float("nan"))
    if float(np.ptp(y)) == 0:
        return Trend(0.0, 0.0)
    rate = slope(x, y)
    residuals = y - y.mean() - rate * (x - x.mean())
    spread = float(((x - x.mean()) ** 2).sum())
    return Trend(rate, float(np.sqrt((residuals**2).sum() / (len(x) - 2) / spread)))
