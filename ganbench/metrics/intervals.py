"""Intervals of statistics of whole sets of images, such as FED and KID, and of their differences.

An interval covers the expected value of the statistic at this number of images, which two runs of one
protocol share. A percentile bootstrap does not cover it, because duplicates of images add bias to a
Frechet distance. A jackknife that leaves out groups of images adds hardly any bias:

    V_1 = (G - 1) / G  sum_g (T_g - mean T_g)^2             T_g: without group g, of G groups
    V_2 = sum_{g < h} (Q_gh - mean Q_gh)^2 / G (G - 1)      T_gh: without both groups
    Q_gh = G T - (G - 1) (T_g + T_h) + (G - 2) T_gh

V_1 is the jackknife's estimate of the variance. It counts the part of T that is quadratic in the
influence of the images twice, and V_2 estimates this part (Efron and Stein, Annals of Statistics 9,
1981, p. 586). The quadratic part matters where two sets are alike: the linear part vanishes there,
V_2 = V_1 / 2, and V_1 is twice too large. Where the linear part is large, V_1 - V_2 has too much noise:
with 20 groups it covered 91 % in simulations. Therefore

    V = V_1 (1 - 2 r^2),    r = min(V_2 / V_1, 1/2)

subtracts all of V_2 in the first case, little in the second, and never too much.

The interval is T -+ t sqrt(V) with the quantile t of Student's distribution with G - 1 degrees of
freedom. Where the quadratic part is large, T is a sum of squares. Its distribution is skewed to the
right, and its estimated variance is small where T is small, so intervals below the expected value are
too short. For the upper end only three quarters are therefore subtracted, V_1 (1 - 1.5 r^2).
``benchmarks/intervals.py`` measures the coverage.

``difference`` gives the paired interval of two methods on the same images. If both intervals come from
this jackknife, all steps but the last are linear in T, so they are applied to the difference of the two
statistics. Otherwise, with the ends l and u of both intervals and the correlation c of the values, which
follows from their influence values,

    a - b  -  sqrt((a - l_a)^2 - 2 c (a - l_a) (u_b - b) + (u_b - b)^2)    is the lower end

and the upper end is computed likewise (Zou and Donner, Statistics in Medicine 27, 2008, p. 1693).
Asymmetric intervals, such as Wilson's near 0 and 1, lead to asymmetric intervals of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from ganbench.errors import BadInput
from ganbench.metrics.accuracy import QUANTILE
from ganbench.metrics.features import MEMORY, check_groups, feature_pair
from ganbench.metrics.frechet import frechet_from_moments
from ganbench.metrics.kid import kernel_sums
from ganbench.metrics.threads import one_thread

GROUPS = 20

# Computes a statistic from the groups of images that a mask, bool [groups], keeps.
Statistic = Callable[[NDArray[np.bool_]], float]


class Influence(NamedTuple):
    """Influence values: how much each part of the images changes a statistic.

    Attributes:
        parts: float64 [R], proportional to the change of the value by each image or group, or between
            halves. The influence values of two statistics over the same parts of the same images have
            the correlation of the statistics.
        pairs: float64 [G (G - 1) / 2], Q - mean Q of a jackknife with pairs, whose ``parts`` are
            T_g - mean T_g; otherwise empty.
    """

    parts: NDArray[np.float64]
    pairs: NDArray[np.float64] = np.zeros(0)

    def scaled(self, factor: float) -> Influence:
        """The influence values in another unit."""
        return Influence(factor * self.parts, factor * self.pairs)


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


def difference(a: Interval, b: Interval) -> Interval:
    """The interval of ``a - b`` for two values of the same images.

    It is narrower than that of independent values, because the influence of the images on both cancels.
    The values count as independent if they have no influence values of equally many parts, or if no
    image changes one of them, such as a share of 1.
    """
    value, x, y = a.value - b.value, a.influence, b.influence
    if len(x.pairs) == len(y.pairs) > 0:
        # Which of the two is skewed is not known, so both ends are the wider ones.
        return _jackknifed(
            value, Influence(x.parts - y.parts, x.pairs - y.pairs), factors=(1.5, 1.5)
        )
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


def assign_groups(images: int, groups: int = GROUPS) -> NDArray[np.int64]:
    """A random group for each image, int64 [images]; the sizes of groups differ by one at most.

    The image is the sampling unit, so its edits share its group: ``np.repeat(assign_groups(n), 7)``.
    Fewer images than ``groups`` form one group each.
    """
    return np.random.default_rng(0).permutation(np.arange(images) % min(groups, images))


def jackknife(statistic: Statistic, groups: int = GROUPS) -> Interval:
    """The interval of the expected value of a statistic.

    Args:
        statistic: called with 1 + groups + groups (groups - 1) / 2 masks.
        groups: number of groups, at least 4.

    Raises:
        BadInput: there are fewer than four groups.
    """
    if groups < 4:
        raise BadInput(f"an interval needs four groups of images or more: got {groups}")
    without = ~np.eye(groups, dtype=np.bool_)
    with one_thread():
        whole = statistic(np.ones(groups, np.bool_))
        one = np.array([statistic(keep) for keep in without])
        g, h = np.triu_indices(groups, 1)
        two = np.array([statistic(keep) for keep in without[g] & without[h]])
    q = groups * whole - (groups - 1) * (one[g] + one[h]) + (groups - 2) * two
    return _jackknifed(whole, Influence(one - one.mean(), q - q.mean()))


def _jackknifed(
    value: float,
    influence: Influence,
    factors: tuple[float, float] = (2, 1.5),
) -> Interval:
    """The interval of a value from its influence values.

    Args:
        factors: those of r^2 for the lower and for the upper end.
    """
    groups = len(influence.parts)
    variance = (groups - 1) / groups * np.square(influence.parts).sum()
    quadratic = np.square(influence.pairs).sum() / (groups * (groups - 1))
    share = min(quadratic / variance, 0.5) if variance else 0.0
    quantile = float(stdtrit(groups - 1, QUANTILE))
    below, above = (quantile * math.sqrt(variance * (1 - c * share**2)) for c in factors)
    return Interval(value, value - below, value + above, influence)


def frechet_statistic(
    real: ArrayLike,
    fake: ArrayLike,
    real_groups: NDArray[np.int64],
    fake_groups: NDArray[np.int64],
) -> Statistic:
    """FED as a function of the kept groups; it is computed from the moments of each group.

    Args:
        real, fake: [n, d] and [m, d]. The moments take 8 groups d^2 bytes for each set.
        real_groups, fake_groups: int64 [n] and [m], the groups of the rows, from ``assign_groups``.

    Raises:
        BadInput: the features cannot be compared, or the numbers of rows and groups differ.
    """
    a, b = feature_pair(real, fake)
    varies = (a != a[0]).any(axis=0) | (b != a[0]).any(axis=0)
    a, b = a[:, varies], b[:, varies]  # about a tenth of a judge's features is always 0
    origin = a.mean(axis=0)  # near both means, so that raw second moments keep their digits
    of_a, of_b = _grouped(a - origin, real_groups), _grouped(b - origin, fake_groups)
    return lambda keep: frechet_from_moments(*of_a(keep), *of_b(keep))


def kernel_statistic(
    real: ArrayLike,
    fake: ArrayLike,
    real_groups: NDArray[np.int64],
    fake_groups: NDArray[np.int64],
    memory: int = MEMORY,
) -> Statistic:
    """KID as a function of the kept groups, from sums of the kernel between groups (``kernel_sums``)."""
    return kernel_sums(real, fake, real_groups, fake_groups, memory).distance


def _grouped(
    x: NDArray[np.float64], groups: NDArray[np.int64]
) -> Callable[[NDArray[np.bool_]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The mean [d] and the unbiased covariance [d, d] of the rows in the kept groups."""
    check_groups(x, groups)
    parts = [x[groups == g] for g in range(groups.max() + 1)]
    sizes = np.array([len(part) for part in parts], np.float64)
    sums = np.stack([part.sum(axis=0) for part in parts])
    squares = np.stack([part.T @ part for part in parts])
    all_squares = squares.sum(axis=0)

    def moments(keep: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n, total = sizes[keep].sum(), sums[keep].sum(axis=0)
        # Subtracting the one or two groups that are left out is ten times as fast as adding the others.
        scatter = all_squares - squares[~keep].sum(axis=0) - np.outer(total, total) / n
        return total / n, scatter / (n - 1)

    return moments
