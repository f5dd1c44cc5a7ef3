"""Ground-truth error: the distance of an edit to the rendered true edit, relative to doing nothing.

The embedded faces can be rendered again with the same person, pose, light and background and the
target emotion. That rendering is the right answer, which no judge can be fooled about.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.data.dataset import BACKGROUND, EYES, FACE, HEAD, MOUTH
from ganbench.metrics.regions import Images, region_differences
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="gt_error",
    title="Ground-truth error",
    version=1,
    unit="ratio",
    direction="lower",
    digits=2,
    definition=(
        "Mean absolute difference between an edit and the true rendering of the same person, pose, "
        "light and background with the target emotion, divided by that of the unedited input: "
        "0 is perfect, 1 is as good as doing nothing, above 1 is worse. Edits towards the emotion "
        "that the input already shows are left out. Separately for mouth, eyes and brows, the rest "
        "of the face, hair and neck, and the background, and for the distance of the judge's features."
    ),
    ours=True,
)

REGIONS: tuple[str, ...] = ("mouth", "eyes", "face", "head", "background", "all")
_COLUMNS = (MOUTH, EYES, FACE, HEAD, BACKGROUND, MOUTH + 1)

# Half a step of 8-bit images: an input nearer to the truth than this leaves nothing to do.
NOTHING_TO_DO = 0.5 / 255


def joint_regions(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Region map of an edit: a pixel counts as mouth if it is mouth before *or* after, and so on.

    The values rise from background over head, face and eyes to mouth, so the maximum is the union.
    """
    return np.maximum(a, b)


def gt_distances(images: Images, truths: Images, regions: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean absolute difference to the truth in each of ``REGIONS``, for each image.

    Args:
        images, truths: [N, 3, H, W], RGB in [0, 1].
        regions: uint8 [N, H, W], ``joint_regions`` of the input and its truth.

    Returns:
        float64 [N, 6]; NaN where an image lacks the region.

    Raises:
        BadInput: the shapes do not fit.
    """
    return region_differences(images, truths, regions)[:, _COLUMNS]


def feature_distances(features: ArrayLike, truths: ArrayLike) -> NDArray[np.float64]:
    """Euclidean distance of judge features, [..., d] against [..., d] -> float64 [...]."""
    a, b = np.asarray(features, np.float64), np.asarray(truths, np.float64)
    return np.asarray(np.sqrt(np.square(a - b).sum(axis=-1)))


def relative_distance(
    edits: ArrayLike, unedited: ArrayLike, nothing_to_do: float = NOTHING_TO_DO
) -> float | None:
    """Mean distance of the edits over mean distance of the inputs, pairs with a NaN left out.

    A ratio of means: single inputs that are already right would make a mean of ratios explode.

    Returns:
        The ratio, or None if the inputs are on average within ``nothing_to_do`` of the truth.
    """
    a, b = np.asarray(edits, np.float64).ravel(), np.asarray(unedited, np.float64).ravel()
    known = ~(np.isnan(a) | np.isnan(b))
    if not known.any() or b[known].mean() <= nothing_to_do:
        return None
    return float(a[known].mean() / b[known].mean())
