"""Searches of a conditional plane: codes between two emotions, and codes of equal meaning."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]

Distribution = Callable[[Floats], Floats]
"""A function that maps codes [n, 2] to label distributions p_z [n, emotions]."""

# Number of bisection steps; 2^-40 of an edge is below any visible difference.
BISECTIONS = 40

# A code near the centre is preferred if the summed probability of its two emotions is at most this much
# below the largest one.
SLACK = 0.05


def lattice(side: int) -> Floats:
    """The centres [side^2, 2] of side x side equal cells of the square [-1, 1]^2.

    The cell in column i and row j is row ``j * side + i`` of the array; x grows with i, and y with j.
    """
    ticks = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = np.meshgrid(ticks, ticks)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def even_mixtures(distribution: Distribution, count: int, side: int = 101) -> Floats:
    """The best code for an equal mixture of two emotions, for each pair of emotions that has one.

    A code is an equal mixture of two emotions if both are equally likely and no other emotion is more
    likely. The summed probability of the two emotions at the best code is at most ``SLACK`` below the
    largest one of the pair. Among these codes the best code is the nearest to the centre, because the
    summed probability is often largest at the rim, where edits are worst.

    The search uses a grid of side x side points. Where the more likely emotion of the pair changes between
    two neighbouring points, bisection finds the code at which both emotions are equally likely.

    Args:
        distribution: the label distributions p_z of codes.
        count: the largest number of returned codes.
        side: number of grid points along a side of the square.

    Returns:
        Codes [m, 2] with m <= count, in decreasing order of the summed probability of the two emotions.
    """
    ticks = np.linspace(-1, 1, side)
    codes = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    p = distribution(codes.reshape(-1, 2)).reshape(side, side, -1)
    starts, ends = _edges(codes)
    p_starts, p_ends = _edges(p)
    # The edges of all pairs are bisected together, so that the distribution is asked for 40 times and not 840.
    pairs = list(combinations(range(p.shape[-1]), 2))
    first = [p_starts[:, a] > p_starts[:, b] for a, b in pairs]
    crossed = [
        above != (p_ends[:, a] > p_ends[:, b]) for (a, b), above in zip(pairs, first, strict=True)
    ]
    low, high = (np.concatenate([of[rows] for rows in crossed]) for of in (starts, ends))
    above = np.concatenate([a[rows] for a, rows in zip(first, crossed, strict=True)])
    counts = [np.count_nonzero(rows) for rows in crossed]
    one, other = np.repeat(np.array(pairs), counts, axis=0).T
    rows = np.arange(len(low))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        p_middle = distribution(middle)
        same = ((p_middle[rows, one] > p_middle[rows, other]) == above)[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    ends_of_pairs = np.cumsum(counts)[:-1]
    mixtures = []
    for (a, b), low_, p_low in zip(
        pairs,
        *(np.split(values, ends_of_pairs) for values in (low, distribution(low))),
        strict=True,
    ):
        others = np.delete(p_low, [a, b], axis=1).max(axis=1, initial=0)
        leading = p_low[:, [a, b]].min(axis=1) >= others
        summed = np.where(leading, p_low[:, a] + p_low[:, b], 0)
        if summed.max(initial=0) > 0:
            distance = np.where(summed >= summed.max() - SLACK, np.hypot(*low_.T), np.inf)
            best = distance.argmin()
            mixtures.append((summed[best], low_[best]))
    mixtures.sort(key=lambda mixture: -mixture[0])
    return np.array([code for _, code in mixtures[:count]]).reshape(-1, 2)


def _edges(values: Floats) -> tuple[Floats, Floats]:
    """The values at the start and at the end of each grid edge.

    Args:
        values: [side, side, k], the values at the points of a grid.

    Returns:
        Two arrays [edges, k]; an edge joins two neighbouring points of a row or of a column.
    """
    k = values.shape[-1]
    starts = [values[:, :-1].reshape(-1, k), values[:-1].reshape(-1, k)]
    ends = [values[:, 1:].reshape(-1, k), values[1:].reshape(-1, k)]
    return np.concatenate(starts), np.concatenate(ends)


def equivalent_codes(codes: Floats, p: Floats, tolerance: float, count: int) -> NDArray[np.int64]:
    """Codes that lie far apart and have nearly the same label distribution.

    Two codes agree if the total variation between their distributions is at most ``tolerance``. The search
    starts with the two agreeing codes that are farthest apart. In each step it considers the codes that
    agree with all chosen codes, and adds the one that is farthest from the nearest chosen code.

    Args:
        codes: [n, 2].
        p: label distributions [n, emotions] of the codes.
        tolerance: largest total variation between the distributions of any two chosen codes.
        count: the largest number of chosen codes.

    Returns:
        int64 row numbers of ``codes``; fewer than two if no two codes agree, and fewer than ``count`` if
        no further code agrees with all chosen codes.
    """
    agree = cdist(p, p, "cityblock") / 2 <= tolerance
    distance = cdist(codes, codes)
    chosen = list(np.unravel_index(np.where(agree, distance, 0).argmax(), distance.shape))
    while len(chosen) < count:
        nearest = np.where(agree[chosen].all(axis=0), distance[chosen].min(axis=0), 0)
        if not nearest.max() > 0:
            break
        chosen.append(nearest.argmax())
    return np.unique(np.array(chosen, np.int64))
