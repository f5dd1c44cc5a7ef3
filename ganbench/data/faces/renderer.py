"""Rendering of a ``Face`` into a picture and its region map."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces.camera import develop, fill_background
from ganbench.data.faces.expressions import limits
from ganbench.data.faces.face import Face
from ganbench.data.faces.head import HeadModel, load_head
from ganbench.data.faces.paint import Look, scalp_cover
from ganbench.data.faces.rasterise import normals_and_cavity, occlusion, z_buffer
from ganbench.data.faces.shade import shade, visible_normals
from ganbench.errors import BadInput

# Part of every cache key: a change that alters pixels must raise it.
RENDERER_VERSION = 1

# The frame is that of a face detector: its width is the larger of a minimum and a multiple of the length
# of the resting face (eyes to chin), so that brows and the chin of an open jaw stay inside.
FRAME_MINIMUM, FRAME_PER_LENGTH = 3.1, 1.80  # inter-pupil distances; lengths of the face
CENTRE_PER_LENGTH = -0.42  # height of the frame's centre above the eyes, in lengths of the face
CHIN = (0.0, -1.82, 0.30)  # in rest coordinates
DISTANCE = 9.5  # of the camera, inter-pupil distances; that of a portrait lens
PIVOT = np.array([0.0, -0.45, -1.0])  # the head turns about a point between the ears
SUPERSAMPLE = 2
SIZES = (16, 1024)

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
    ancestries = ("african", "asian", "caucasian")
    for ancestry, share in zip(ancestries, face.ancestry, strict=True):
        for sex, s in (("female", 1 - face.male), ("male", face.male)):
            for age, a in (("young", 1 - face.age), ("old", face.age)):
                identity[head.position[f"macro/{ancestry}-{sex}-{age}"]] = share * s * a
    for name, weight in zip(head.traits, face.traits, strict=True):
        if weight:
            sign = "+" if weight > 0 else "-"
            identity[head.position[f"identity/{name}{sign}"]] = abs(weight)
    total = np.clip(np.array(face.expression) + np.array(face.nuisance), 0, limits())
    for name, weight in zip(head.units, total, strict=True):
        expression[head.position[f"unit/{name}"]] = weight
    return identity, expression


def hair_end(face: Face) -> float:
    """Rest y where the long hair of a face ends; above the head if it is not long."""
    return face.hair_end if face.hair_style == "long" else 99.0


def _linear(colour: Sequence[float]) -> Float64:
    return (np.asarray(colour, dtype=np.float64) / 255.0) ** 2.2


def _rotation(face: Face) -> Float64:
    cy, sy = np.cos(face.yaw), np.sin(face.yaw)
    cp, sp = np.cos(face.pitch), np.sin(face.pitch)
    cr, sr = np.cos(face.roll), np.sin(face.roll)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn: Float64 = roll @ pitch @ yaw
    return turn


def _pose(head: HeadModel, face: Face) -> tuple[Float64, float]:
    """Vertices [V, 3] in view space, camera axis through the origin, and the frame's width.

    Both are in inter-pupil distances. The frame depends on the resting face alone, so that the
    background stays where it is under another expression.
    """
    identity, expression = target_weights(head, face)
    person = head.morph(head.vertices, identity)
    left, right = head.eye_centres(person)
    middle, ipd = (left + right) / 2, float(np.linalg.norm(left - right))
    posed = (head.morph(person, expression) - middle) / ipd
    chin = int(np.argmin(((head.rest - np.array(CHIN)) ** 2).sum(1)))
    length = float(middle[1] - person[chin, 1]) / ipd
    if face.hair_style != "shaved":
        cover = scalp_cover(head.rest, face.hairline) * (1 - head.ears)
        outward = (person - middle) / ipd - np.array([0.0, 0.3, -1.2])
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        posed += outward * (face.hair_volume * cover)[:, None]
    turned: Float64 = (posed - PIVOT) @ _rotation(face).T + PIVOT
    turned[:, 0] += face.shift_x
    turned[:, 1] -= CENTRE_PER_LENGTH * length + face.shift_y
    return turned, max(FRAME_MINIMUM, FRAME_PER_LENGTH * length) / face.zoom


def _look(head: HeadModel, face: Face, view: Float64) -> Look:
    azimuth, elevation, warmth = face.light_azimuth, face.light_elevation, face.light_warmth
    light = np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            np.sin(elevation),
            np.cos(azimuth) * np.cos(elevation),
        ]
    )
    tint = np.array([1 + 0.06 * warmth, 1.0, 1 - 0.10 * warmth])
    return Look(
        skin=_linear(face.skin),
        lips=_linear(face.lips),
        hair=_linear(face.hair),
        brow=_linear(face.brow),
        iris=_linear(face.iris),
        light=light,
        light_colour=tint * 0.82 * face.light_power,
        sky=np.array([0.36, 0.38, 0.42]) * face.ambient,
        brow_thickness=face.brow_thickness,
        brow_height=face.brow_height,
        hairline=face.hairline,
        hair_end=hair_end(face),
        shaved=1.0 if face.hair_style == "shaved" else 0.0,
        stubble=face.stubble,
        lip_depth=DISTANCE - float(np.percentile(view[head.lip_vertices, 2], 70)),
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
    view, frame = _pose(head, face)
    wide = size * SUPERSAMPLE
    depth = DISTANCE - view[:, 2]
    scale = DISTANCE / frame * wide
    screen = np.stack(
        [wide / 2 + scale * view[:, 0] / depth, wide / 2 - scale * view[:, 1] / depth, depth], 1
    )
    normals, cavity = normals_and_cavity(view, head.triangles)
    zed, owner, weights = z_buffer(
        screen, head.triangles, head.parts, head.rest, hair_end(face), wide
    )
    normal = visible_normals(owner, weights, head.triangles, normals)
    occluded = occlusion(zed, normal, frame / wide, 0.22)
    image = np.empty((wide, wide, 3))
    regions = np.zeros((wide, wide), dtype=np.uint8)
    first, second = face.background
    fill_background(image, _linear(first), _linear(second), face.background_angle)
    shade(
        image,
        regions,
        owner,
        weights,
        zed,
        normal,
        occluded,
        head.triangles,
        head.triangles_uv,
        head.uv,
        head.parts,
        head.rest,
        head.ears,
        cavity,
        head.lips,
        head.lids,
        head.mask_boxes,
        _look(head, face, view),
    )
    grain = np.random.default_rng(face.noise_seed).standard_normal((size, size, 3)) * face.noise
    return Rendering(*develop(image, regions, face.blur, grain))


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

    def draw(i: int) -> None:
        images[i], regions[i] = render(faces[i], size)

    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:  # the kernels release the GIL
        list(pool.map(draw, range(len(faces))))
    return images, regions
