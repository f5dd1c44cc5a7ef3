"""From a photograph to a face in a fixed frame, and back: pure functions of arrays.

Points are in pixels of a picture, x before y, and pixel i covers [i, i + 1). A matrix [2, 3] maps points of the
photograph to points of the frame.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]

# The points of a face that are one organ, in the order of 68.
LEFT_EYE, RIGHT_EYE, MOUTH = slice(36, 42), slice(42, 48), slice(48, 68)

# Centres of the eyes in the frame of the rendered faces, in shares of its side: means of the embedded data.
FRAME = ((0.357, 0.267), (0.648, 0.266))
# Centres of the eyes and of the mouth where the descriptor expects them, in shares of the side: dlib's chip
# of 150 px with a border of a quarter.
CHIP = ((0.3170, 0.3107), (0.6699, 0.3107), (0.4934, 0.7028))

# A picture that is shrunk below this share is smoothed first.
SMOOTH = 0.9


def centres(points: Floats) -> Floats:
    """The centres [3, 2] of left eye, right eye and mouth of 68 points; "left" is left in the picture."""
    return np.stack([points[part].mean(0) for part in (LEFT_EYE, RIGHT_EYE, MOUTH)])


def similarity(source: Floats, target: Floats) -> Floats:
    """The turn, scale and shift [2, 3] that brings source points [n, 2] nearest to target points [n, 2].

    Least squares: with the points as complex numbers z, w about their means, the factor is
    sum(conj(z) w) / sum(conj(z) z).
    """
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (source, target))
    z_mean, w_mean = z.mean(), w.mean()
    z, w = z - z_mean, w - w_mean
    factor = (z.conj() @ w) / (z.conj() @ z).real
    shift = w_mean - factor * z_mean
    a, b = factor.real, factor.imag
    return np.array([[a, -b, shift.real], [b, a, shift.imag]])


def frame_matrix(points: Floats, size: int, margin: float = 0.0) -> Floats:
    """The matrix that brings a face's eyes to their places in the frame of ``size`` pixels.

    Args:
        points: 68 landmarks in the photograph.
        size: side of the frame and its margins.
        margin: border on each side of the frame, in shares of the frame's side.
    """
    places = (np.array(FRAME) + margin) / (1 + 2 * margin)
    return similarity(centres(points)[:2], places * size)


def chip_matrix(points: Floats, size: int) -> Floats:
    """The matrix that brings eyes and mouth to where the descriptor expects them, at ``size`` pixels."""
    return similarity(centres(points), np.array(CHIP) * size)


def inverse(matrix: Floats) -> Floats:
    """The matrix [2, 3] from the frame back to the photograph."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.concatenate([turn, -(turn @ matrix[:, 2:])], axis=1)


def moved(points: Floats, matrix: Floats) -> Floats:
    """Points [n, 2] mapped by a matrix [2, 3]."""
    result: Floats = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def scale_of(matrix: Floats) -> float:
    """How many pixels of the target a pixel of the source covers along a line."""
    return math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))


def corners_box(
    matrix: Floats, size: int, margin: float = 0.0
) -> tuple[float, float, float, float]:
    """The upright box in the photograph around a frame of ``size`` pixels: left, top, right, bottom.

    Args:
        matrix: from the photograph to the frame.
        size: side of the frame.
        margin: added on all sides, in pixels of the photograph.
    """
    corners = moved(np.array([[0, 0], [size, 0], [0, size], [size, size]], float), inverse(matrix))
    (left, top), (right, bottom) = corners.min(0) - margin, corners.max(0) + margin
    return float(left), float(top), float(right), float(bottom)


def cut_box(
    box: tuple[float, float, float, float], width: int, height: int
) -> tuple[int, int, int, int]:
    """A box in whole pixels inside a picture; at least one pixel of it remains."""
    left = min(max(math.floor(box[0]), 0), width - 1)
    top = min(max(math.floor(box[1]), 0), height - 1)
    right = max(min(math.ceil(box[2]), width), left + 1)
    bottom = max(min(math.ceil(box[3]), height), top + 1)
    return left, top, right, bottom


def shrunk(pixels: Tensor, width: int, height: int) -> Tensor:
    """uint8 [1, 3, H, W] -> float32 [1, 3, height, width] in [0, 1], bilinear and antialiased."""
    if pixels.shape[-2:] != (height, width):
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    return pixels.float() / 255


def align(picture: Bytes, matrix: Floats, size: int) -> Tensor:
    """The part of a photograph that a matrix brings into a frame.

    It is sampled by bicubic interpolation, after an antialiased reduction where the frame is smaller than its
    part of the photograph. Outside the photograph its border is repeated.

    Args:
        picture: RGB, uint8 [H, W, 3].
        matrix: from the photograph to the frame.
        size: side of the frame.

    Returns:
        float32 [3, size, size] in [0, 1].
    """
    height, width = picture.shape[:2]
    scale = scale_of(matrix)
    margin = 4 / min(scale, 1)  # the filters reach over the frame's edge
    left, top, right, bottom = cut_box(corners_box(matrix, size, margin), width, height)
    part = torch.from_numpy(np.require(picture[top:bottom, left:right], requirements=["C", "W"]))
    part = part.permute(2, 0, 1)[None]
    w, h = right - left, bottom - top
    if scale < SMOOTH:
        w, h = max(1, round(w * scale)), max(1, round(h * scale))
    image = shrunk(part, w, h)
    # This matrix maps pixels of the frame to coordinates of the part, whose borders are at -1 and 1.
    back = inverse(matrix) - [[0, 0, left], [0, 0, top]]
    back = back * [[2 / (right - left)], [2 / (bottom - top)]] - [[0, 0, 1], [0, 0, 1]]
    along = np.arange(size)[:, None] + 0.5
    grid = (along * back[:, 0])[None] + (along * back[:, 1] + back[:, 2])[:, None]
    sampled = F.grid_sample(
        image,
        torch.from_numpy(grid).float()[None],
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )[0]
    # Bicubic interpolation overshoots at edges.
    return sampled.clamp(float(image.min()), float(image.max()))
