"""Metrics of the judge's softmax along a path of codes: response to intensity, and smoothness."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.ere import total_variation
from ganbench.metrics.spec import MetricSpec

INTENSITY = MetricSpec(
    name="intensity",
    title="Intensity",
    version=1,
    unit="rank correlation",
    direction="higher",
    digits=3,
    definition=(
        "Mean Spearman correlation between the intensity ρ that was asked for and the judge's "
        "probability of the target emotion, along the path of each image from low to high ρ; 0 for a "
        "method that does not respond."
    ),
)

SMOOTHNESS = MetricSpec(
    name="smoothness",
    title="Smoothness",
    version=1,
    unit="ratio",
    direction="lower",
    digits=2,
    definition=(
        "Largest step of the judge's softmax along a path of codes, divided by the mean step. A step "
        "is the total variation between neighbouring points. A path with equal steps gets 1, and a "
        "path with a single jump gets the number of its steps. Paths along which nothing changes "
        "have no value."
    ),
    ours=True,
)


def intensity_response(intensities: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Spearman's rank correlation of each path (Spearman, American J. Psychology 15, 1904).

    It is the Pearson correlation of the ranks, where equal values share the mean of their ranks.

    Args:
        intensities: [K] with K >= 2, not all equal.
        probabilities: [..., K], those of the target emotion at each intensity.

    Returns:
        float64 [...] in [-1, 1]; 0 where the probability never changes.

    Raises:
        BadInput: the lengths differ, or all intensities are equal.
    """
    from scipy.stats import rankdata  # takes a second to import, and is rarely needed

    rho, p = np.asarray(intensities, np.float64), np.asarray(probabilities, np.float64)
    if rho.ndim != 1 or p.shape[-1:] != rho.shape or len(np.unique(rho)) < 2:
        raise BadInput(
            f"intensities {rho.shape} and probabilities {p.shape} do not fit; give [K] with two "
            "different values or more, and [..., K]"
        )
    x, y = (rankdata(values, axis=-1) - (len(rho) + 1) / 2 for values in (rho, p))
    lengths = np.sqrt(np.square(x).sum() * np.square(y).sum(axis=-1))
    return np.asarray((x * y).sum(axis=-1) / np.where(lengths > 0, lengths, 1))


def path_smoothness(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Largest step divided by mean step of each path.

    Args:
        probabilities: softmax [..., K, emotions] at K >= 2 points along the path.

    Returns:
        float64 [...] in [1, K - 1]; NaN where nothing changes.

    Raises:
        BadInput: there are fewer than two points.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim < 2 or p.shape[-2] < 2:
        raise BadInput(f"a path needs [..., points, emotions] with two points: got {p.shape}")
    steps = total_variation(p[..., 1:, :], p[..., :-1, :])
    with np.errstate(invalid="ignore"):
        return np.asarray(steps.max(axis=-1) / steps.mean(axis=-1))
