"""Classification accuracy (Table 1 of the paper), Wilson's interval, and the confusion of source and target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

# Quantile of the upper end of a two-sided interval with a coverage of 95 %, as all intervals have.
QUANTILE = 0.975

SPEC = MetricSpec(
    name="accuracy",
    title="Accuracy",
    version=1,
    unit="%",
    direction="higher",
    digits=1,
    definition=(
        "Every test image is edited towards each emotion. A cell is the share of these edits that "
        "the judge assigns to the target emotion. The row Real is the judge's accuracy on the "
        "unedited test images, measured against their labels. Mean is the plain mean of the seven "
        "cells."
    ),
)


def confusion(
    sources: ArrayLike, targets: ArrayLike, judged: ArrayLike, classes: int = 7
) -> NDArray[np.int64]:
    """Count edits by source emotion, target emotion and predicted emotion.

    Args:
        sources, targets, judged: integers in 0..classes-1 that broadcast to one shape.

    Returns:
        int64 [classes, classes, classes], counts [source, target, judged].

    Raises:
        BadInput: a class is outside the range.
    """
    keys = np.stack(
        [np.asarray(a, np.int64) for a in np.broadcast_arrays(sources, targets, judged)]
    )
    keys = keys.reshape(3, -1)
    if keys.size and not 0 <= keys.min() <= keys.max() < classes:
        raise BadInput(
            f"class outside 0..{classes - 1}: {keys.min()}..{keys.max()}; use Table-1 order"
        )
    flat = np.ravel_multi_index((keys[0], keys[1], keys[2]), (classes,) * 3)
    return np.bincount(flat, minlength=classes**3).reshape((classes,) * 3).astype(np.int64)


def cells(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Successes and trials of each target emotion, int64 [classes] each, from the counts of ``confusion``."""
    by_target = counts.sum(axis=0)
    return np.diagonal(by_target).astype(np.int64), by_target.sum(axis=1)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion with a coverage of 95 % (E. B. Wilson, JASA 22, 1927, p. 209).

    With z the normal quantile and p = successes / n, the ends are
    ``(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)``; both lie in [0, 1]. ``n`` may be an
    effective number of trials (``share_interval``), which need not be an integer.

    Raises:
        BadInput: n < 1, or successes outside 0..n.
    """
    if n < 1 or not 0 <= successes <= n:
        raise BadInput(f"a proportion needs 0 <= successes <= n and n >= 1: got {successes} of {n}")
    z = float(ndtri(QUANTILE))
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return low, high
