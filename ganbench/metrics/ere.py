"""ERE: the distance of the judge's softmax on an edit to the label distribution that was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="ere",
    title="ERE",
    version=1,
    unit="probability",
    direction="lower",
    digits=3,
    definition=(
        "Mean total-variation distance (0 to 1) between the judge's softmax on an edit and the "
        "desired label distribution. That is one-hot for categorical methods and GANmut, and the "
        "distribution p_z of the code for GGANmut. The paper defines ERE in its main text, which was "
        "not available to us."
    ),
    ours=True,
)


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Probabilities along the last axis, in float64."""
    return np.asarray(special.softmax(np.asarray(logits, np.float64), axis=-1))


def total_variation(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Half the L1 distance of two distributions along the last axis: 0 if equal, 1 if disjoint.

    Raises:
        BadInput: the last axes differ in length.
    """
    a, b = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if a.shape[-1:] != b.shape[-1:]:
        raise BadInput(
            f"distributions differ in length: {a.shape} and {b.shape}; give both in Table-1 order"
        )
    return np.asarray(np.abs(a - b).sum(axis=-1) / 2)


def ere_distance(logits: ArrayLike, desired: ArrayLike) -> float:
    """Mean total variation between softmax(logits) and ``desired``, both [..., emotions]."""
    return float(total_variation(softmax(logits), desired).mean())
