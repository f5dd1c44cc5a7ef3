"""Expression gain: how far an edit moved from the source emotion towards the target emotion.

It separates a method that changes nothing from one that exaggerates or paints a texture. Both can get
good predictions from a judge of single images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="gain",
    title="Expression gain",
    version=1,
    unit="probability",
    direction="reported",
    digits=3,
    definition=(
        "Mean rise of the judge's probability of the target emotion from the input to the edit, over "
        "edits to another emotion than the input's. On the embedded faces the edit and the true edit "
        "are also compared as steps from the input in the judge's features. The variant parallel is "
        "the part of the edit in the direction of the true edit, divided by the length of the true "
        "edit: 0 means that nothing was done, 1 is the right amount, and more than 1 exaggerates. "
        "The variant orthogonal is the length of the rest, divided by the same length; 0 is right."
    ),
    ours=True,
)


def probability_gain(source: ArrayLike, edit: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Rise of the target's probability, p_edit[t] - p_source[t].

    Args:
        source, edit: the judge's softmax [..., emotions], broadcast against each other.
        targets: integers [...], the target emotions.

    Returns:
        float64 [...] in [-1, 1].
    """
    rise = np.asarray(edit, np.float64) - np.asarray(source, np.float64)
    index = np.broadcast_to(np.asarray(targets, np.int64), rise.shape[:-1])
    return np.asarray(np.take_along_axis(rise, index[..., None], axis=-1)[..., 0])


def gt_gain(
    source: ArrayLike, edit: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The parts of an edit that are parallel and orthogonal to the step from the input to the true edit.

    With e = edit - source and t = truth - source, parallel = e't / |t|^2 and orthogonal =
    |e - parallel t| / |t|.

    Args:
        source, edit, truth: pixels or features [..., d] of the input, the edit and the true edit,
            broadcast against each other.

    Returns:
        float64 [...] each: (0, 0) for no edit, (1, 0) for the true edit, and NaN where the source equals
        the true edit.
    """
    start = np.asarray(source, np.float64)
    e, t = np.asarray(edit, np.float64) - start, np.asarray(truth, np.float64) - start
    length = np.square(t).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        parallel = (e * t).sum(axis=-1) / length
        rest = e - parallel[..., None] * t
        orthogonal = np.sqrt(np.square(rest).sum(axis=-1) / length)
    return np.asarray(parallel), np.asarray(orthogonal)
