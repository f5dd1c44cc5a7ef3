"""The faces that editors of known quality edit, with their true edits and regions.

All pictures are uint8, as in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganbench.data.faces import Face, render_many, sample_face
from ganbench.emotions import EMOTIONS
from ganbench.metrics.gt_error import joint_regions

K = len(EMOTIONS)

# Intensities of the pictures along a path; 1 is the canonical expression.
RHO = (0.0, 0.25, 0.5, 0.75, 1.0)

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class KnownFaces:
    """Test faces, and all that is known about them.

    Attributes:
        faces: n faces, one of each emotion in turn.
        seed: seed of the faces and of all draws.
        size: side of the pictures in pixels.
        labels: int64 [n], the emotions of the faces.
        targets: int64 [n], the target emotion of each face for paths of intensities and for draws. It is
            never neutral, which has no intensity.
        images, regions: uint8 [n, 3, S, S] and [n, S, S], the pictures and their region maps.
        true_edits: uint8 [n, 7, 3, S, S].
        joint: uint8 [n, 7, S, S], ``joint_regions`` of each face and its true edits.
    """

    faces: Sequence[Face]
    seed: int
    size: int
    labels: NDArray[np.int64]
    targets: NDArray[np.int64]
    images: UInt8
    regions: UInt8
    true_edits: UInt8
    joint: UInt8

    def __len__(self) -> int:
        return len(self.faces)

    def render(self, faces: Sequence[Face]) -> UInt8:
        """Pictures [n, k, 3, S, S] of n k other faces."""
        return rendered(faces, self.size)[0].reshape(len(self), -1, 3, self.size, self.size)


def make_known_faces(count: int, size: int, seed: int) -> KnownFaces:
    """The first test faces of a seed, which are those of ``--data faces:seed=SEED``."""
    labels = np.arange(count) % K
    faces = [sample_face(seed, "test", i, EMOTIONS[c]) for i, c in enumerate(labels)]
    images, regions = rendered(faces, size)
    true_edits, after = rendered([face.with_emotion(e) for face in faces for e in EMOTIONS], size)
    after = after.reshape(count, K, size, size)
    return KnownFaces(
        faces=faces,
        seed=seed,
        size=size,
        labels=labels,
        targets=1 + np.arange(count) % (K - 1),
        images=images,
        regions=regions,
        true_edits=true_edits.reshape(count, K, 3, size, size),
        joint=joint_regions(regions[:, None], after),
    )


def rendered(faces: Sequence[Face], size: int) -> tuple[UInt8, UInt8]:
    """Pictures uint8 [n, 3, S, S] and region maps uint8 [n, S, S]."""
    images, regions = render_many(faces, size)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), regions
