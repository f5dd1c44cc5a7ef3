"""An edited face goes back into its photograph, which has more pixels than the edit.

With P the photograph, I and E the method's input and edit as they lie in it (enlarged), H = P - I is the detail that
the method did not see. The photograph becomes

    P + m (E + g H - P) = P + m (E - I - (1 - g) H)

m is a soft ellipse, 0 outside the face. g says how much of the detail stays: all of it on skin, hair and wherever the
edit changes nothing; none inside eyes and mouth that the edit changes, where the detail would be a ghost of the old
mouth. An edit that equals its input thus leaves the photograph as it is, to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ganbench.faces_in_photos.geometry import (
    LEFT_EYE,
    MOUTH,
    RIGHT_EYE,
    Bytes,
    Floats,
    corners_box,
    cut_box,
    moved,
    unalign,
)

# The soft ellipse in the frame, in shares of its side: half axes, and where the edge begins.
RADII, EDGE = (0.40, 0.45), 0.75
# An organ's ellipse is this much wider and higher than its points, and by MARGIN of the frame's side on each side.
WIDER, MARGIN = 1.15, 0.025
# A change of this size, of values in [0, 1], replaces the detail of an organ wholly. Eyes keep their detail longer: a
# gaze without it is blurred, and most expressions leave iris and lashes where they were.
WHOLE_EYES, WHOLE_MOUTH = 0.5, 0.1


def soft(radius: Floats, edge: float) -> Floats:
    """1 up to ``edge``, 0 from 1 on, and half a cosine between them."""
    t = np.clip((radius - edge) / (1 - edge), 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * t), np.float64) * (radius < 1)


def face_mask(shares: Floats) -> Floats:
    """The soft ellipse m at places [..., 2] of the frame, in shares of its side: values in [0, 1]."""
    return soft(np.linalg.norm((shares - 0.5) / RADII, axis=-1), EDGE)


def organs(shares: Floats, points: Floats) -> tuple[Floats, Floats]:
    """Where the eyes and where the mouth lie: two maps of values in [0, 1] at places of the frame.

    Args:
        shares: places [..., 2], in shares of the frame's side.
        points: landmarks [k, 68, 2] of the same face, in such shares: of the input, and of its edit. Each organ's
            ellipse covers the points of all.
    """
    found = []
    for part in (LEFT_EYE, RIGHT_EYE, MOUTH):
        own = points[:, part].reshape(-1, 2)
        low, high = own.min(0), own.max(0)
        half = (high - low) / 2 * WIDER + MARGIN
        radius = np.linalg.norm((shares - (low + high) / 2) / half, axis=-1)
        found.append(soft(radius, 0.6))
    return np.maximum(found[0], found[1]), found[2]


def paste_back(
    picture: Bytes, before: Tensor, after: Tensor, matrix: Floats, points: Floats
) -> tuple[Bytes, tuple[int, int, int, int]]:
    """A photograph with an edited face.

    Args:
        picture: RGB, uint8 [H, W, 3]; it is not changed.
        before: the method's input, float32 [3, S, S] in [0, 1], which ``align`` made with ``matrix``.
        after: its edit, of the same shape.
        matrix: from the photograph to the frame of S pixels.
        points: landmarks [k, 68, 2] of the face in the photograph, in its pixels: of the photograph itself
            and, if known, of the edit.

    Returns:
        the part of the photograph that can differ, uint8 [h, w, 3], and its place: left, top, right, bottom.
        Pixels outside the ellipse are the photograph's.
    """
    size, (height, width) = before.shape[-1], picture.shape[:2]
    box = cut_box(corners_box(matrix, size), width, height)
    left, top, right, bottom = box
    shares = _shares(matrix, size, box)
    old = picture[top:bottom, left:right].astype(np.float32) / 255
    change = (after - before).cpu()
    lies_in = unalign(before.cpu(), matrix, box).permute(1, 2, 0).numpy()
    moves_by = unalign(change, matrix, box).permute(1, 2, 0).numpy()
    framed = np.stack([moved(each, matrix) for each in points]) / size
    eyes, mouth = organs(shares, framed)
    strength = unalign(_strength(change), matrix, box, "bilinear")[0].double().numpy()
    replaced = np.maximum(
        eyes * np.minimum(strength / WHOLE_EYES, 1), mouth * np.minimum(strength / WHOLE_MOUTH, 1)
    )
    detail = old - lies_in
    mask = face_mask(shares)
    new = old + mask[..., None] * (moves_by - replaced[..., None] * detail)
    pasted = np.clip(np.rint(new * 255), 0, 255).astype(np.uint8)
    return np.where(mask[..., None] > 0, pasted, picture[top:bottom, left:right]), box


def _strength(change: Tensor) -> Tensor:
    """How much an edit changes a place and its neighbours, [1, S, S] in [0, 1]."""
    size = change.shape[-1]
    reach = max(1, size // 32)
    most = change.abs().amax(dim=0, keepdim=True)[None]
    spread = F.max_pool2d(most, 2 * reach + 1, 1, reach)
    return F.avg_pool2d(spread, 2 * reach + 1, 1, reach, count_include_pad=False)[0]


def _shares(matrix: Floats, size: int, box: tuple[int, int, int, int]) -> Floats:
    """The place in the frame, in shares of its side, of each pixel of a part of the photograph: [h, w, 2]."""
    left, top, right, bottom = box
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    places: NDArray[np.float64] = np.stack([x.ravel(), y.ravel()], axis=1)
    return (moved(places, matrix) / size).reshape(bottom - top, right - left, 2)
