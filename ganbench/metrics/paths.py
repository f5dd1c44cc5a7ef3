"""Metrics along a path of codes: response to intensity, its linearity, and smoothness."""

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

LINEARITY = MetricSpec(
    name="cls",
    title="CLS",
    version=1,
    unit="correlation",
    direction="higher",
    digits=3,
    definition=(
        "Control linearity score (FFE-Bench, arXiv 2603.25728): mean Pearson correlation between the "
        "intensity ρ that was asked for and the intensity that is measured, along the path of each image from "
        "low to high ρ. It is measured by the judge's probability of the target emotion. The variant 'true "
        "intensity' measures it in pixels, as the position of an edit on the line between two renderings of "
        "the same face, with the emotion at the lowest and at the highest ρ. 1: the intensity rises evenly; "
        "0 for a method that does not respond."
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

    rho, p = _path(intensities, probabilities)
    return _correlation(rankdata(rho), rankdata(p, axis=-1))


def control_linearity(intensities: ArrayLike, measured: ArrayLike) -> NDArray[np.float64]:
    """Pearson's correlation of each path: the control linearity score of FFE-Bench for one path.

    FFE-Bench (arXiv 2603.25728, section 3.2) correlates evenly spaced intensities with those that a
    language model sees in the pictures.

    Args:
        intensities: [K] with K >= 2, not all equal.
        measured: [..., K], what is measured at each intensity, in any unit.

    Returns:
        float64 [...] in [-1, 1]; 0 where nothing changes, and NaN where a value is NaN.

    Raises:
        BadInput: the lengths differ, or all intensities are equal.
    """
    return _correlation(*_path(intensities, measured))


def _path(
    intensities: ArrayLike, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intensities [K] and values [..., K] in float64, if they fit."""
    rho, p = np.asarray(intensities, np.float64), np.asarray(values, np.float64)
    if rho.ndim != 1 or p.shape[-1:] != rho.shape or len(np.unique(rho)) < 2:
        raise BadInput(
            f"intensities {rho.shape} and values {p.shape} do not fit; give [K] with two "
            "different values or more, and [..., K]"
        )
    return rho, p


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of x [K] with each row of y [..., K]; 0 where a row is constant."""
    a, b = x - x.mean(), y - y.mean(axis=-1, keepdims=True)
    # Rounding leaves differences where all values are equal.
    flat = np.ptp(y, axis=-1) == 0
    lengths = np.sqrt(np.square(a).sum() * np.square(b).sum(axis=-1))
    found = (a * b).sum(axis=-1) / np.where(flat | (lengths == 0), 1, lengths)
    return np.asarray(np.clip(np.where(flat, 0, found), -1, 1))


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
