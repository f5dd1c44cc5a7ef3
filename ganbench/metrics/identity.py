"""Identity: whether the person in the edit is still the person in the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="identity",
    title="Likeness to input",
    version=1,
    unit="cosine",
    direction="reported",
    digits=3,
    definition=(
        "Mean cosine similarity between the judge's features of an input and of its edits. The suite "
        "has no network of identities, and the judge knows expressions before persons: compare with "
        "the row of the true edits, which show the same person. Less means that more than the "
        "expression changed; more means that the expression changed too little."
    ),
    ours=True,
)


def identity_similarity(source: ArrayLike, edit: ArrayLike) -> NDArray[np.float64]:
    """Cosine of the angle between identity features, x'y / |x||y|.

    Args:
        source, edit: [..., d], broadcast against each other.

    Returns:
        float64 [...] in [-1, 1]; NaN where a feature is all zero and has no direction.
    """
    a, b = np.asarray(source, np.float64), np.asarray(edit, np.float64)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.clip((a * b).sum(axis=-1) / lengths, -1, 1))
