"""Rendering of a ``Face`` into a picture and its region map."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces.draw import (
    CENTRE_PER_LENGTH,
    FRAME_MINIMUM,
    FRAME_PER_LENGTH,
    express,
    picture,
    settle,
)
from ganbench.data.faces.expressions import limits
from ganbench.data.faces.face import RGB, Face
from ganbench.data.faces.head import HeadModel, load_head
from ganbench.data.faces.paint import Look
from ganbench.devices import cores
from ganbench.errors import BadInput

# Part of every cache key: a change that alters pixels must raise it.
RENDERER_VERSION = 1

SIZES = (16, 1024)
ANCESTRIES = ("african", "asian", "caucasian")  # in the order of Face.ancestry

Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]


class Rendering(NamedTuple):
    """A picture [H, W, 3] RGB and its region codes [H, W] (``ganbench.data.regions``)."""

    image: UInt8
    regions: UInt8


def check_size(size: int) -> None:
    """Raise ``BadInput`` unless ``size`` is a side length that can be rendered."""
    low, high = SIZES
    if not low <= size <= high:
        raise BadInput(f"picture size out of range: {size}; use {low} to {high} pixels")


def target_weights(head: HeadModel, face: Face) -> tuple[Float64, Float64]:
    """Weights [K] of the identity targets and of the expression targets of a face."""
    identity, expression = np.zeros(len(head.names)), np.zeros(len(head.names))
    for ancestry, share in zip(ANCESTRIES, face.ancestry, strict=True):
        for sex, s in (("female", 1 - face.male), ("male", face.male)):
            for age, a in (("young", 1 - face.age), ("old", face.age)):
                identity[head.position[f"macro/{ancestry}-{sex}-{age}"]] = share * s * a
    for name, weight in zip(head.traits, face.traits, strict=True):
        if weight:
            sign = "+" if weight > 0 else "-"
            identity[head.position[f"identity/{name}{sign}"]] = abs(weight)
    total = np.clip(np.array(face.expression) + np.array(face.nuisance), 0, limits())
    expression[head.unit_targets] = total
    return identity, expression


def hair_end(face: Face) -> float:
    """Rest y where the long hair of a face ends; above the head if it is not long."""
    return face.hair_end if face.hair_style == "long" else 99.0


def _linear(colours: Sequence[RGB]) -> Float64:
    """Colours of 0 to 255 as linear light [n, 3] in [0, 1]."""
    linear: Float64 = (np.array(colours, dtype=np.float64) / 255.0) ** 2.2
    return linear


def _rotation(face: Face) -> Float64:
    cy, sy = np.cos(face.yaw), np.sin(face.yaw)
    cp, sp = np.cos(face.pitch), np.sin(face.pitch)
    cr, sr = np.cos(face.roll), np.sin(face.roll)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn: Float64 = roll @ pitch @ yaw
    return turn


def _look(face: Face) -> Look:
    azimuth, elevation, warmth = face.light_azimuth, face.light_elevation, face.light_warmth
    light = np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ]
    )
    tint = np.array([1 + 0.06 * warmth, 1.0, 1 - 0.10 * warmth])
    skin, lips, hair, brow, iris = _linear((face.skin, face.lips, face.hair, face.brow, face.iris))
    return Look(
        skin=skin,
        lips=lips,
        hair=hair,
        brow=brow,
        iris=iris,
        light=light,
        light_colour=tint * 0.82 * face.light_power,
        sky=np.array([0.36, 0.38, 0.42]) * face.ambient,
        brow_thickness=face.brow_thickness,
        brow_height=face.brow_height,
        hairline=face.hairline,
        hair_end=hair_end(face),
        shaved=1.0 if face.hair_style == "shaved" else 0.0,
        stubble=face.stubble,
    )


def render(face: Face, size: int = 64) -> Rendering:
    """Draw a face.

    Args:
        face: all that is in the picture.
        size: side in pixels, 16 to 1024.

    Raises:
        BadInput: size out of range.
    """
    check_size(size)
    head = load_head()
    mesh = head.mesh
    identity, expression = target_weights(head, face)
    person, left, right = settle(mesh, identity)
    middle, ipd = (left + right) / 2, float(np.linalg.norm(left - right))
    volume = 0.0 if face.hair_style == "shaved" else face.hair_volume
    posed = express(mesh, person, expression, middle, ipd, face.hairline, volume)
    # The frame depends on the resting face alone, so that the background stays where it is under another
    # expression.
    length = float(middle[1] - person[head.chin, 1]) / ipd
    first, second = _linear(face.background)
    return Rendering(
        *picture(
            mesh,
            posed @ _rotation(face).T,
            (face.shift_x, -(CENTRE_PER_LENGTH * length + face.shift_y)),
            max(FRAME_MINIMUM, FRAME_PER_LENGTH * length) / face.zoom,
            _look(face),
            (first, second, face.background_angle),
            face.blur,
            np.random.default_rng(face.noise_seed).standard_normal((size, size, 3)) * face.noise,
        )
    )


def render_many(
    faces: Sequence[Face], size: int = 64, workers: int | None = None
) -> tuple[UInt8, UInt8]:
    """Pictures uint8 [N, H, W, 3] and regions uint8 [N, H, W] of many faces, on all cores.

    Raises:
        BadInput: size out of range.
    """
    check_size(size)
    images = np.empty((len(faces), size, size, 3), dtype=np.uint8)
    regions = np.empty((len(faces), size, size), dtype=np.uint8)

    rest = iter(range(len(faces)))  # the threads share it: each takes the next face

    def draw(_: int) -> None:
        for i in rest:
            images[i], regions[i] = render(faces[i], size)

    count = min(workers or cores(), len(faces))
    with ThreadPoolExecutor(max(1, count)) as pool:  # the compiled steps release the GIL
        list(pool.map(draw, range(count)))
    return images, regions
