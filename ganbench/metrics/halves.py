"""Intervals of statistics that are not smooth in the images, from the difference of two halves.

A jackknife assumes that a statistic is nearly linear when a part of the images is left out. Shares of
nearest neighbours and sums of absolute values are not. A bootstrap fails too, because an image and its
duplicates are nearest neighbours of each other. Halves of the images have neither problem: they share
no image, so half the squared difference of their values is an unbiased estimate of the variance at
n / 2, for any statistic. The step from the variance at n / 2 to the variance at n depends on the
statistic, so there is one function for shares and one for amounts.

The halves are those of balanced repeated replication. The images form G groups, where G is a power of
two, and rows of a Hadamard matrix tell which groups form the first half (McCarthy, Review of the
International Statistical Institute 37, 1969, p. 239). ``strata.assign_halves`` puts every four images of
a stratum into four groups, and the splits put two of these into each half. For a mean, the squared
differences then add up to the variance within the fours. ``benchmarks/intervals.py`` measures the coverage.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard
from scipy.special import ndtri, stdtrit

from ganbench.errors import BadInput
from ganbench.metrics.accuracy import binomial_ends
from ganbench.metrics.intervals import UPPER, Influence, Interval

GROUPS = 64


class Splits(NamedTuple):
    """Which groups of images form the halves and quarters.

    Attributes:
        halves: bool [2, 3 G / 4, G], the first and the second half of each split.
        quarters: bool [4, 3 G / 4, G]; the first two form the first half, the others the second half.
    """

    halves: NDArray[np.bool_]
    quarters: NDArray[np.bool_]


def group_count(images: int) -> int:
    """Number of groups of four or more images: ``GROUPS``, or the largest power of two up to ``images``."""
    return min(GROUPS, 1 << (images.bit_length() - 1))


def splits(groups: int) -> Splits:
    """The balanced splits of groups that halve every four groups k, k + G/4, k + G/2 and k + 3G/4.

    They are the last 3 G / 4 rows of Sylvester's Hadamard matrix. The quarters come from two rows that
    halve the four groups differently, so each quarter has one of the four.

    Args:
        groups: G, a power of two, four or more.

    Raises:
        BadInput: the number is another one.
    """
    if groups < 4 or groups & (groups - 1):
        raise BadInput(f"halves need a power of two of groups, four or more: got {groups}")
    first = hadamard(groups)[groups // 4 :] > 0
    other = np.roll(first, groups // 4, axis=0)
    quarters = [first & other, first & ~other, ~first & other, ~first & ~other]
    return Splits(np.stack([first, ~first]), np.stack(quarters))


def share_from_halves(
    value: float,
    halves: NDArray[np.float64],
    rows: int,
    images: int,
) -> Interval:
    """``binomial_ends`` of a share, with an effective number of trials from the halves.

    A half with the share p and the variance V has p (1 - p) / V effective trials. All images have twice
    as many, but not more than there are rows. The share of neighbours within a ball changes with n,
    but the number of effective trials of a row hardly does.

    Args:
        value: the share of all images.
        halves: [2, R], the shares of the first and second halves of R balanced splits.
        rows: number of rows that the share counts.
        images: number of images that the rows belong to; it is the number of trials where no two
            halves differ.
    """
    influence, variance, quantile = _variance(halves)
    effective = 2 * float((halves * (1 - halves)).mean()) / variance if variance > 1e-20 else images
    trials = max(1.0, min(effective, rows) * (ndtri(UPPER) / quantile) ** 2)
    return Interval(value, *binomial_ends(value * trials, trials), influence)


def amount_from_halves(
    value: float,
    halves: NDArray[np.float64],
    quarters: NDArray[np.float64] | None = None,
) -> Interval:
    """The interval of a value of 0 or more; it is symmetric in the root, because small values vary less.

    Args:
        value: the value of all images.
        halves: [2, R], the values of the first and second halves of R balanced splits. The variance V
            is assumed to be proportional to 1 / n.
        quarters: [4, R], the values of the quarters, if the value is a number of events. V is then
            assumed to be proportional to the mean too, and n V to grow from n / 2 to n as it does from
            n / 4 to n / 2, by a factor of 1 to 2.
    """
    influence, variance, quantile = _variance(halves)
    if not value:
        return Interval(value, value, quantile * math.sqrt(variance / 2), influence)
    if quarters is not None and variance:
        of_quarters = float(quarters.var(axis=0, ddof=1).mean())
        growth = float(np.clip(2 * variance / of_quarters, 1, 2)) if of_quarters else 1.0
        variance *= growth * value / float(halves.mean())
    root = math.sqrt(value)
    step = quantile * math.sqrt(variance / 2) / (2 * root)
    return Interval(value, max(root - step, 0) ** 2, (root + step) ** 2, influence)


def _variance(halves: NDArray[np.float64]) -> tuple[Influence, float, float]:
    """The differences of the halves as influence values, the variance at n / 2, and the quantile of t."""
    differences = halves[0] - halves[1]
    variance = float(np.square(differences).mean() / 2)
    quantile = float(stdtrit(len(differences), UPPER))
    return Influence(differences), variance, quantile
