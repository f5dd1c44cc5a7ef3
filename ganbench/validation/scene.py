"""Faces, their right answers and their regions: what editors of known quality are made from.

All pictures are uint8, as a file would keep them.
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

# Where the paths of intensities stop; 1 is canonical.
RHO = (0.0, 0.25, 0.5, 0.75, 1.0)

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scene:
    """Test faces and everything that is known about them.

    Attributes:
        faces: n faces, one of each emotion in turn.
        seed: of the faces and of all draws.
        size: side of the pictures, pixels.
        labels: int64 [n], the emotions shown.
        targets: int64 [n], for each face the one emotion that its path of intensities and its draws
            are about; never neutral, which has no intensity.
        images, regions: uint8 [n, 3, S, S] and [n, S, S].
        truths, joint: uint8 [n, 7, 3, S, S] and [n, 7, S, S]: the right answers, and the regions of
            input and right answer together.
    """

    faces: Sequence[Face]
    seed: int
    size: int
    labels: NDArray[np.int64]
    targets: NDArray[np.int64]
    images: UInt8
    regions: UInt8
    truths: UInt8
    joint: UInt8

    def __len__(self) -> int:
        return len(self.faces)

    def render(self, faces: Sequence[Face]) -> UInt8:
        """Pictures [len(self), -1, 3, S, S] of some faces for each of the scene's."""
        return rendered(faces, self.size)[0].reshape(len(self), -1, 3, self.size, self.size)


def make_scene(faces: int, size: int, seed: int) -> Scene:
    """The first test faces of a seed: those of ``--data faces:seed=SEED``."""
    labels = np.arange(faces) % K
    people = [sample_face(seed, "test", i, EMOTIONS[c]) for i, c in enumerate(labels)]
    images, regions = rendered(people, size)
    truths, after = rendered([face.with_emotion(e) for face in people for e in EMOTIONS], size)
    after = after.reshape(faces, K, size, size)
    return Scene(
        faces=people,
        seed=seed,
        size=size,
        labels=labels,
        targets=1 + np.arange(faces) % (K - 1),
        images=images,
        regions=regions,
        truths=truths.reshape(faces, K, 3, size, size),
        joint=joint_regions(regions[:, None], after),
    )


def rendered(faces: Sequence[Face], size: int) -> tuple[UInt8, UInt8]:
    """Pictures uint8 [n, 3, S, S] and region maps [n, S, S]."""
    images, regions = render_many(faces, size)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), regions
