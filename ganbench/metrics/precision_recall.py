"""Precision, recall, density and coverage: whether edits look real, and whether they cover all real images.

Let B(x) be the ball around x with the distance to its k-th nearest neighbour in its set as radius. Then

    precision = share of fake y that lie in the ball of some real x
    recall    = share of real x that lie in the ball of some fake y
    density   = number of pairs (x, y) with y in B(x), divided by k m
    coverage  = share of real x whose ball holds some fake y

(precision and recall: Kynkaanniemi et al., Improved Precision and Recall Metric, NeurIPS 2019;
density and coverage: Naeem et al., Reliable Fidelity and Diversity Metrics, ICML 2020). The balls are
closed, so a copy of a real image always counts as real.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.features import MEMORY, check_groups, feature_pair, row_blocks
from ganbench.metrics.halves import amount_from_halves, group_count, share_from_halves, splits
from ganbench.metrics.intervals import Interval
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.strata import assign_halves

NEAREST = 5  # k

# Neighbours that are stored for each row when subsets of the rows are taken. A half keeps fewer than 5
# of 32 neighbours with a probability of 1 in 100,000, and a quarter with 1 in 12. The 32nd then counts as
# the fifth. This lowers the variance of the density of quarters by 4 %, which makes intervals wider.
DEPTH = 32

# If more than this share of all pairs lies within a ball, comparing all distances is faster than
# gathering the pairs.
DENSE = 0.1

_FEATURES = (
    "Computed from the judge's features of the real test images and of all edits, with neighbourhoods "
    "that reach to the fifth nearest neighbour. "
)

SPECS: tuple[MetricSpec, ...] = tuple(
    MetricSpec(name, name.capitalize(), 1, unit, "higher", 3, _FEATURES + definition)
    for name, unit, definition in (
        ("precision", "share", "Share of edits that lie in the neighbourhood of a real image."),
        ("recall", "share", "Share of real images that lie in the neighbourhood of an edit."),
        (
            "density",
            "ratio",
            "Mean number of neighbourhoods of real images that an edit lies in, divided by five; about "
            "1 for edits that are distributed as the real images.",
        ),
        ("coverage", "share", "Share of real images with an edit in their neighbourhood."),
    )
)


class PRDC(NamedTuple):
    """Precision, recall and coverage in [0, 1], and density of 0 or more."""

    precision: float
    recall: float
    density: float
    coverage: float


class PRDCIntervals(NamedTuple):
    """The intervals of the four values of ``PRDC``."""

    precision: Interval
    recall: Interval
    density: Interval
    coverage: Interval


def prdc(real: ArrayLike, fake: ArrayLike, neighbours: int = NEAREST, memory: int = MEMORY) -> PRDC:
    """Precision, recall, density and coverage of two sets of features.

    Args:
        real, fake: [n, d] and [m, d] with n, m > ``neighbours``.
        neighbours: k.
        memory: bytes for the blocks of the distance matrix; the values do not depend on it.

    Raises:
        BadInput: the sets are not two matrices of equal width, have too few rows, or hold values that
            are not finite.
    """
    a, b = feature_pair(real, fake, least=neighbours + 1)
    everything = np.ones((1, len(a)), np.bool_), np.ones((1, len(b)), np.bool_)
    return PRDC(*_of_subsets(a, b, *everything, neighbours, neighbours, memory)[:, 0].tolist())


def prdc_intervals(
    real: ArrayLike,
    fake: ArrayLike,
    image: NDArray[np.int64],
    strata: NDArray[np.int64] | None = None,
    memory: int = MEMORY,
) -> PRDCIntervals | None:
    """``prdc`` with intervals of the expected values at this number of images, from halves of the images.

    Args:
        real, fake: [n, d] and [m, d].
        image: int64 [m], the real image that each fake was made from; both are in the same half.
        strata: int64 [n] of the real images, from ``strata_of``; None for one stratum.
        memory: bytes for the blocks of the distance matrix; the values do not depend on it.

    Returns:
        The intervals, or None if a quarter of the images has ``NEAREST`` rows or fewer.

    Raises:
        BadInput: the features cannot be compared, or the numbers of fakes and of entries in ``image``
            differ.
    """
    a, b = feature_pair(real, fake, least=NEAREST + 1)
    check_groups(b, image)
    groups = group_count(len(a))
    of_image = assign_halves(np.zeros(len(a), np.int64) if strata is None else strata, groups)
    halves, quarters = splits(groups)
    kept = np.concatenate([np.ones((1, groups), np.bool_), *halves, *quarters])
    of_a, of_b = kept[:, of_image], kept[:, of_image[image]]
    if min(of_a.sum(axis=1).min(), of_b.sum(axis=1).min()) <= NEAREST:
        return None
    values = _of_subsets(a, b, of_a, of_b, NEAREST, DEPTH, memory)
    whole = PRDC(*values[:, 0].tolist())
    count = halves.shape[1]
    of_halves = values[:, 1 : 1 + 2 * count].reshape(4, 2, count)
    of_quarters = values[:, 1 + 2 * count :].reshape(4, 4, count)
    return PRDCIntervals(
        precision=share_from_halves(whole.precision, of_halves[0], len(b), len(a)),
        recall=share_from_halves(whole.recall, of_halves[1], len(a), len(a)),
        density=amount_from_halves(whole.density, of_halves[2], of_quarters[2]),
        coverage=share_from_halves(whole.coverage, of_halves[3], len(a), len(a)),
    )


def _of_subsets(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    of_a: NDArray[np.bool_],
    of_b: NDArray[np.bool_],
    k: int,
    depth: int,
    memory: int,
) -> NDArray[np.float64]:
    """The four values of S subsets of the rows, float64 [4, S]; all distances are computed once.

    Args:
        a, b: real [n, d] and fake [m, d].
        of_a, of_b: bool [S, n] and [S, m], the rows in each subset.
        k: number of the neighbour that limits a neighbourhood.
        depth: number of nearest neighbours that are stored for each row. If a subset has fewer than k
            of them, the last one counts as the k-th.
        memory: bytes for the blocks of the distance matrix.
    """
    # Centring does not change distances, and |x|^2 + |y|^2 - 2x'y loses fewer digits near the origin.
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    near_a, near_b = _nearest(a, depth, memory), _nearest(b, depth, memory)
    balls_a = np.stack([_radii(*near_a, rows, k) for rows in of_a])
    balls_b = np.stack([_radii(*near_b, rows, k) for rows in of_b])
    subsets = len(of_a)
    precise, pairs = np.zeros((subsets, len(b)), np.bool_), np.zeros(subsets)
    recalled, covered = np.zeros((2, subsets, len(a)), np.bool_)
    for rows in row_blocks(len(a), 2 * len(b), memory):  # the gathered pairs take as much again
        distances = _squared_distances(a[rows], b)
        for s, (x, y, count) in enumerate(_inside(distances, balls_a[:, rows], of_b)):
            covered[s, rows] = x
            precise[s] |= y
            pairs[s] += count
        for s, (_, x, _) in enumerate(_inside(distances.T, balls_b, of_a[:, rows])):
            recalled[s, rows] = x
    n, m = of_a.sum(axis=1), of_b.sum(axis=1)
    return np.stack(
        [
            precise.sum(axis=1) / m,
            recalled.sum(axis=1) / n,
            pairs / (k * m),
            covered.sum(axis=1) / n,
        ]
    )


def _inside(
    distances: NDArray[np.float64], balls: NDArray[np.float64], kept: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], int]]:
    """For each subset: the rows with a kept column in their ball, the columns in a ball, and the pairs.

    Args:
        distances: squared distances [n, m].
        balls: [S, n], squared radii of the rows; negative for rows that are left out.
        kept: bool [S, m], the columns in each subset.

    Yields:
        bool [n], bool [m], and the number of pairs.
    """
    within = distances <= balls.max(axis=0)[:, None]
    if within.mean() > DENSE:
        for radii, columns in zip(balls, kept, strict=True):
            inside = (distances <= radii[:, None]) & columns
            yield inside.any(axis=1), inside.any(axis=0), int(inside.sum())
        return
    x, y = np.nonzero(within)
    near = distances[x, y]
    for radii, columns in zip(balls, kept, strict=True):
        chosen = (near <= radii[x]) & columns[y]
        rows, covered = np.zeros(len(radii), np.bool_), np.zeros(len(columns), np.bool_)
        rows[x[chosen]] = True
        covered[y[chosen]] = True
        yield rows, covered, int(chosen.sum())


def _nearest(
    x: NDArray[np.float64], depth: int, memory: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest other rows of each row, [n, min(depth, n - 1)], and their squared distances."""
    depth = min(depth, len(x) - 1)
    index, squares = np.empty((len(x), depth), np.int64), np.empty((len(x), depth))
    for rows in row_blocks(len(x), len(x), memory):
        distances = _squared_distances(x[rows], x)
        distances[
            np.arange(len(distances)), np.arange(rows.start, rows.stop)
        ] = -1  # the row itself comes first
        nearest = np.argpartition(distances, depth, axis=1)[:, : depth + 1]
        smallest = np.take_along_axis(distances, nearest, axis=1)
        order = np.argsort(smallest, axis=1)[:, 1:]
        index[rows] = np.take_along_axis(nearest, order, axis=1)
        squares[rows] = np.take_along_axis(smallest, order, axis=1)
    return index, squares


def _radii(
    index: NDArray[np.int64], squares: NDArray[np.float64], kept: NDArray[np.bool_], k: int
) -> NDArray[np.float64]:
    """Squared distance of each kept row to its k-th nearest kept row; -1 for the other rows."""
    enough = np.cumsum(kept[index], axis=1) >= k
    position = np.where(enough[:, -1], enough.argmax(axis=1), index.shape[1] - 1)
    return np.where(kept, squares[np.arange(len(squares)), position], -1.0)


def _squared_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * (a @ b.T), 0))
