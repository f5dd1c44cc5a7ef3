"""Landmarks: how far the shape of an edited face is from that of the true edit, and how far it moved.

Pixels punish an edit that is right but half a pixel off, and say that it is worse than doing nothing. Points of
the face do not, and no judge of expressions takes part.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.spec import MetricSpec

# The points of each part of a face, in the order of the iBUG 300-W annotations.
PARTS: Mapping[str, slice] = {
    "brows": slice(17, 27),
    "mouth": slice(48, 68),
    "jaw": slice(0, 17),
    "eyes": slice(36, 48),
    "nose": slice(27, 36),
}
POINTS = 68

# The parts whose distances rank edits as they must; docs/validation.md has the measurement.
RELIABLE = ("brows", "mouth", "jaw")

# An edit is nearer than the input if it is nearer by this, in distances of the eyes: a thirtieth of a pixel of the
# embedded faces, since the last bits of equal pictures depend on the batch.
NEARER_BY = 1e-3

# The outer corners of the eyes.
CORNERS = (36, 45)

SPEC = MetricSpec(
    name="landmarks",
    title="Landmark error",
    version=1,
    unit="eye distances",
    direction="lower",
    digits=3,
    definition=(
        "Mean distance of the points of brows, mouth and jaw in an edit to those in the true rendering of "
        "the target emotion, divided by the distance of the outer corners of its eyes: 0 is perfect. It is an "
        "error of shape, where the ground-truth error is one of pixels. A network finds 68 points in "
        "the whole frame, so the face must fill it as in the embedded data. Edits towards the emotion that the "
        "input shows are left out. 'nearer than the input' is the share of edits that are nearer to "
        "the true one than the untouched input; 'change' is the distance of the edit to the input, "
        "which photographs have too, and whose row of the true edits tells how far the untouched "
        "inputs are from them. Eyes and nose are only reported: the network's own error is as large as "
        "what expressions move them. Computed for the edits of the first 140 test images, or for all "
        "of them with --all-faces."
    ),
    ours=True,
)

FOUND = MetricSpec(
    name="found",
    title="Face found",
    version=1,
    unit="%",
    direction="higher",
    digits=1,
    definition=(
        "Share of edits in which a face detector, which was trained by others on photographs, sees a face. "
        "Computed for the edits of the first 140 test images, or for all of them with --all-faces; "
        "the row of the real images is about the inputs."
    ),
    ours=True,
)


def nearer(errors: ArrayLike, untouched: ArrayLike) -> NDArray[np.bool_]:
    """Which edits are nearer to the true edit than the untouched input, by ``NEARER_BY`` or more.

    Args:
        errors, untouched: ``part_distances`` of one part to the true edits, of one shape.
    """
    gained = np.asarray(untouched, np.float64) - np.asarray(errors, np.float64)
    return np.asarray(gained >= NEARER_BY)


def part_distances(points: ArrayLike, right: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Mean distances of points to the right ones, in distances of the outer corners of the right eyes.

    The unit is that of the 300-W challenge (C. Sagonas, G. Tzimiropoulos, S. Zafeiriou and M. Pantic,
    ICCV Workshops 2013, p. 397).

    Args:
        points, right: [..., 68, 2] in one unit of length, broadcast against each other.

    Returns:
        float64 [...] for each of ``PARTS``, and for ``""``, which is all points of ``RELIABLE`` together;
        NaN where the corners of the eyes coincide.

    Raises:
        BadInput: there are not 68 points.
    """
    a, b = np.asarray(points, np.float64), np.asarray(right, np.float64)
    for array in (a, b):
        if array.shape[-2:] != (POINTS, 2):
            raise BadInput(f"points must be [..., {POINTS}, 2]: got shape {array.shape}")
    apart = np.linalg.norm(a - b, axis=-1)
    eyes = np.linalg.norm(b[..., CORNERS[1], :] - b[..., CORNERS[0], :], axis=-1)
    unit = np.where(eyes > 0, eyes, np.nan)
    chosen = np.r_[tuple(PARTS[part] for part in RELIABLE)]
    found = {"": apart[..., chosen].mean(axis=-1) / unit}
    return found | {part: apart[..., of].mean(axis=-1) / unit for part, of in PARTS.items()}
