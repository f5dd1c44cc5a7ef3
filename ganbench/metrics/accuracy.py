"""Classification accuracy (Table 1 of the paper), the interval of a cell, and the confusion of source and target."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

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


# Probability of each tail of ``binomial_ends`` for a cell.
TAIL = 0.02


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


def binomial_ends(hits: float, trials: float, tail: float = TAIL) -> tuple[float, float]:
    """Clopper and Pearson's interval of a proportion with mid-p, whose tails have 2 % each.

    The ends p solve P(X > hits) + P(X = hits) / 2 = tail and P(X < hits) + P(X = hits) / 2 = tail for
    binomial X (H. O. Lancaster, JASA 56, 1961, p. 223). Tails of 2.5 % would cover 92 % at the worst
    proportion; with 2 % the interval covers 93.8 % or more at every proportion with 20 trials, and
    94.5 % with 140. ``trials`` may be an effective number (``share_interval``), which need not be an
    integer.

    Raises:
        BadInput: trials < 1, or hits outside 0..trials.
    """
    if trials < 1 or not 0 <= hits <= trials:
        raise BadInput(
            f"a proportion needs 0 <= hits <= trials and trials >= 1: got {hits} of {trials}"
        )

    def above(p: float) -> float:
        """P(X > hits) + P(X = hits) / 2."""
        more = float(betainc(hits + 1, trials - hits, p)) if hits < trials else 0.0
        same = float(betainc(hits, trials - hits + 1, p)) if hits > 0 else 1.0
        return (more + same) / 2

    def solve(target: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if above(middle) < target else (low, middle)
        return (low + high) / 2

    return solve(tail) if hits > 0 else 0.0, solve(1 - tail) if hits < trials else 1.0
