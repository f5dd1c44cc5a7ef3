"""Searches of a conditional plane: codes between two emotions, and codes of equal meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]

Distribution = Callable[[Floats], Floats]
"""Codes [n, 2] -> label distributions [n, emotions]."""

# Halvings of a lattice's edge: to the last digit.
ROUNDS = 40

# Clarity given up for a code nearer to the centre.
SLACK = 0.05


@dataclass(frozen=True)
class Mixture:
    """A code that mixes two emotions.

    Attributes:
        code: [2].
        pair: the two, in Table-1 order.
        distribution: p_z of the code, [emotions].
    """

    code: Floats
    pair: tuple[int, int]
    distribution: Floats


def lattice(side: int) -> Floats:
    """Codes [side^2, 2] that divide the square [-1, 1]^2 evenly: the centres of side x side cells.

    Row ``y * side + x``, both growing with the coordinate.
    """
    ticks = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = np.meshgrid(ticks, ticks)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def even_mixtures(distribution: Distribution, count: int, side: int = 101) -> list[Mixture]:
    """For each pair of emotions that anywhere lead together, the code that mixes them best.

    Best is: both equally likely, as likely as can be (``SLACK``), and not farther out than that
    needs: p_z is often clearest at the very rim, where edits are worst. Where a pair changes places
    along an edge of a lattice over the square, halving the edge finds the code of equality.

    Args:
        distribution: p_z.
        count: of so many pairs, the clearest mixture first; fewer if fewer lead together.
        side: codes across the lattice.
    """
    ticks = np.linspace(-1, 1, side)
    codes = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    p = distribution(codes.reshape(-1, 2)).reshape(side, side, -1)
    starts, ends = _edges(codes)
    p_starts, p_ends = _edges(p)
    found = []
    for a, b in combinations(range(p.shape[-1]), 2):
        above = p_starts[:, a] > p_starts[:, b]
        crossed = above != (p_ends[:, a] > p_ends[:, b])
        low, high, above = starts[crossed], ends[crossed], above[crossed]
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            own = distribution(middle)
            same = ((own[:, a] > own[:, b]) == above)[:, None]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        own = distribution(low)
        others = np.delete(own, [a, b], axis=1).max(axis=1, initial=0)
        clear = np.where(own[:, [a, b]].min(axis=1) >= others, own[:, a] + own[:, b], 0)
        if clear.max(initial=0) > 0:
            distance = np.where(clear >= clear.max() - SLACK, np.hypot(*low.T), np.inf)
            best = distance.argmin()
            found.append(Mixture(low[best], (a, b), own[best]))
    found.sort(key=lambda one: -float(one.distribution[list(one.pair)].sum()))
    return found[:count]


def _edges(values: Floats) -> tuple[Floats, Floats]:
    """Both ends of every edge of a lattice of values [side, side, k]: [edges, k] each."""
    k = values.shape[-1]
    starts = [values[:, :-1].reshape(-1, k), values[:-1].reshape(-1, k)]
    ends = [values[:, 1:].reshape(-1, k), values[1:].reshape(-1, k)]
    return np.concatenate(starts), np.concatenate(ends)


def look_alikes(codes: Floats, p: Floats, tolerance: float, count: int) -> NDArray[np.int64]:
    """Codes far apart that mean the same.

    The two farthest codes of nearly equal p_z, then again and again the code that is farthest from
    those found and means what all of them mean.

    Args:
        codes: [n, 2].
        p: their label distributions [n, emotions].
        tolerance: how far apart, in total variation, the distributions of any two may be.
        count: how many to find.

    Returns:
        int64, rows of ``codes``; fewer than two if no two agree, fewer than ``count`` if no more do.
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


def spread(codes: Floats) -> tuple[float, float]:
    """The smallest and the largest distance between two of some codes [n, 2]."""
    distance = cdist(codes, codes)[np.triu_indices(len(codes), 1)]
    return float(distance.min()), float(distance.max())
