"""Smoothness: whether the judge's verdict changes evenly along a path of codes, or in one jump."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.ere import total_variation
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="smoothness",
    title="Smoothness",
    version=1,
    unit="ratio",
    direction="lower",
    digits=2,
    definition=(
        "Largest step of the judge's softmax along a path of codes, divided by the mean step "
        "(total variation between neighbouring points): 1 is even, the number of steps is one "
        "single jump. Paths along which nothing changes have no value."
    ),
    ours=True,
)


def path_smoothness(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Largest step over mean step of each path.

    Args:
        probabilities: softmax [..., K, emotions] at K >= 2 points along the path.

    Returns:
        float64 [...] in [1, K - 1]; NaN where nothing changes.

    Raises:
        BadInput: fewer than two points.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim < 2 or p.shape[-2] < 2:
        raise BadInput(f"a path needs [..., points, emotions] with two points: got {p.shape}")
    steps = total_variation(p[..., 1:, :], p[..., :-1, :])
    with np.errstate(invalid="ignore"):
        return np.asarray(steps.max(axis=-1) / steps.mean(axis=-1))
