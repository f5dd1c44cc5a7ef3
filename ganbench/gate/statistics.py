"""The tests of the gate: of paired predictions, and of two values with intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from ganbench.metrics import Interval, difference, paired


class Tails(NamedTuple):
    """Probability of a difference head - base at most, and at least, as large as observed, if there is none."""

    lower: float
    upper: float


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """p-values [m], adjusted for the number of tests.

    If all tests with an adjusted value of at most alpha are called significant, the probability of one
    or more false ones is at most alpha, whatever the dependence of the tests (S. Holm, Scandinavian
    Journal of Statistics 6, 1979, p. 65).
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    raised = values[order] * (len(values) - np.arange(len(values)))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def sign_flip(differences: ArrayLike) -> Tails:
    """Exact test of paired counts: without a real change, both signs of a difference are equally likely.

    With differences of -1, 0 and 1 it is McNemar's exact test. Larger differences, such as the number of
    an image's edits that were won or lost, keep the image as the sampling unit.

    Args:
        differences: integers [N], head - base of each image.
    """
    from scipy.stats import (
        binom,  # takes a second to import, and only runs with predictions need it
    )

    d = np.asarray(differences, np.int64)
    sizes = np.abs(d)
    chances = np.ones(1)  # chances[k]: probability that the positive differences add up to k
    for size in range(1, int(sizes.max(initial=0)) + 1):
        count = int((sizes == size).sum())
        part = np.zeros(size * count + 1)
        part[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, part)
    up = int(d[d > 0].sum())
    return Tails(min(1.0, float(chances[: up + 1].sum())), min(1.0, float(chances[up:].sum())))


def interval_test(base: Interval, head: Interval) -> Tails:
    """Test of two values with intervals; it is paired if both have influence values of the same images.

    The variance of the difference comes from the ends of the intervals that face each other, so it is
    also right for asymmetric intervals, such as Wilson's near 0 and 100 % (``metrics.difference``;
    without pairing: R. G. Newcombe, Statistics in Medicine 17, 1998, p. 873, method 10). In a paired
    test, Student's distribution has one degree of freedom less than there are parts of the images.
    """
    gap = difference(head, base)
    if not gap.value:
        return Tails(1.0, 1.0)
    error = gap.value - gap.low if gap.value > 0 else gap.high - gap.value
    freedom = _freedom(base, head)
    t = gap.value / error * stdtrit(freedom, 0.975) if error else math.copysign(math.inf, gap.value)
    return Tails(float(stdtr(freedom, t)), float(stdtr(freedom, -t)))


def detectable(
    base: Interval, head: Interval, margin: float, alpha: float, power: float = 0.95
) -> float:
    """The smallest real difference that exceeds ``margin`` and is significant with probability ``power``.

    The values count as independent, because the correlation with another model is not known beforehand.
    """
    gap = difference(Interval(*head), Interval(*base))
    freedom = _freedom(base, head)
    error = max(gap.value - gap.low, gap.high - gap.value) / stdtrit(freedom, 0.975)
    beyond = max(margin, float(stdtrit(freedom, 1 - alpha)) * error)
    return float(beyond + stdtrit(freedom, power) * error)


def _freedom(base: Interval, head: Interval) -> float:
    """Degrees of freedom of the test of two values; infinite without pairing."""
    return len(base.influence.parts) - 1.0 if paired(base, head) else math.inf
