"""Action units: whether an edit shows the unit that was asked for, at the intensity that was asked for.

The embedded faces can be rendered again with one action unit of their expression (FACS; Ekman and
Friesen 1978) at another intensity v. This rendering is the true edit T_v. With the input x and the edit
E_v, over images, units and intensities:

    error        sum |E_v - T_v| / sum |x - T_v|                      (see ``ganbench.metrics.gt_error``)
    position     s_v = (E_v - x)'t / |t|^2,   t = T_high - T_low      (see ``gt_gain``)
    correlation  Spearman's correlation of v and s_v                  (see ``intensity_response``)

The direction t is the same for all v, because a perfect edit is at 1 of the way from x to T_v for every v.
True edits have a correlation of 1 if their order along t is that of v. This holds for all units of the
first 35 faces at 64 px; at 16 px it fails for some units that change hardly a pixel.
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
        "Edits to the action units of the input, of which one is changed. Mean absolute difference "
        "between the edit and the true rendering of the same face with that unit changed, divided by "
        "the same difference of the unedited input: 0 is perfect, 1 is as good as doing nothing, and "
        "more than 1 is worse. Edits to the intensity that the input already shows are left out. The "
        "variants are single regions and single units."
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
        "Mean Spearman correlation between the intensity of one action unit that is asked for and the "
        "position of the edit on the line from the true rendering with little of the unit to the true "
        "rendering with much of it; 0 for a method that does not respond. The variant parallel is the "
        "distance on this line between the edits to high and to low intensity, divided by the "
        "distance of the true renderings; 1 is the right amount. The other variants are single units."
    ),
    ours=True,
)
SPECS = (ERROR, CORRELATION)


def unit_position(
    source: ArrayLike, edit: ArrayLike, low: ArrayLike, high: ArrayLike
) -> NDArray[np.float64]:
    """How far an edit moved in the direction from one true edit to another, divided by their distance.

    Args:
        source, edit: the input and its edit, pixels [..., d].
        low, high: the true edits at the lowest and at the highest intensity, [..., d].

    Returns:
        float64 [...]: (edit - source)'t / |t|^2 with t = high - low; 0 for no edit, and NaN where both
        true edits are equal.
    """
    start, base = np.asarray(source, np.float64), np.asarray(low, np.float64)
    parallel, _ = gt_gain(0.0, np.asarray(edit, np.float64) - start, np.asarray(high) - base)
    return parallel


def unit_response(
    intensities: ArrayLike, positions: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How well the positions of edits follow the intensities that were asked for.

    Args:
        intensities: [K], rising, with K >= 2.
        positions: [..., K], ``unit_position`` of the edit to each intensity.

    Returns:
        float64 [...] each: Spearman's correlation in [-1, 1], and the position at the highest intensity
        minus that at the lowest. They are (1, 1) for true edits in the order of the intensities, (0, 0)
        for edits that do not respond, and NaN where a position is NaN.

    Raises:
        BadInput: the intensities do not rise, or the shapes do not fit.
    """
    v, s = np.asarray(intensities, np.float64), np.asarray(positions, np.float64)
    if v.ndim != 1 or (np.diff(v) <= 0).any():
        raise BadInput(f"intensities must rise: {v.tolist()}; sort them, each once")
    return intensity_response(v, s), np.asarray(s[..., -1] - s[..., 0])
