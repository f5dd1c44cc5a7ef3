"""Harmonic editing score: whether an edit shows the emotion and keeps the person, both at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="hes",
    title="HES",
    version=1,
    unit="ratio",
    direction="higher",
    digits=3,
    definition=(
        "Harmonic editing score (FFE-Bench, arXiv 2603.25728, equation 3): 2 E I / (E + I), the harmonic mean "
        "of the expression score E and the identity score I of an edit. E is the judge's probability of the "
        "target emotion, and I the metric Identity of the edit, or 0 if that is negative. The metric is the "
        "mean over the edits towards another emotion than that of the input. 0: an edit lacks the emotion or "
        "the person; 1: it has both. The variant 'of the means' is the harmonic mean of the mean E and "
        "the mean I. Computed for the edits that Identity is computed for."
    ),
)


def harmonic_score(expression: ArrayLike, identity: ArrayLike) -> NDArray[np.float64]:
    """2 E I / (E + I), elementwise; 0 where both are 0, and NaN where a score is NaN.

    Args:
        expression: E in [0, 1].
        identity: I in [-1, 1], a cosine; negative values count as 0.

    Returns:
        float64 in [0, 1], of the shape to which both broadcast.

    Raises:
        BadInput: a value is outside its range.
    """
    e, i = np.asarray(expression, np.float64), np.asarray(identity, np.float64)
    slack = 1e-6  # of sums in float32
    for name, values, least in (("expression", e, 0.0), ("identity", i, -1.0)):
        known = values[~np.isnan(values)]
        if known.size and not least - slack <= known.min() <= known.max() <= 1 + slack:
            raise BadInput(
                f"{name} scores outside {least:g} to 1: {known.min():g} to {known.max():g}; give "
                "probabilities and cosines"
            )
    e, i = np.broadcast_arrays(np.clip(e, 0, 1), np.clip(i, 0, 1))
    total = e + i
    return np.asarray(2 * e * i / np.where(total > 0, total, 1))
