"""The parametric head: CC0 MakeHuman/MPFB2 geometry and morph targets (see HEAD_LICENSE.md)."""

from __future__ import annotations

import functools
import hashlib
import io
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces.rasterise import EYE_LEFT, EYE_RIGHT, SKIN, sample_mask

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
UInt8 = NDArray[np.uint8]

CHIN = (0.0, -1.82, 0.30)  # in rest coordinates


class Mesh(NamedTuple):
    """The arrays of a ``HeadModel`` that compiled code reads, under the same names."""

    vertices: Float64
    rest: Float64
    triangles: Int32
    parts: UInt8
    uv: Float32
    triangles_uv: Int32
    lips: UInt8
    lids: UInt8
    mask_boxes: Float64
    ears: Float64
    starts: Int32
    moved: Int32
    offset: Float32
    left_eye: Int32  # vertices
    right_eye: Int32
    lip_vertices: Int32


@dataclass(frozen=True)
class HeadModel:
    """Mesh and morph targets. Lengths are decimetres, y up, z to the viewer, left = subject's left.

    ``rest`` are the coordinates of the unmorphed head in inter-pupil distances from the point between
    the eyes. Brows, hairline and regions are painted at these coordinates, so that they move with the
    skin of every identity and expression.
    """

    vertices: Float64  # [V, 3]
    rest: Float64  # [V, 3]
    triangles: Int32  # [T, 3]
    parts: UInt8  # [T]
    uv: Float32  # [U, 2]
    triangles_uv: Int32  # [T, 3]
    lips: UInt8  # [h, w], uv box mask_boxes[0]
    lids: UInt8  # [h, w], uv box mask_boxes[1]
    mask_boxes: Float64  # [2, 4] u0 v0 u1 v1
    ears: Float64  # [V] in [0, 1]
    names: tuple[str, ...]  # of the targets: unit/..., macro/..., identity/...-, identity/...+
    starts: Int32  # [K + 1] into moved and offset
    moved: Int32  # [N] vertex of each entry
    offset: Float32  # [N, 3]
    left_eye: Int32  # vertices
    right_eye: Int32
    lip_vertices: Int32
    sha256: str

    @functools.cached_property
    def units(self) -> tuple[str, ...]:
        """The 52 ARKit names of the face units, in file order."""
        return tuple(name[5:] for name in self.names if name.startswith("unit/"))

    @functools.cached_property
    def unit_targets(self) -> Int32:
        """The rows [52] of the units among the targets."""
        return np.array([self.position[f"unit/{name}"] for name in self.units], np.int32)

    @functools.cached_property
    def traits(self) -> tuple[str, ...]:
        """Names of the signed local identity parameters."""
        return tuple(
            name[9:-1] for name in self.names if name.startswith("identity/") and name.endswith("+")
        )

    @functools.cached_property
    def position(self) -> dict[str, int]:
        """Target name -> row."""
        return {name: k for k, name in enumerate(self.names)}

    @functools.cached_property
    def mesh(self) -> Mesh:
        """What compiled code reads."""
        return Mesh(*(getattr(self, name) for name in Mesh._fields))

    @functools.cached_property
    def chin(self) -> int:
        """The vertex of the chin."""
        return int(np.argmin(((self.rest - np.array(CHIN)) ** 2).sum(1)))


@functools.cache
def load_head() -> HeadModel:
    """The head model of this package; each process reads it once."""
    blob = resources.files("ganbench.data.faces").joinpath("head.npz").read_bytes()
    with np.load(io.BytesIO(blob), allow_pickle=False) as z:
        data = {name: z[name] for name in z.files}
    vertices = data["vertices"].astype(np.float64)
    triangles = data["triangles"].astype(np.int32)
    triangles_uv = data["triangles_uv"].astype(np.int32)
    parts, uv, boxes = data["parts"], data["uv"], data["mask_boxes"].astype(np.float64)
    starts = data["target_starts"]
    scales = np.repeat(data["target_scales"], np.diff(starts))
    left, right = (np.unique(triangles[parts == part]) for part in (EYE_LEFT, EYE_RIGHT))
    centre_left, centre_right = vertices[left].mean(0), vertices[right].mean(0)
    middle = (centre_left + centre_right) / 2
    skin = parts == SKIN
    red = np.array([sample_mask(data["lips"], boxes[0], u, v) for u, v in uv])
    on_lips = (red[triangles_uv] > 0.5) & skin[:, None]
    return HeadModel(
        vertices=vertices,
        rest=(vertices - middle) / (centre_left[0] - centre_right[0]),
        triangles=triangles,
        parts=parts,
        uv=uv,
        triangles_uv=triangles_uv,
        lips=data["lips"],
        lids=data["lids"],
        mask_boxes=boxes,
        ears=data["ears"] / 255.0,
        names=tuple(str(name) for name in data["target_names"]),
        starts=starts,
        moved=data["target_index"].astype(np.int32),
        offset=(data["target_offset"].T * scales[:, None]).astype(np.float32),
        left_eye=left.astype(np.int32),
        right_eye=right.astype(np.int32),
        lip_vertices=np.unique(triangles[on_lips]).astype(np.int32),
        sha256=hashlib.sha256(blob).hexdigest(),
    )
