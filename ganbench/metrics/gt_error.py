"""Ground-truth error: the distance of an edit to the true edit, relative to that of the unedited input.

The embedded faces can be rendered again with the same person, pose, light and background and with the
target emotion. This rendering is the true edit. The error in pixels does not depend on any judge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.data.regions import BACKGROUND, EYES, FACE, HEAD, MOUTH
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
        "light and background with the target emotion, divided by the same difference of the unedited "
        "input: 0 is perfect, 1 is as good as doing nothing, and more than 1 is worse. Edits towards "
        "the emotion that the input already shows are left out. The variants are the ratios for the "
        "mouth, the eyes and brows, the rest of the face, hair and neck, and the background, and for "
        "the distance of the judge's features."
    ),
    ours=True,
)

REGIONS: tuple[str, ...] = ("mouth", "eyes", "face", "head", "background", "all")
_COLUMNS = (MOUTH, EYES, FACE, HEAD, BACKGROUND, MOUTH + 1)

# Half a step of 8-bit images. There is nothing to do where inputs are nearer to the true edits.
NOTHING_TO_DO = 0.5 / 255


def joint_regions(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Region map of an edit: a pixel belongs to the mouth if it does so before *or* after, and so on.

    Args:
        a, b: uint8 of one shape, the region maps of the input and of the true edit.

    Returns:
        uint8, the maximum of both: the values rise from background over head, face and eyes to mouth.
    """
    return np.maximum(a, b)


def gt_distances(images: Images, truths: Images, regions: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean absolute difference of each image to its true edit in each of ``REGIONS``.

    Args:
        images, truths: [N, 3, H, W], RGB in [0, 1].
        regions: uint8 [N, H, W], ``joint_regions`` of the input and the true edit.

    Returns:
        float64 [N, 6]; NaN where an image has no pixel of the region.

    Raises:
        BadInput: the shapes do not fit.
    """
    return region_differences(images, truths, regions)[:, _COLUMNS]


def feature_distances(features: ArrayLike, truths: ArrayLike) -> NDArray[np.float64]:
    """Euclidean distances of features, [..., d] against [..., d] -> float64 [...]."""
    a, b = np.asarray(features, np.float64), np.asarray(truths, np.float64)
    return np.asarray(np.sqrt(np.square(a - b).sum(axis=-1)))


def relative_distance(
    edits: ArrayLike, unedited: ArrayLike, nothing_to_do: float = NOTHING_TO_DO
) -> float | None:
    """Mean distance of the edits divided by the mean distance of the inputs.

    It is a ratio of means, because the ratio of a single input that is already right is not bounded.

    Args:
        edits, unedited: distances to the true edits, of one shape; pairs with a NaN are left out.
        nothing_to_do: distance in the same unit.

    Returns:
        The ratio, or None if the mean distance of the inputs is at most ``nothing_to_do``.
    """
    a, b = np.asarray(edits, np.float64).ravel(), np.asarray(unedited, np.float64).ravel()
    known = ~(np.isnan(a) | np.isnan(b))
    if not known.any() or b[known].mean() <= nothing_to_do:
        return None
    return float(a[known].mean() / b[known].mean())
