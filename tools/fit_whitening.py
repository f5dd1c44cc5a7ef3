"""Fit the whitening of face descriptors that the metric ``identity`` uses (``ganbench/metrics/identity.py``).

    python tools/fit_whitening.py [FILE]

It renders 100 persons of the embedded training faces (seed 0) at 64 px, each with the seven expressions at
canonical intensity in two scenes, which are the person's own and that of the next person, and describes the 1,400
pictures as an evaluation describes its images. The file holds the mean [128] and the matrix [128, 128] in float32.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from ganbench.data.faces import render_many, sample_face
from ganbench.emotions import EMOTIONS
from ganbench.faces_in_photos import load_face_networks
from ganbench.faces_in_photos.framed import describe
from ganbench.faces_in_photos.whitening import FILE
from ganbench.metrics import fit_whitening

PERSONS, SCENES, SIZE, SEED = 100, 2, 64, 0
OUTPUT = Path(__file__).parents[1] / "ganbench" / "faces_in_photos" / FILE
NOTICE = (
    "Mean and whitening matrix of dlib's face descriptor, fitted to rendered faces; Apache-2.0, as ganbench. "
    "The descriptor's own licence is in LICENSE_FACES.md."
)


def describe_persons(persons: int = PERSONS) -> NDArray[np.float32]:
    """Descriptors [persons, 14, 128] of training persons: two scenes of seven expressions."""
    own = [sample_face(SEED, "train", i, EMOTIONS[i % len(EMOTIONS)]) for i in range(persons)]
    networks = load_face_networks("cpu")
    found = []
    for i, face in enumerate(own):
        scenes = [own[(i + k) % persons].with_person(face) for k in range(SCENES)]
        faces = [scene.with_emotion(emotion) for scene in scenes for emotion in EMOTIONS]
        found.append(describe(networks, render_many(faces, SIZE)[0]).descriptor)
    return np.stack(found)


def content() -> bytes:
    """The bytes of the file."""
    mean, matrix = fit_whitening(describe_persons())
    tensors = {"matrix": matrix.astype(np.float32), "mean": mean.astype(np.float32)}
    return save(tensors, {"notice": NOTICE})


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT).write_bytes(content())
