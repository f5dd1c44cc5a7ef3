"""An edited face goes back into its photograph, which has more pixels than the edit.

With P the photograph, I and E the method's input and edit as they lie in it (enlarged), H = P - I is the detail that
the method did not see. The photograph becomes

    P + m (E + g H - P) = P + m (E - I - (1 - g) H)

m is a soft ellipse, 0 outside the face. g says how much of the detail stays: all of it on skin, hair and wherever the
edit changes nothing; none inside eyes and mouth that the edit changes, where the detail would be a ghost of the old
mouth. An edit that equals its input thus leaves the photograph as it is, to the bit.
"""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import numpy as np
import torch
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
)

# The soft ellipse in the frame, in shares of its side: half axes, and where the edge begins.
RADII, EDGE = (0.40, 0.45), 0.75
# An organ's ellipse is this much wider and higher than its points, and by MARGIN of the frame's side on each side.
WIDER, MARGIN = 1.15, 0.025
# A change of this size, of values in [0, 1], replaces the detail of an organ wholly. Eyes keep their detail longer: a
# gaze without it is blurred, and most expressions leave iris and lashes where they were.
WHOLE_EYES, WHOLE_MOUTH = 0.5, 0.1
# Side of the map of ``_replaced``, which is enlarged.
FINE = 256
# Pixels that are pasted at once: each takes some 100 bytes meanwhile.
BAND = 1 << 18

Shares = NDArray[np.float32]
Real = TypeVar("Real", Shares, Floats)


def soft(radius: Real, edge: float) -> Real:
    """1 up to ``edge``, 0 from 1 on, and half a cosine between them."""
    t = np.clip((radius - edge) / (1 - edge), 0, 1)
    result: Real = (0.5 + 0.5 * np.cos(np.pi * t)) * (radius < 1)
    return result


def face_mask(shares: Real) -> Real:
    """The soft ellipse m at places [..., 2] of the frame, in shares of its side: values in [0, 1]."""
    across, down = (shares[..., 0] - 0.5) / RADII[0], (shares[..., 1] - 0.5) / RADII[1]
    result: Real = np.sqrt(across**2 + down**2)
    return soft(result, EDGE)


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
    before, change = before.cpu(), (after - before).cpu()
    framed = np.stack([moved(each, matrix) for each in points]) / size
    colours, replaced = torch.cat([before, change]), _replaced(change, framed)
    part = picture[top:bottom, left:right].copy()
    rows = max(1, BAND // (right - left))
    for start in range(top, bottom, rows):
        band = (left, start, right, min(start + rows, bottom))
        some = part[start - top : band[3] - top]
        some[:] = _pasted(some, colours, replaced, _shares(matrix, size, band))
    return part, box


def _pasted(old: Bytes, colours: Tensor, replaced: Tensor, shares: Shares) -> Bytes:
    """A part of the photograph with its new pixels.

    Args:
        old: uint8 [h, w, 3].
        colours: the frame's input and the change of it, [6, S, S].
        replaced: 1 - g in the frame, [1, R, R].
        shares: the place of each pixel in the frame, float32 [h, w, 2], in shares of its side.
    """
    grid = torch.from_numpy(shares * 2 - 1)[None]
    at = partial(F.grid_sample, grid=grid, padding_mode="border", align_corners=False)
    sampled = at(colours[None], mode="bicubic")[0].permute(1, 2, 0).numpy()
    lies_in, moves_by = sampled[..., :3], sampled[..., 3:]
    gone = at(replaced[None], mode="bilinear")[0, 0].numpy()[..., None]
    seen = old.astype(np.float32) / np.float32(255)
    mask = face_mask(shares)[..., None]
    new = (seen + mask * (moves_by - gone * (seen - lies_in))) * np.float32(255)
    return np.where(mask > 0, np.clip(np.rint(new), 0, 255).astype(np.uint8), old)


def _replaced(change: Tensor, framed: Floats) -> Tensor:
    """The share 1 - g of the photograph's detail that goes, in the frame: float32 [1, R, R] in [0, 1].

    Args:
        change: the edit less its input, [3, S, S].
        framed: landmarks [k, 68, 2], in shares of the frame's side.
    """
    size = change.shape[-1]
    reach = max(1, size // 32)
    most = change.abs().amax(dim=0, keepdim=True)[None]
    spread = F.max_pool2d(most, 2 * reach + 1, 1, reach)
    strength = F.avg_pool2d(spread, 2 * reach + 1, 1, reach, count_include_pad=False)
    side = max(FINE, size)
    fine = F.interpolate(strength, (side, side), mode="bilinear")[0, 0].numpy()
    at = (np.arange(side) + 0.5) / side
    eyes, mouth = organs(np.stack(np.meshgrid(at, at), axis=-1), framed)
    replaced = np.maximum(
        eyes * np.minimum(fine / WHOLE_EYES, 1), mouth * np.minimum(fine / WHOLE_MOUTH, 1)
    )
    return torch.from_numpy(replaced.astype(np.float32))[None]


def _shares(matrix: Floats, size: int, box: tuple[int, int, int, int]) -> Shares:
    """The place in the frame, in shares of its side, of each pixel of a part of the photograph: [h, w, 2]."""
    left, top, right, bottom = box
    x, y = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
    (a, b, c), (d, e, f) = matrix / size
    across = a * x + b * y[:, None] + c
    down = d * x + e * y[:, None] + f
    return np.stack([across, down], axis=-1).astype(np.float32)
