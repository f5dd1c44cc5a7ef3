"""Diversity: how much the edits of one image to one label differ if only the noise differs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.gt_error import feature_distances
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="diversity",
    title="Diversity",
    version=1,
    unit="feature distance",
    direction="reported",
    digits=2,
    definition=(
        "Mean distance of the judge's features between two edits of one image to one label with "
        "different noise; 0 for a method without noise."
    ),
)


def noise_diversity(features: ArrayLike) -> NDArray[np.float64]:
    """Mean pairwise Euclidean distance of edits, 2 / K(K-1) sum_{k < l} |f_k - f_l|.

    Args:
        features: [..., K, d], K >= 2 edits that differ in their noise only.

    Returns:
        float64 [...], at least 0, and 0 only if all K edits are equal.

    Raises:
        BadInput: there are fewer than two edits.
    """
    x = np.asarray(features, np.float64)
    if x.ndim < 2 or x.shape[-2] < 2:
        raise BadInput(f"diversity needs [..., edits, d] with two edits or more: got {x.shape}")
    # One pair at a time: all pairs at once would take K / 2 times the memory of the features.
    pairs = list(combinations(range(x.shape[-2]), 2))
    total = sum(feature_distances(x[..., k, :], x[..., j, :]) for k, j in pairs)
    return np.asarray(total / len(pairs))
