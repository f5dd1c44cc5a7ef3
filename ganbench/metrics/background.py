"""Background change: how much an edit changes outside of the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.data.regions import FACE
from ganbench.metrics.regions import Images, region_differences
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="background",
    title="Background",
    version=1,
    unit="intensity in [0, 1]",
    direction="lower",
    digits=4,
    definition=(
        "Mean absolute change, over RGB in [0, 1], of the pixels outside the face of the input: "
        "background, hair, ears, neck and shoulders. The face masks of the embedded faces are exact; "
        "data without masks have no value. True edits do not reach 0, because an opened jaw moves "
        "the outline of the face."
    ),
)


def background_change(
    inputs: Images, edits: Images, regions: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Mean absolute change outside the face of each edit.

    Args:
        inputs, edits: [N, 3, H, W], RGB in [0, 1].
        regions: uint8 [N, H, W], region maps of the inputs.

    Returns:
        float64 [N]; NaN for an image without a pixel outside the face.

    Raises:
        BadInput: the shapes do not fit.
    """
    face = (regions >= FACE).astype(np.uint8)
    return region_differences(inputs, edits, face, kinds=2)[:, 0]
