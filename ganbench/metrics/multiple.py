"""Multiple comparisons: intervals of the differences of all pairs of methods that hold together.

One interval of 95 % is wrong in one of twenty cases. A table that compares several methods has many
intervals, and each method is compared with the one that happens to be the best. Of six equal methods,
some method would be told apart in a third of all columns. The intervals here hold together: the
probability that all intervals of a column cover is 95 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ganbench.metrics.intervals import UPPER, Interval, difference

Pair = tuple[int, int]

# What the bootstrap is asked for, so that 95 % of the columns hold: it was chosen by simulation.
ASKED = 0.96

DRAWS = 1999

# Pairs whose draws are in memory at once: 200 methods have 20,000 pairs, and their draws 1.3 GB.
BLOCK = 2048

# Smallest variance of a bootstrap draw relative to that of the images. With few images in which two
# methods differ, a draw without any of them would have no variance.
LEAST_VARIANCE = 1 / 9


def simultaneous_differences(intervals: Sequence[Interval]) -> dict[Pair, Interval]:
    """The differences ``a - b`` of every two values, with intervals that hold together.

    Each interval is that of ``difference``, widened by a common factor. If all values have influence
    values of the same images, the factor follows from ``column_constant``. Otherwise it is Bonferroni's,
    which holds for any dependence.

    Args:
        intervals: K values.

    Returns:
        For each pair i < j of positions the interval of value i - value j.
    """
    gaps = {
        (i, j): difference(intervals[i], intervals[j])
        for i, j in combinations(range(len(intervals)), 2)
    }
    influences = [interval.influence for interval in intervals]
    together = len({len(x.parts) for x in influences}) == 1 and all(x.freedom for x in influences)
    constant = column_constant(np.stack([x.parts for x in influences])) if together else 0.0
    bonferroni = 1 - (1 - UPPER) / max(len(gaps), 1)
    widened = {}
    for pair, gap in gaps.items():
        freedom = gap.influence.freedom or np.inf
        single = float(stdtrit(freedom, UPPER))
        quantile = constant or float(stdtrit(freedom, bonferroni))
        # One difference alone has nothing to be corrected for.
        factor = max(1.0, quantile / single) if len(gaps) > 1 else 1.0
        low, high = (gap.value + factor * (end - gap.value) for end in (gap.low, gap.high))
        widened[pair] = Interval(gap.value, low, high, gap.influence)
    return widened


def column_constant(moves: NDArray[np.float64]) -> float:
    """The factor c with which all differences lie within c standard errors, with 95 % probability.

    It is the quantile of the largest studentised difference of all pairs, over bootstrap draws of the
    images (J. P. Romano and M. Wolf, JASA 100, 2005, p. 94). The draws are the same in each call.

    Args:
        moves: [K, N], influence values of K methods on the same images, whose squares add up to
            variances (``Influence``).

    Returns:
        c; 0 if no two methods differ in any image.
    """
    i, j = np.triu_indices(len(moves), 1)
    gaps = (moves[i] - moves[j]).T
    errors = np.linalg.norm(gaps, axis=0)
    gaps = gaps[:, errors > 0] / errors[errors > 0]
    if not gaps.size:
        return 0.0
    n = len(gaps)
    times = _times_drawn(n)
    largest = np.zeros(len(times))
    for start in range(0, gaps.shape[1], BLOCK):
        block = gaps[:, start : start + BLOCK]
        sums = times @ block
        # The influence values are centred within strata, so their means over all images are 0 too.
        variances = times @ np.square(block) - np.square(sums) / n
        ratios = np.abs(sums / np.sqrt(np.maximum(variances, LEAST_VARIANCE)))
        largest = np.maximum(largest, ratios.max(axis=1))
    return float(np.quantile(largest, ASKED))


@lru_cache(maxsize=1)
def _times_drawn(images: int) -> NDArray[np.float64]:
    """How often each image is in each bootstrap draw, [DRAWS, images]; all metrics share the draws."""
    chances = np.full(images, 1 / images)
    return np.random.default_rng(0).multinomial(images, chances, DRAWS).astype(np.float64)


def rank_ranges(
    gaps: Mapping[Pair, tuple[float, float]], count: int, higher: bool
) -> list[tuple[int, int]]:
    """The smallest and the largest rank that each method may have, 1 for the best.

    A method ranks behind those that are shown to be better, and before those that are shown to be worse. If the
    intervals hold together, all ranges cover the ranks of the expected values with the same probability
    (D. Al Mohamad, J. Goeman and E. van Zwet, Biometrical Journal 64, 2022, p. 82).

    Args:
        gaps: for pairs of positions the ends of the interval of value i - value j.
        count: number of methods.
        higher: whether higher values are better.
    """
    first, last = [1] * count, [count] * count
    for (i, j), (low, high) in gaps.items():
        if low > 0 or high < 0:
            better, worse = (i, j) if (low > 0) == higher else (j, i)
            first[worse] += 1
            last[better] -= 1
    return list(zip(first, last, strict=True))


def tied_with_best(
    gaps: Mapping[Pair, tuple[float, float]], count: int, higher: bool
) -> list[bool]:
    """Which methods are ties with the best: no other method is shown to be better (``rank_ranges``)."""
    return [first == 1 for first, _ in rank_ranges(gaps, count, higher)]
