"""Action units: whether an edit shows the unit that was asked for, at the intensity that was asked for.

The embedded faces can be rendered again with their own expression and one action unit (FACS; Ekman and
Friesen 1978) at another intensity v. That rendering is the right answer T_v. With x the input and E_v
the edit, over images, units and intensities:

    error        sum |E_v - T_v| / sum |x - T_v|                      (as of ``ganbench.metrics.gt_error``)
    position     s_v = (E_v - x)'t / |t|^2,   t = T_high - T_low      (as of ``gt_gain``)
    correlation  Spearman's of v and s_v                              (as of ``intensity_response``)

t is the same for all v: on the way from x to T_v itself a perfect edit is at 1 whatever v is. The right
answers get 1 while they keep their order along t. Of the first 35 faces at 64 px all do, for all units;
at 16 px some do not, where a unit moves hardly a pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.gain import gt_gain
from ganbench.metrics.paths import intensity_response
from ganbench.metrics.spec import MetricSpec

ERROR = MetricSpec(
    name="units",
    title="Action units",
    version=1,
    unit="ratio",
    direction="lower",
    digits=2,
    definition=(
        "Mean absolute difference between an edit to the input's own action units with one of them "
        "changed, and the true rendering of the same face with that unit changed, divided by that of "
        "the unedited input: 0 is perfect, 1 is as good as doing nothing, above 1 is worse. Edits to "
        "the intensity that the input already shows are left out. By region and by unit as variants."
    ),
    ours=True,
)
CORRELATION = MetricSpec(
    name="unit_intensity",
    title="Unit intensity",
    version=1,
    unit="rank correlation",
    direction="higher",
    digits=3,
    definition=(
        "Mean Spearman correlation between the intensity of one action unit that is asked for and how "
        "far the edit went from the true rendering with little of the unit towards that with much of "
        "it; 0 for an edit that does not respond. By unit as variants. How far an edit to high "
        "intensity is from one to low, of the way between the true renderings, is the variant parallel: "
        "1 is the right amount."
    ),
    ours=True,
)
SPECS = (ERROR, CORRELATION)


def unit_position(
    source: ArrayLike, edit: ArrayLike, low: ArrayLike, high: ArrayLike
) -> NDArray[np.float64]:
    """How far an edit moved on the line between two right answers, of the line's length.

    Args:
        source, edit: the input and what was made of it, pixels [..., d].
        low, high: the right answers at the lowest and at the highest intensity, [..., d].

    Returns:
        float64 [...]: (edit - source)'t / |t|^2 with t = high - low; 0 for no edit, NaN where both
        right answers look alike.
    """
    start, base = np.asarray(source, np.float64), np.asarray(low, np.float64)
    parallel, _ = gt_gain(0.0, np.asarray(edit, np.float64) - start, np.asarray(high) - base)
    return parallel


def unit_response(
    intensities: ArrayLike, positions: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How the positions of edits follow the intensities that were asked for.

    Args:
        intensities: [K], rising, K >= 2.
        positions: [..., K], ``unit_position`` of the edit to each intensity.

    Returns:
        float64 [...] each: Spearman's correlation in [-1, 1], and position at the highest less
        position at the lowest intensity, (1, 1) for the right answers if they rise evenly enough to
        keep their order; (0, 0) for edits that do not respond; NaN where a position is.

    Raises:
        BadInput: the intensities do not rise, or the shapes do not fit.
    """
    v, s = np.asarray(intensities, np.float64), np.asarray(positions, np.float64)
    if v.ndim != 1 or (np.diff(v) <= 0).any():
        raise BadInput(f"intensities must rise: {v.tolist()}; sort them, each once")
    return intensity_response(v, s), np.asarray(s[..., -1] - s[..., 0])
