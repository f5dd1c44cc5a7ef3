"""Action units: whether an edit shows the requested unit at the requested intensity.

The embedded faces can be rendered again with one action unit of their expression (FACS; Ekman and
Friesen 1978) at another intensity v. This rendering is the true edit T_v. For the input x, the edit E_v,
and sums over images, units and intensities, the module defines:

    error        sum |E_v - T_v| / sum |x - T_v|                      (see ``ganbench.metrics.gt_error``)
    position     s_v = (E_v - x)'t / |t|^2,   t = T_high - T_low      (see ``gt_gain``)
    correlation  Spearman's correlation of v and s_v                  (see ``intensity_response``)

All positions are measured along the same t. The direction from x to T_v is not used: a perfect edit would
then have the position 1 for every v, whatever the intensity. True edits have a correlation of 1 if s_v
rises with v. At 64 px this holds for all units of the first 35 faces; at 16 px it fails for some units,
which change very few pixels.
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
        "Each edit changes one action unit of the input and keeps the other units. The metric is the mean "
        "absolute difference between the edit and the true edit, which is a rendering of the same face "
        "with that unit changed, divided by the mean absolute difference between the unedited input and "
        "the true edit: 0 is perfect, 1 is as good as doing nothing, and more than 1 is worse. Edits to "
        "the intensity that the input already shows are left out. The variants are single regions and "
        "single units."
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
        "The method edits one action unit to several intensities. The position of an edit is measured in "
        "pixels, on the line from the true edit at the lowest intensity to the true edit at the highest. "
        "The metric is the mean Spearman correlation between requested intensity and position; it is 0 "
        "for a method that does not respond. The variant 'parallel' is the position at the highest "
        "intensity minus the position at the lowest, divided by the distance of the two true edits: 1 is "
        "the right amount. The other variants are single units."
    ),
    ours=True,
)
SPECS = (ERROR, CORRELATION)


def unit_position(
    source: ArrayLike, edit: ArrayLike, low: ArrayLike, high: ArrayLike
) -> NDArray[np.float64]:
    """Position of an edit on the line from the true edit at low intensity to the one at high intensity.

    Args:
        source, edit: pixels [..., d] of the input and of its edit.
        low, high: pixels [..., d] of the true edits at the lowest and at the highest intensity.

    Returns:
        float64 [...]: (edit - source)'t / |t|^2 with t = high - low. It is 0 if the edit equals the input,
        and NaN where both true edits are equal.
    """
    start, base = np.asarray(source, np.float64), np.asarray(low, np.float64)
    parallel, _ = gt_gain(0.0, np.asarray(edit, np.float64) - start, np.asarray(high) - base)
    return parallel


def unit_response(
    intensities: ArrayLike, positions: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How well the positions of edits follow the requested intensities.

    Args:
        intensities: K >= 2 requested intensities [K] in increasing order.
        positions: [..., K], ``unit_position`` of the edit to each intensity.

    Returns:
        Two arrays float64 [...]: Spearman's correlation in [-1, 1], and the position at the highest
        intensity minus the position at the lowest. Both are 1 for true edits whose positions rise with the
        intensities, 0 for edits that do not respond, and NaN where a position is NaN.

    Raises:
        BadInput: the intensities do not increase, or the shapes do not fit.
    """
    v, s = np.asarray(intensities, np.float64), np.asarray(positions, np.float64)
    if v.ndim != 1 or (np.diff(v) <= 0).any():
        raise BadInput(
            f"intensities do not increase: {v.tolist()}; sort them and remove repeated values"
        )
    return intensity_response(v, s), np.asarray(s[..., -1] - s[..., 0])
