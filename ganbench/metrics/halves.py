"""Intervals of statistics that are not smooth in the images: from the difference of two halves.

A jackknife takes a statistic for nearly linear when one part of the images is left out. Shares of
nearest neighbours and sums of absolute values are not, and in a bootstrap an image and its
duplicates are each other's neighbours. Two halves of the images need neither: they share no image,
so half the squared difference of their values is an unbiased estimate of the variance at n / 2,
whatever the statistic. What remains is the step from n / 2 to n, and each statistic has its own.

The halves are those of balanced repeated replication: G groups of images, G a power of two, and the
G - 1 balanced columns of a Hadamard matrix say which groups form the first half (McCarthy, Review of
the International Statistical Institute 37, 1969, p. 239). For a mean, the squared differences add up
to the variance between groups exactly. The coverage is measured by ``benchmarks/intervals.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard
from scipy.special import ndtri, stdtrit

from ganbench.errors import BadInput
from ganbench.metrics.accuracy import wilson
from ganbench.metrics.intervals import Influence, Interval

GROUPS = 64


class Splits(NamedTuple):
    """Which groups of images form the halves and quarters.

    Attributes:
        halves: bool [2, G - 1, G], first and second halves.
        quarters: bool [4, G - 1, G]; the first two make up a first half, the others a second.
    """

    halves: NDArray[np.bool_]
    quarters: NDArray[np.bool_]


def group_count(images: int) -> int:
    """How many groups at least four images form: ``GROUPS``, or as many as they fill, a power of two."""
    return min(GROUPS, 1 << (images.bit_length() - 1))


def splits(groups: int) -> Splits:
    """All splits of a power of two of groups.

    Raises:
        BadInput: not a power of two, or fewer than four groups.
    """
    if groups < 4 or groups & (groups - 1):
        raise BadInput(f"halves need a power of two of groups, four or more: got {groups}")
    first = hadamard(groups)[1:] > 0
    across = np.roll(first, 1, axis=0)  # another column: it halves both halves
    quarters = [first & across, first & ~across, ~first & across, ~first & ~across]
    return Splits(np.stack([first, ~first]), np.stack(quarters))


def share_from_halves(
    value: float,
    halves: NDArray[np.float64],
    rows: int,
    images: int,
    confidence: float = 0.95,
) -> Interval:
    """Wilson's interval of a share, with as many trials as the halves are worth.

    p (1 - p) over its variance is the number of independent trials that a half is worth; the whole
    is worth twice as many, and no more than it has. A share itself may well change with n, as that
    of a ball's neighbours does; what a row is worth hardly does.

    Args:
        value: of all images.
        halves: [2, R], of the first and second halves of R balanced splits.
        rows: how many rows the share is of.
        images: how many images they are of; each is one trial where no halves differ.
        confidence: nominal coverage.
    """
    influence, variance, quantile = _spread(halves, confidence)
    worth = 2 * float((halves * (1 - halves)).mean()) / variance if variance > 1e-20 else images
    trials = max(1.0, min(worth, rows) * (ndtri((1 + confidence) / 2) / quantile) ** 2)
    return Interval(value, *wilson(value * trials, trials, confidence), influence)


def amount_from_halves(
    value: float,
    halves: NDArray[np.float64],
    quarters: NDArray[np.float64] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """The interval of a value of 0 or more, symmetric in its root, since small values vary less.

    Args:
        value: of all images.
        halves: [2, R], of the first and second halves of R balanced splits. The variance is in
            proportion to 1 / n, or nearly so.
        quarters: [4, R], of a number of events: its variance is also in proportion to its mean, and
            n V may grow from n / 2 to n as it does from n / 4 to n / 2, by a factor of 1 to 2.
        confidence: nominal coverage.
    """
    influence, variance, quantile = _spread(halves, confidence)
    if not value:
        return Interval(value, value, quantile * math.sqrt(variance / 2), influence)
    if quarters is not None and variance:
        of_quarters = float(quarters.var(axis=0, ddof=1).mean())
        growth = float(np.clip(2 * variance / of_quarters, 1, 2)) if of_quarters else 1.0
        variance *= growth * value / float(halves.mean())
    root = math.sqrt(value)
    step = quantile * math.sqrt(variance / 2) / (2 * root)
    return Interval(value, max(root - step, 0) ** 2, (root + step) ** 2, influence)


def _spread(halves: NDArray[np.float64], confidence: float) -> tuple[Influence, float, float]:
    """The differences of the halves, the variance at n / 2, and the t quantile."""
    differences = halves[0] - halves[1]
    variance = float(np.square(differences).mean() / 2)
    quantile = float(stdtrit(len(differences), (1 + confidence) / 2))
    return Influence(differences), variance, quantile
