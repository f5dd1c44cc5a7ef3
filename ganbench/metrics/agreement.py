"""Agreement of two judges: how often they predict the same emotion for the same edit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="agreement",
    title="Agreement",
    version=1,
    unit="%",
    direction="reported",
    digits=1,
    definition=(
        "Share of edits for which both judges predict the same emotion, whether or not it is the "
        "target. A method with high accuracy and low agreement convinces one judge only."
    ),
)

KAPPA = MetricSpec(
    name="kappa",
    title="Cohen's κ",
    version=1,
    unit="ratio",
    direction="reported",
    digits=2,
    definition=(
        "Agreement beyond chance, for two judges that predict each emotion as often as these two do: "
        "1 is full agreement, 0 is what chance gives."
    ),
)


def cross_counts(a: ArrayLike, b: ArrayLike, classes: int = 7) -> NDArray[np.int64]:
    """Counts int64 [classes, classes] of the pairs of classes that two judges predict.

    Args:
        a, b: predictions of the two judges, integers in 0..classes-1 of one shape.

    Raises:
        BadInput: the shapes differ, or a class is outside the range.
    """
    x, y = np.asarray(a, np.int64), np.asarray(b, np.int64)
    both = np.stack([x.ravel(), y.ravel()]) if x.shape == y.shape else np.full((2, 1), -1)
    if both.size and not 0 <= both.min() <= both.max() < classes:
        raise BadInput(
            f"predictions of two judges do not fit: {x.shape} and {y.shape}; give two arrays of one "
            f"shape, classes 0..{classes - 1}"
        )
    flat = np.bincount(both[0] * classes + both[1], minlength=classes**2)
    return flat.reshape(classes, classes).astype(np.int64)


def cohen_kappa(counts: NDArray[np.int64]) -> float | None:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e) (J. Cohen, Educ. Psychol. Meas. 20, 1960, p. 37).

    p_o is the share of pairs on the diagonal, and p_e its expected value for two independent judges
    with the same margins.

    Args:
        counts: [classes, classes] from ``cross_counts``.

    Returns:
        A value in [-1, 1]; None without pairs, or if both judges predict one single class everywhere.
    """
    n = counts.sum()
    if not n:
        return None
    chance = float(counts.sum(axis=0) @ counts.sum(axis=1)) / float(n) ** 2
    return None if chance == 1 else float((counts.trace() / n - chance) / (1 - chance))


def kappa_influence(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """How much kappa loses without each image, to first order.

    With the pairs (x, y) of image i, the margins p and q of the judges, and M pairs in all, it is

        sum_(x, y) (1[x = y] - p_o - (1 - kappa) (q_x + p_y - 2 p_e)) / (M (1 - p_e))

    Args:
        a, b: [N, pairs], predictions of the two judges.

    Returns:
        float64 [N], or None if kappa does not exist.
    """
    counts = cross_counts(a, b)
    kappa = cohen_kappa(counts)
    if kappa is None:
        return None
    n = counts.sum()
    p, q = counts.sum(axis=1) / n, counts.sum(axis=0) / n
    agreed, chance = counts.trace() / n, float(p @ q)
    gained = (a == b) - agreed - (1 - kappa) * (q[a] + p[b] - 2 * chance)
    return np.asarray(gained.sum(axis=1) / (n * (1 - chance)))
