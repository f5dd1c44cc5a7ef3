"""The test faces of ``ganbench validate``, with their true edits and region maps.

The editors of ``ganbench.validation.editors``, whose quality is known, edit these faces. All pictures are
uint8.
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

# Intensities of an emotion at which each face is rendered for ``Edits.paths``; 1 is the full expression.
RHO = (0.0, 0.25, 0.5, 0.75, 1.0)

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class KnownFaces:
    """Test faces with their labels, region maps and true edits.

    Attributes:
        faces: n faces; face i shows the emotion i % 7 of ``EMOTIONS``.
        seed: seed of the faces and of all random numbers.
        size: side S of the pictures in pixels.
        labels: int64 [n], the emotions of the faces.
        targets: int64 [n], the target emotion of each face where an editor edits to one emotion only, at
            several intensities or with several noises. It is never neutral, which has no intensity.
        images, regions: uint8 [n, 3, S, S] and [n, S, S], the pictures and their region maps.
        true_edits: uint8 [n, 7, 3, S, S], the true edit of each face to each emotion.
        edit_regions: uint8 [n, 7, S, S], the region maps in which an edit is compared with its true edit;
            see ``joint_regions``.
    """

    faces: Sequence[Face]
    seed: int
    size: int
    labels: NDArray[np.int64]
    targets: NDArray[np.int64]
    images: UInt8
    regions: UInt8
    true_edits: UInt8
    edit_regions: UInt8

    def __len__(self) -> int:
        return len(self.faces)

    def render(self, faces: Sequence[Face]) -> UInt8:
        """Pictures uint8 [n, k, 3, S, S] of n * k given faces; the first k belong to the first test face."""
        return rendered(faces, self.size)[0].reshape(len(self), -1, 3, self.size, self.size)


def make_known_faces(count: int, size: int, seed: int) -> KnownFaces:
    """The first ``count`` test faces of ``--data faces:seed=SEED``, at ``size`` pixels."""
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
        edit_regions=joint_regions(regions[:, None], after),
    )


def rendered(faces: Sequence[Face], size: int) -> tuple[UInt8, UInt8]:
    """Pictures uint8 [n, 3, S, S] and region maps uint8 [n, S, S] of n faces."""
    images, regions = render_many(faces, size)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), regions
