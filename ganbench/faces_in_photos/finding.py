"""Faces in pictures: boxes, scores and landmarks, and descriptors of persons.

The detector sees a picture at few sizes, with and without a border, since it misses faces that fill a picture: of
100 tightly cropped photographs it finds 19 without a border and 99 with the cascade.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.devices import resolve
from ganbench.faces_in_photos.geometry import (
    Bytes,
    Floats,
    align,
    centres,
    chip_matrix,
    cut_box,
    shrunk,
)
from ganbench.faces_in_photos.networks import (
    DESCRIPTOR_SIZE,
    DIMENSION,
    LANDMARKS_SIZE,
    Descriptor,
    Detector,
    Landmarks,
    decoded,
    loaded,
)

# A box of a lower score is no face.
THRESHOLD = 0.3
# A picture whose best face scores above this is not looked at again.
SURE = 0.7
# Of two boxes whose intersection is more than this share of their union, the better one stays.
OVERLAP = 0.4

# Networks see at most so many pictures at once. On a CPU the maps of 16 still fit into its cache, and landmarks take
# two thirds of the time that they take with 32.
BATCH = 16

GREY = 0.5

# Eyes that are nearer to each other, in shares of the box's width, are none, and give no frame.
APART = 0.05


@dataclass(frozen=True)
class View:
    """How the detector sees a picture.

    Attributes:
        size: side of the square that the detector takes, in pixels.
        border: grey border on each side, in shares of the picture's longer side.
    """

    size: int
    border: float


# Tried in this order until a face is sure.
CASCADE = (View(160, 0.0), View(160, 0.25), View(128, 0.5), View(224, 0.5))
# The same views, in the order that takes the least work to find a face which fills its picture (64 and 128 px).
FILLED = (CASCADE[2], CASCADE[1], CASCADE[3], CASCADE[0])
# The views that show small faces of large pictures, and the lowest score of a face in them: on 60 portraits of one
# person each, the largest score of a second face was 0.56.
CLOSER, CLEAR = (View(416, 0.0), View(832, 0.0)), 0.6


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        box: left, top, right and bottom, float64 [4] in pixels; it may leave the picture.
        score: the detector's confidence, in [0, 1].
        landmarks: float64 [68, 2] in pixels, in the order of the iBUG 300-W annotations.
    """

    box: Floats
    score: float
    landmarks: Floats = field(repr=False)

    @property
    def area(self) -> float:
        """Area of the box, in square pixels."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


@dataclass(frozen=True)
class _Boxes:
    """Boxes [n, 4] in pixels and their scores [n], best first."""

    boxes: Floats
    scores: Floats

    @property
    def best(self) -> float:
        return float(self.scores[0]) if len(self.scores) else 0.0


class FaceNetworks:
    """The networks on one device. ``load_face_networks`` makes it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.detector = loaded(Detector(), device)
        self.landmark_network = loaded(Landmarks(), device)
        self._descriptor: Descriptor | None = None

    def find(
        self, picture: Bytes, threshold: float = THRESHOLD, thorough: bool = False
    ) -> list[Face]:
        """The faces of one picture; see ``find_all``."""
        return self.find_all([picture], threshold, thorough)[0]

    @torch.inference_mode()
    def find_all(
        self, pictures: Sequence[Bytes], threshold: float = THRESHOLD, thorough: bool = False
    ) -> list[list[Face]]:
        """The faces of each picture, the most certain one first.

        Args:
            pictures: RGB, uint8 [H, W, 3], of any sizes.
            threshold: the lowest score of a face, in (0, 1).
            thorough: whether a picture with a sure face, too, is looked at from nearer
                (``CLOSER``), which shows small faces of a picture with many; it takes some ten times as long.
        """
        found = self._detect(pictures, threshold, thorough)
        crops = [(n, box) for n, boxes in enumerate(found) for box in boxes.boxes]
        points = self.landmarks([pictures[n] for n, _ in crops], [box for _, box in crops])
        faces: list[list[Face]] = [[] for _ in pictures]
        scores = np.concatenate([boxes.scores for boxes in found]) if found else ()
        for (n, box), score, marks in zip(crops, scores, points, strict=True):
            left, right, _ = centres(marks)
            if np.linalg.norm(right - left) > APART * (box[2] - box[0]):
                faces[n].append(Face(box, float(score), marks))
        return faces

    def _detect(self, pictures: Sequence[Bytes], threshold: float, thorough: bool) -> list[_Boxes]:
        found = [_Boxes(np.empty((0, 4)), np.empty(0)) for _ in pictures]
        for view in CASCADE:
            open_ = [n for n, boxes in enumerate(found) if boxes.best <= SURE]
            for n, boxes in self._seen(pictures, open_, view, threshold):
                if boxes.best > found[n].best:
                    found[n] = boxes
        for view in CLOSER:
            # A picture that a view enlarges twice shows nothing new.
            open_ = [
                n
                for n, picture in enumerate(pictures)
                if max(picture.shape[:2]) > view.size // 2 and (thorough or found[n].best <= SURE)
            ]
            for n, boxes in self._seen(pictures, open_, view, max(threshold, CLEAR)):
                found[n] = _joined(found[n], boxes)
        return found

    def _seen(
        self, pictures: Sequence[Bytes], numbers: Sequence[int], view: View, threshold: float
    ) -> Iterator[tuple[int, _Boxes]]:
        """The boxes that one view of some pictures shows, with the numbers of the pictures."""
        step = max(1, BATCH * CASCADE[0].size ** 2 // view.size**2)
        for start in range(0, len(numbers), step):
            part = numbers[start : start + step]
            canvases, scales, offsets = zip(
                *(_canvas(pictures[n], view) for n in part), strict=True
            )
            boxes, scores = decoded(self.detector(torch.stack(canvases).to(self.device)))
            shares, certain = boxes.double().cpu().numpy(), scores.double().cpu().numpy()
            for n, b, s, scale, offset in zip(part, shares, certain, scales, offsets, strict=True):
                keep = s > threshold
                corners = (b[keep].reshape(-1, 2, 2) * view.size - offset) / scale
                yield n, _suppressed(corners.reshape(-1, 4), s[keep])

    @torch.inference_mode()
    def sees_face(self, pictures: Sequence[Bytes]) -> NDArray[np.bool_]:
        """Whether the detector sees a face in each picture that a face fills, bool [n].

        A face is seen if one view of ``CASCADE`` has a box above ``THRESHOLD``. ``find_all`` then also looks from
        nearer and checks the eyes. This takes a fifth of its work: the cheapest view comes first, and one box is enough.
        """
        found = np.zeros(len(pictures), bool)
        for view in FILLED:
            left = np.flatnonzero(~found)
            for start in range(0, len(left), BATCH):
                part = left[start : start + BATCH]
                canvases = torch.stack([_canvas(pictures[n], view)[0] for n in part])
                _, scores = decoded(self.detector(canvases.to(self.device)))
                found[part] = (scores.amax(dim=1) > THRESHOLD).cpu().numpy()
        return found

    @torch.inference_mode()
    def landmarks(self, pictures: Sequence[Bytes], boxes: Sequence[Floats]) -> list[Floats]:
        """The landmarks [68, 2], in pixels, of the face in each box of each picture."""
        points: list[Floats] = []
        for start in range(0, len(boxes), BATCH):
            crops = [
                _crop(picture, box)
                for picture, box in zip(
                    pictures[start : start + BATCH], boxes[start : start + BATCH], strict=True
                )
            ]
            images = torch.stack([image for image, _, _, _ in crops]).to(self.device)
            found = self.landmark_network(images).double().cpu().numpy() * LANDMARKS_SIZE
            points += [
                (marks - offset) / scale + corner
                for marks, (_, scale, offset, corner) in zip(found, crops, strict=True)
            ]
        return points

    @torch.inference_mode()
    def descriptor(self, aligned: Tensor) -> Tensor:
        """The descriptors of persons.

        Args:
            aligned: float32 [n, 3, 150, 150] in [0, 1], as ``chip`` makes them.

        Returns:
            float32 [n, 128], of length 1.3 to 1.5. Descriptors of photographs of one person are mostly
            nearer than 0.6 (Euclidean); of rendered faces this number says nothing.
        """
        if self._descriptor is None:  # 6 MB that finding faces does not need
            self._descriptor = loaded(Descriptor(), self.device)
        parts = [
            self._descriptor(aligned[start : start + BATCH].to(self.device, torch.float32))
            for start in range(0, len(aligned), BATCH)
        ]
        return torch.cat(parts) if len(aligned) else torch.empty(0, DIMENSION, device=self.device)


@lru_cache(maxsize=2)
def _on(device: torch.device) -> FaceNetworks:
    return FaceNetworks(device)


def load_face_networks(device: str | torch.device = "auto") -> FaceNetworks:
    """The networks on a device; they are loaded once.

    Raises:
        BadInput: no such device.
    """
    return _on(resolve(device))


def largest(faces: Sequence[Face]) -> Face:
    """The largest of some faces, one or more; vague ones do not count beside a sure one."""
    best = max(face.score for face in faces)
    return max((face for face in faces if face.score > best / 2), key=lambda face: face.area)


def chip(picture: Bytes, landmarks: Floats) -> Tensor:
    """A face as the descriptor expects it, float32 [3, 150, 150] in [0, 1]."""
    return align(picture, chip_matrix(landmarks, DESCRIPTOR_SIZE), DESCRIPTOR_SIZE)


def _tensor(picture: Bytes) -> Tensor:
    """uint8 [H, W, 3] -> uint8 [1, 3, H, W] of the same memory, in torch's layout channels-last."""
    return torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]


def _canvas(picture: Bytes, view: View) -> tuple[Tensor, Floats, Floats]:
    """A picture as a view shows it: the canvas [3, S, S], the scale [2] of x and y, and the offset [2]."""
    height, width = picture.shape[:2]
    scale = view.size / (max(height, width) * (1 + 2 * view.border))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    image = shrunk(_tensor(picture), w, h)
    # Without a border the rest is black and lies after the picture, as in the training of the network.
    left, top = ((view.size - w) // 2, (view.size - h) // 2) if view.border else (0, 0)
    canvas = torch.full((3, view.size, view.size), GREY if view.border else 0.0)
    canvas[:, top : top + h, left : left + w] = image[0]
    return canvas, np.array([w / width, h / height]), np.array([left, top], float)


def _crop(picture: Bytes, box: Floats) -> tuple[Tensor, Floats, Floats, Floats]:
    """The picture inside a box, on a black square: image [3, 112, 112], scale [2], offset [2], corner [2]."""
    height, width = picture.shape[:2]
    left, top, right, bottom = cut_box((box[0], box[1], box[2], box[3]), width, height)
    across, down = right - left, bottom - top
    scale = LANDMARKS_SIZE / max(across, down)
    w, h = max(1, round(across * scale)), max(1, round(down * scale))
    x, y = (LANDMARKS_SIZE - w) // 2, (LANDMARKS_SIZE - h) // 2
    canvas = torch.zeros(3, LANDMARKS_SIZE, LANDMARKS_SIZE)
    canvas[:, y : y + h, x : x + w] = shrunk(_tensor(picture[top:bottom, left:right]), w, h)[0]
    return (
        canvas,
        np.array([w / across, h / down]),
        np.array([x, y], float),
        np.array([left, top], float),
    )


def _joined(a: _Boxes, b: _Boxes) -> _Boxes:
    return _suppressed(np.concatenate([a.boxes, b.boxes]), np.concatenate([a.scores, b.scores]))


def _suppressed(boxes: Floats, scores: Floats) -> _Boxes:
    """Boxes in the order of their scores, without those that repeat a better one.

    A box repeats another if they overlap by more than ``OVERLAP``, or if its centre lies in the other: a nose or a
    mouth that was taken for a face.
    """
    order: NDArray[np.intp] = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    chosen: list[int] = []
    for i, box in enumerate(boxes):
        kept = boxes[chosen]
        sides = np.minimum(kept[:, 2:], box[2:]) - np.maximum(kept[:, :2], box[:2])
        shared = np.prod(np.clip(sides, 0, None), axis=1)
        union = np.prod(kept[:, 2:] - kept[:, :2], axis=1) + np.prod(box[2:] - box[:2]) - shared
        x, y = (box[:2] + box[2:]) / 2
        inside = (kept[:, 0] < x) & (x < kept[:, 2]) & (kept[:, 1] < y) & (y < kept[:, 3])
        if not ((shared > OVERLAP * union) | inside).any():
            chosen.append(i)
    return _Boxes(boxes[chosen], scores[chosen])
