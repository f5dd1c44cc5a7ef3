"""Agreement of two judges: do they see the same emotion in the same edits?"""

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
        "The share of edits in which both judges see the same emotion, whether or not it is the one "
        "that was asked for. A method with high accuracy and low agreement pleases one judge only."
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
        "Agreement beyond what chance gives two judges that name each emotion as often as these do: "
        "1 is full agreement, 0 is no more than chance."
    ),
)


def cross_counts(a: ArrayLike, b: ArrayLike, classes: int = 7) -> NDArray[np.int64]:
    """How often one judge saw each class where the other saw each, int64 [a, b].

    Args:
        a, b: integers in 0..classes-1, of one shape.

    Raises:
        BadInput: other shapes, or a class outside the range.
    """
    x, y = np.asarray(a, np.int64), np.asarray(b, np.int64)
    both = np.stack([x.ravel(), y.ravel()]) if x.shape == y.shape else np.full((2, 1), -1)
    if both.size and not 0 <= both.min() <= both.max() < classes:
        raise BadInput(
            f"verdicts of two judges do not fit: {x.shape} and {y.shape}; give two arrays of one "
            f"shape, classes 0..{classes - 1}"
        )
    flat = np.bincount(both[0] * classes + both[1], minlength=classes**2)
    return flat.reshape(classes, classes).astype(np.int64)


def cohen_kappa(counts: NDArray[np.int64]) -> float | None:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e) (J. Cohen, Educ. Psychol. Meas. 20, 1960, p. 37).

    p_o is the share on the diagonal, p_e that of two independent judges with these margins.

    Args:
        counts: [classes, classes] of ``cross_counts``.

    Returns:
        A value in [-1, 1]; None if both see the same single class everywhere, or nothing.
    """
    n = counts.sum()
    if not n:
        return None
    chance = float(counts.sum(axis=0) @ counts.sum(axis=1)) / float(n) ** 2
    return None if chance == 1 else float((counts.trace() / n - chance) / (1 - chance))
