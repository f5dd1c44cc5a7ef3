"""Searches of a conditional plane: codes between two emotions, and codes of equal meaning."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]

Distribution = Callable[[Floats], Floats]
"""Codes [n, 2] -> label distributions [n, emotions]."""

# Halvings of an edge, which find the code of equality to the last digit.
ROUNDS = 40

# Joint probability of two emotions that a code may lose to lie nearer to the centre.
SLACK = 0.05


def lattice(side: int) -> Floats:
    """The centres [side^2, 2] of side x side equal cells of the square [-1, 1]^2.

    Row ``y * side + x``; both coordinates grow with their index.
    """
    ticks = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = np.meshgrid(ticks, ticks)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def even_mixtures(distribution: Distribution, count: int, side: int = 101) -> Floats:
    """The code that mixes two emotions best, for each pair that is the most likely one somewhere.

    In the best code both emotions are equally likely, and their joint probability is the largest
    possible minus at most ``SLACK``. Of all such codes it is the nearest to the centre: the joint
    probability is often largest at the rim, where edits are worst. The edges between side x side
    points are searched for a change of the more likely emotion of the pair; bisection of the edge
    finds the code of equality.

    Args:
        distribution: p_z.
        count: the largest number of codes.
        side: points along a side of the square.

    Returns:
        Codes [m, 2] in decreasing order of the joint probability of their two emotions.
    """
    ticks = np.linspace(-1, 1, side)
    codes = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    p = distribution(codes.reshape(-1, 2)).reshape(side, side, -1)
    starts, ends = _edges(codes)
    p_starts, p_ends = _edges(p)
    mixtures = []
    for a, b in combinations(range(p.shape[-1]), 2):
        above = p_starts[:, a] > p_starts[:, b]
        crossed = above != (p_ends[:, a] > p_ends[:, b])
        low, high, above = starts[crossed], ends[crossed], above[crossed]
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            p_middle = distribution(middle)
            same = ((p_middle[:, a] > p_middle[:, b]) == above)[:, None]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        p_low = distribution(low)
        others = np.delete(p_low, [a, b], axis=1).max(axis=1, initial=0)
        leading = p_low[:, [a, b]].min(axis=1) >= others
        joint = np.where(leading, p_low[:, a] + p_low[:, b], 0)
        if joint.max(initial=0) > 0:
            distance = np.where(joint >= joint.max() - SLACK, np.hypot(*low.T), np.inf)
            best = distance.argmin()
            mixtures.append((joint[best], low[best]))
    mixtures.sort(key=lambda mixture: -mixture[0])
    return np.array([code for _, code in mixtures[:count]]).reshape(-1, 2)


def _edges(values: Floats) -> tuple[Floats, Floats]:
    """Both ends of every edge between neighbours of values [side, side, k]: [edges, k] each."""
    k = values.shape[-1]
    starts = [values[:, :-1].reshape(-1, k), values[:-1].reshape(-1, k)]
    ends = [values[:, 1:].reshape(-1, k), values[1:].reshape(-1, k)]
    return np.concatenate(starts), np.concatenate(ends)


def equivalent_codes(codes: Floats, p: Floats, tolerance: float, count: int) -> NDArray[np.int64]:
    """Codes that lie far apart and have nearly the same label distribution.

    The search starts with the two farthest codes of nearly equal p_z. It then adds the code that is
    farthest from those found, among the codes whose p_z is nearly equal to that of each of them.

    Args:
        codes: [n, 2].
        p: label distributions [n, emotions] of the codes.
        tolerance: largest total variation between the distributions of any two codes.
        count: the largest number of codes.

    Returns:
        int64, rows of ``codes``; fewer than two if no two codes agree, and fewer than ``count`` if no
        more do.
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
