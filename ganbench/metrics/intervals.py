"""Intervals of values of test images, and of their differences.

An interval covers the expected value of a statistic at this number of images, which two runs of one
protocol share. It follows from the influence u_i of each image, which is how much the value loses without
the image. The variance of the value and its third cumulant are sums over the strata c
(``ganbench.metrics.strata``) with n_c images and the mean influence u_c:

    V = sum_c n_c / (n_c - 1)  sum_i (u_i - u_c)^2
    K = sum_c n_c^2 / ((n_c - 1) (n_c - 2))  sum_i (u_i - u_c)^3

A mean of skewed values has a skewed distribution, and a low mean has a low estimated variance. The
interval is therefore Hall's (``skewed_interval``), whose ends are at different distances from the value.

``difference`` gives the paired interval of two values of the same images. Where both have influence
values of the images, it is Student's interval, and its variance is that of the differences of the
influence values. Otherwise, with the ends l and u of both intervals and the correlation c of the values,

    a - b  -  sqrt((a - l_a)^2 - 2 c (a - l_a) (u_b - b) + (u_b - b)^2)    is the lower end

and the upper end is computed likewise (Zou and Donner, Statistics in Medicine 27, 2008, p. 1693).
``benchmarks/intervals.py`` measures the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

# Quantile of the upper end of a two-sided interval with a coverage of 95 %, as all intervals have.
UPPER = 0.975

# By how much the skewness of the longer end is larger, and that of the shorter end smaller, than that of
# the images, and the largest g (t + g / 6) of ``skewed_interval``: both were chosen by simulation.
LONGER, POLE = 4 / 3, 0.92


class Influence(NamedTuple):
    """Influence values: how much each part of the images changes a statistic.

    Attributes:
        parts: float64 [R], proportional to the change of the value by each image or between halves. The
            influence values of two statistics of the same images have the correlation of the
            statistics.
        freedom: degrees of freedom of the variance, if the squares of ``parts`` add up to the variance of
            the value; 0 if they are only proportional to it.
    """

    parts: NDArray[np.float64]
    freedom: float = 0.0

    def scaled(self, factor: float) -> Influence:
        """The influence values in another unit."""
        return Influence(factor * self.parts, self.freedom)

    @property
    def adds_up(self) -> bool:
        """Whether the squares of the parts add up to a variance above 0."""
        return self.freedom > 0 and bool(self.parts.any())


NO_INFLUENCE = Influence(np.zeros(0))


@dataclass(frozen=True)
class Interval:
    """A value, the ends of its interval in the unit of the statistic, and its influence values."""

    value: float
    low: float
    high: float
    influence: Influence = field(default=NO_INFLUENCE, repr=False, compare=False)

    def __iter__(self) -> Iterator[float]:
        """Iterate over value, low and high."""
        return iter((self.value, self.low, self.high))


class Spread(NamedTuple):
    """Variance, third cumulant and degrees of freedom of a value, from influence values."""

    variance: float
    third: float
    freedom: float


def spread(influence: NDArray[np.float64], strata: NDArray[np.int64]) -> Spread:
    """V and K of the module's docstring, and the degrees of freedom V^2 / sum_c V_c^2 / (n_c - 1).

    V_c is the term of a stratum in V (F. E. Satterthwaite, Biometrics 2, 1946, p. 110).

    Args:
        influence: u [N].
        strata: int64 [N], counted from 0.
    """
    n = np.bincount(strata).astype(np.float64)
    centred = _centred(influence, strata)
    some = np.maximum(n - 1, 1)
    variances = np.bincount(strata, np.square(centred)) * n / some
    cubes = np.bincount(strata, centred**3) * n**2 / (some * np.maximum(n - 2, 1))
    variance = float(variances.sum())
    squares = float((np.square(variances) / some).sum())
    freedom = variance**2 / squares if squares > 0 else n.sum() - len(n)
    return Spread(variance, float(np.where(n > 2, cubes, 0).sum()), max(1.0, float(freedom)))


def skewed_interval(
    value: float,
    influence: NDArray[np.float64],
    strata: NDArray[np.int64],
    *,
    quadratic: float | None = None,
    added: float = 0.0,
    upper: NDArray[np.float64] | None = None,
    least: float = -math.inf,
) -> Interval:
    """The interval of the expected value of a statistic with a skewed distribution.

        value - sqrt(V (1 - 2 r^2)) h(t, 3 g / 4)    to    value - sqrt(V) h(-t, 4 g / 3)
        h(x, g) = 3 / g ((1 + g (x - g / 6))^(1/3) - 1)

    Here t is the quantile of Student's distribution, and h is the inverse of Hall's cubic transformation
    (P. Hall, J. Royal Statistical Society B 54, 1992, p. 221). Without skewness, the interval is Student's.
    Here g is the skewness K / V^1.5. Few images tell little about it, and too little where rare images
    decide, since most draws have none of them; therefore the shorter end has 3 g / 4 and the longer one
    4 g / 3. Near 1 - g (t + g / 6) = 0 Hall's end jumps from four standard errors to eight, so the
    skewness of the longer end is limited to g (t + g / 6) <= 0.92. If g is negative, the lower end is the
    longer one.

    A distance such as FED also has a part that is quadratic in the images, and r is its share of V. V
    counts this part twice. A draw without the images that make the distance large has both a low value
    and a large r, so the quadratic part skews the distribution more than K says. For a distance, g is
    max(K / V^1.5, 0), and ``added`` is added to the skewness of both ends. The factors were chosen by
    simulation (docs/metrics.md).

    Args:
        influence: u [N], how much the value loses without each image.
        strata: int64 [N].
        quadratic: r, limited to 1/2; None for a mean or a ratio of means.
        added: the skewness from the quadratic part.
        upper: other influence values for the upper end; the farther one of both upper ends is taken.
        least: the smallest value that the statistic can have.
    """
    unit = float(np.abs(influence).max()) or 1.0  # no square or cube is too small for a float
    v, third, freedom = spread(influence / unit, strata)
    moves = Influence(_moves(influence, strata), freedom)
    if v <= 0:
        return Interval(value, value, value, moves)
    skew, r = third / v**1.5, min(quadratic or 0.0, 0.5)
    t = float(stdtrit(freedom, UPPER))
    if quadratic is not None:
        skew = max(skew, 0.0)
    # A negative skewness is that of the value with the opposite sign.
    size, sign = abs(skew), -1 if skew < 0 else 1
    short = _hall(t, size / LONGER + added)
    long = -_hall(-t, min(LONGER * size + added, _largest_skewness(t)))
    error = unit * math.sqrt(v)
    ends = value - sign * error * math.sqrt(1 - 2 * r * r) * short, value + sign * error * long
    low, high = min(ends), max(ends)
    if upper is not None:
        high = max(
            high, skewed_interval(value, upper, strata, quadratic=quadratic, added=added).high
        )
    return Interval(value, max(least, low), high, moves)


def _hall(x: float, skew: float) -> float:
    """``h`` of ``skewed_interval``."""
    if abs(skew) < 1e-6:
        return x
    return float(3 / skew * (np.cbrt(1 + skew * (x - skew / 6)) - 1))


def _largest_skewness(t: float) -> float:
    """The g with g (t + g / 6) = ``POLE``."""
    return 3 * (math.sqrt(t * t + 2 * POLE / 3) - t)


def _moves(influence: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Influence values [N] whose products with those of another statistic add up to the covariance."""
    n = np.bincount(strata).astype(np.float64)
    return np.asarray(_centred(influence, strata) * np.sqrt(n / np.maximum(n - 1, 1))[strata])


def _centred(influence: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Influence values minus the mean of their stratum."""
    means = np.bincount(strata, influence) / np.maximum(np.bincount(strata), 1)
    return np.asarray(influence - means[strata])


def difference(a: Interval, b: Interval) -> Interval:
    """The interval of ``a - b`` for two values of the same images.

    It is narrower than that of independent values, because the influence of the images on both cancels.
    The values count as independent if they have no influence values of equally many parts, or if no
    image changes one of them, such as a share of 1.
    """
    value, x, y = a.value - b.value, a.influence, b.influence
    if paired(a, b) and x.adds_up and y.adds_up:
        moves = Influence(x.parts - y.parts, min(x.freedom, y.freedom))
        half = float(stdtrit(moves.freedom, UPPER) * np.linalg.norm(moves.parts))
        return Interval(value, value - half, value + half, moves)
    correlation = _correlation(x.parts, y.parts)
    below = _combined(a.value - a.low, b.high - b.value, correlation)
    above = _combined(a.high - a.value, b.value - b.low, correlation)
    return Interval(value, value - below, value + above)


def paired(a: Interval, b: Interval) -> bool:
    """Whether both have influence values of the same parts of the images."""
    return len(a.influence.parts) == len(b.influence.parts) > 1


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Correlation of influence values, whose means are 0 in expectation."""
    if a.shape != b.shape or not len(a):
        return 0.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1, 1)) if lengths else 0.0


def _combined(x: float, y: float, correlation: float) -> float:
    """Standard error of the difference of two values with standard errors ``x`` and ``y``."""
    return math.sqrt(max(x * x - 2 * correlation * x * y + y * y, 0.0))
