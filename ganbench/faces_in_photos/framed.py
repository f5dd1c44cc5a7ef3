"""Faces of pictures that are already in the methods' frame: their points and descriptors.

A method's input and its edits fill the frame, so their points are found on the whole of it. The detector only
says whether it still sees a face.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.faces_in_photos.finding import FaceNetworks, chip
from ganbench.faces_in_photos.geometry import Bytes

# Frames with a shorter side, in pixels, show too little of a face: all was measured at 64 and 128 px.
LEAST_SIZE = 48


class Framed(NamedTuple):
    """What the networks say of n pictures.

    Attributes:
        points: float32 [n, 68, 2], x and y in shares of the side, in the order of the iBUG 300-W annotations.
        descriptor: float32 [n, 128], not whitened.
        found: bool [n], whether the detector sees a face.
    """

    points: NDArray[np.float32]
    descriptor: NDArray[np.float32]
    found: NDArray[np.bool_]


def describe(networks: FaceNetworks, pictures: Bytes) -> Framed:
    """What the networks say of pictures; each depends on its picture alone, to 1e-5.

    Args:
        networks: ``load_face_networks``.
        pictures: RGB, uint8 [n, S, S, 3], n >= 1.
    """
    size = pictures.shape[1]
    whole = [np.array([0.0, 0.0, size, size])] * len(pictures)
    points = networks.landmarks(list(pictures), whole)
    chips = [chip(picture, marks) for picture, marks in zip(pictures, points, strict=True)]
    return Framed(
        (np.stack(points) / size).astype(np.float32),
        networks.descriptor(torch.stack(chips)).cpu().numpy(),
        networks.sees_face(list(pictures)),
    )
