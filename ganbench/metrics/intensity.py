"""Intensity: whether asking for more of an emotion gives more of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="intensity",
    title="Intensity",
    version=1,
    unit="rank correlation",
    direction="higher",
    digits=3,
    definition=(
        "Mean Spearman correlation between the intensity ρ asked for and the judge's probability "
        "of the target emotion, along the path of each image from low to high ρ; 0 for an edit "
        "that does not respond."
    ),
)


def intensity_response(intensities: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Spearman's rank correlation of each path (Spearman, American J. Psychology 15, 1904).

    The Pearson correlation of the ranks, where equal values share the mean of their ranks.

    Args:
        intensities: [K], K >= 2, not all equal.
        probabilities: [..., K], of the target emotion at each intensity.

    Returns:
        float64 [...] in [-1, 1]; 0 where the probability never changes.

    Raises:
        BadInput: the lengths differ, or the intensities do.
    """
    rho, p = np.asarray(intensities, np.float64), np.asarray(probabilities, np.float64)
    if rho.ndim != 1 or p.shape[-1:] != rho.shape or len(np.unique(rho)) < 2:
        raise BadInput(
            f"intensities {rho.shape} and probabilities {p.shape} do not fit; give [K] with two "
            "different values or more, and [..., K]"
        )
    x, y = _centred_ranks(rho), _centred_ranks(p)
    lengths = np.sqrt(np.square(x).sum() * np.square(y).sum(axis=-1))
    return np.asarray((x * y).sum(axis=-1) / np.where(lengths > 0, lengths, 1))


def _centred_ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the rank minus its mean: how many are smaller, minus how many are larger."""
    return np.asarray(np.sign(x[..., :, None] - x[..., None, :]).sum(axis=-1))
