"""A face of a photograph in a method's frame, its edit, and the photograph with the edit in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ganbench.evaluation import contract
from ganbench.faces_in_photos import Face, FaceNetworks, align, frame_matrix, inverse, paste_back
from ganbench.faces_in_photos.geometry import Floats, corners_box, cut_box, moved
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.photographs.files import Box, Bytes
from ganbench.photographs.goals import Goal
from ganbench.seeds import generator


@dataclass(frozen=True)
class Framed:
    """A face of a photograph as a method sees it.

    Attributes:
        face: where the face is in the photograph.
        matrix: from the photograph to the frame, float64 [2, 3].
        before: the frame, float32 [3, S, S] in [0, 1].
    """

    face: Face
    matrix: Floats
    before: Tensor

    def box(self, width: int, height: int) -> Box:
        """The part of a photograph of this size that an edit can change: left, top, right, bottom."""
        return cut_box(corners_box(self.matrix, self.before.shape[-1]), width, height)

    def seen_through(self, scale: Floats, corner: Floats) -> Framed:
        """The same frame of a cut and resized photograph, in which a point p lies at scale (p - corner).

        Args:
            scale: of x and y, float64 [2].
            corner: left and top of the cut, float64 [2] in pixels of the photograph.
        """
        turn = self.matrix[:, :2]
        matrix = np.concatenate(
            [turn / scale, (turn @ corner + self.matrix[:, 2])[:, None]], axis=1
        )
        box = ((self.face.box.reshape(2, 2) - corner) * scale).ravel()
        marks = (self.face.landmarks - corner) * scale
        return Framed(replace(self.face, box=box, landmarks=marks), matrix, self.before)


@dataclass(frozen=True)
class NewFace:
    """The edit of a framed face.

    Attributes:
        after: the edited frame, float32 [3, S, S] in [0, 1].
        landmarks: of the edit, float64 [68, 2] in the frame's pixels.
    """

    after: Tensor
    landmarks: Floats


def framed(seen: Bytes, face: Face, size: int) -> Framed:
    """A face of a photograph [H, W, 3] in a frame of ``size`` pixels."""
    matrix = frame_matrix(face.landmarks, size)
    return Framed(face, matrix, align(seen, matrix, size))


def code_for(method: Method, goal: Goal, seed: int, name: str) -> Tensor:
    """The code [1, code_dim] of a goal; noise is drawn by the seed and the photograph's file name."""
    noise = method.draw_noise(1, generator(seed, "edit", name)) if method.noise_dim else None
    with contract.blamed(method.name):
        return goal.code(noise).detach()


def new_faces(networks: FaceNetworks, edits: Sequence[Tensor]) -> list[NewFace]:
    """Edited frames [3, S, S] with their landmarks."""
    pictures = [to_bytes(edit.permute(1, 2, 0)) for edit in edits]
    whole = [np.array([0.0, 0.0, edit.shape[-1], edit.shape[-1]]) for edit in edits]
    marks = networks.landmarks(pictures, whole)
    return [NewFace(edit, points) for edit, points in zip(edits, marks, strict=True)]


def pasted(seen: Bytes, faces: Sequence[Framed], edits: Sequence[NewFace]) -> Bytes:
    """A photograph [H, W, 3] with the edits of some of its faces."""
    seen = seen.copy()
    for face, edit in zip(faces, edits, strict=True):
        points = np.stack([face.face.landmarks, moved(edit.landmarks, inverse(face.matrix))])
        part, box = paste_back(seen, face.before, edit.after, face.matrix, points)
        left, top, right, bottom = box
        seen[top:bottom, left:right] = part
    return seen


def coarse_note(face: Face, size: int) -> str:
    """A warning if a frame of ``size`` pixels enlarges a face much; else empty."""
    side = max(face.box[2] - face.box[0], face.box[3] - face.box[1])
    if side >= size / 2:
        return ""
    return f"warning: a face has {side:.0f} pixels and is enlarged to {size}: its edit is coarse"
