"""Precision, recall, density and coverage: are edits realistic, and do they reach all real images?

With B(x) the ball around x whose radius is the distance to the k-th nearest other member of x's own
set,

    precision = share of fake y that lie in the ball of some real x
    recall    = share of real x that lie in the ball of some fake y
    density   = number of pairs (x, y) with y in B(x), divided by k m
    coverage  = share of real x whose ball holds some fake y

(precision and recall: Kynkaanniemi et al., Improved Precision and Recall Metric, NeurIPS 2019;
density and coverage: Naeem et al., Reliable Fidelity and Diversity Metrics, ICML 2020). Balls are
closed, so a copy of a real image always counts as real.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.features import MEMORY, feature_pair, row_blocks
from ganbench.metrics.spec import MetricSpec

NEIGHBOURS = 5

_OF_WHAT = "Judge features of the real test images against those of all edits, k = 5 neighbours. "

SPECS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="precision",
        title="Precision",
        version=1,
        unit="share",
        direction="higher",
        digits=3,
        definition=_OF_WHAT + "The share of edits that lie among the real images.",
    ),
    MetricSpec(
        name="recall",
        title="Recall",
        version=1,
        unit="share",
        direction="higher",
        digits=3,
        definition=_OF_WHAT + "The share of real images that lie among the edits.",
    ),
    MetricSpec(
        name="density",
        title="Density",
        version=1,
        unit="ratio",
        direction="higher",
        digits=3,
        definition=_OF_WHAT
        + "In how many neighbourhoods of real images an edit lies, divided by k; about 1 for edits "
        "distributed as the real images.",
    ),
    MetricSpec(
        name="coverage",
        title="Coverage",
        version=1,
        unit="share",
        direction="higher",
        digits=3,
        definition=_OF_WHAT + "The share of real images with an edit in their neighbourhood.",
    ),
)


class PRDC(NamedTuple):
    """Precision, recall and coverage in [0, 1]; density >= 0."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: ArrayLike, fake: ArrayLike, neighbours: int = NEIGHBOURS, memory: int = MEMORY
) -> PRDC:
    """The four shares of two sets of features.

    Args:
        real, fake: [n, d] and [m, d] with n, m > ``neighbours``.
        neighbours: k.
        memory: bytes for the blocks of the distance matrix; the values do not depend on it.

    Raises:
        BadInput: not two matrices of equal width, too few rows, or values not finite.
    """
    a, b = feature_pair(real, fake, least=neighbours + 1)
    # Distances do not change, but |x|^2 + |y|^2 - 2x'y loses fewer digits near the origin.
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    balls_a, balls_b = _radii(a, neighbours, memory), _radii(b, neighbours, memory)
    precise, pairs = np.zeros(len(b), np.bool_), 0
    recalled, covered = 0, 0
    for rows in row_blocks(len(a), len(b), memory):
        distances = _squared_distances(a[rows], b)
        within = distances <= balls_a[rows, None]
        precise |= within.any(axis=0)
        pairs += int(within.sum())
        covered += int(within.any(axis=1).sum())
        recalled += int((distances <= balls_b).any(axis=1).sum())
    return PRDC(
        precision=float(precise.mean()),
        recall=recalled / len(a),
        density=pairs / (neighbours * len(b)),
        coverage=covered / len(a),
    )


def _radii(x: NDArray[np.float64], neighbours: int, memory: int) -> NDArray[np.float64]:
    """Squared distance of each row to its k-th nearest other row."""
    radii = np.empty(len(x))
    for rows in row_blocks(len(x), len(x), memory):
        distances = _squared_distances(x[rows], x)
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = -1  # itself
        radii[rows] = np.partition(distances, neighbours, axis=1)[:, neighbours]
    return radii


def _squared_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * (a @ b.T), 0))
