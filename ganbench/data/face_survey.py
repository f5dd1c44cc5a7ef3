"""The faces in a sample of a data set's pictures: where their eyes stand, and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data import pictures
from ganbench.data.framing import CENTRE, to_square
from ganbench.data.table import TableDataset
from ganbench.faces_in_photos import FaceNetworks, chip, largest
from ganbench.faces_in_photos.geometry import centres
from ganbench.stopwatch import Progress

# Pictures of a split that are looked at; it takes some 50 ms each.
SAMPLE = 300
LEAST = 32
# Side at which they are looked at, and number of pictures at once.
SIDE, BATCH = 128, 32


@dataclass(frozen=True)
class FaceSurvey:
    """The faces of a sample of a split.

    Attributes:
        rows: int64 [n], the pictures that were looked at, in order.
        faces: int64 [m], those in which a face was found.
        eyes: float64 [m, 2, 2], the centres of both eyes in shares of the square.
        descriptors: float32 [m, 128], of the persons.
    """

    rows: NDArray[np.int64]
    faces: NDArray[np.int64]
    eyes: NDArray[np.float64]
    descriptors: NDArray[np.float32]


def survey_faces(
    table: TableDataset, networks: FaceNetworks, progress: Progress | None = None
) -> FaceSurvey:
    """Look for faces in pictures that are spread evenly over a split, at most ``SAMPLE``.

    Pictures of fewer than ``LEAST`` pixels on a side are left out: too little of a face is seen in them.

    Args:
        table: the split.
        networks: find and describe the faces.
        progress: called with (pictures done, pictures to look at).
    """
    large = np.flatnonzero(table.extents.min(1) >= LEAST)
    count = min(SAMPLE, len(large))
    rows = large[np.linspace(0, len(large) - 1, count).astype(np.int64)]
    found: list[int] = []
    eyes: list[NDArray[np.float64]] = [np.empty((0, 2, 2))]
    descriptors = [np.empty((0, 128), np.float32)]
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH].tolist()
        seen = _read(table, part)
        known = [
            (row, picture, largest(faces).landmarks)
            for (row, picture), faces in zip(
                seen, networks.find_all([picture for _, picture in seen]), strict=True
            )
            if faces
        ]
        if known:
            found += [row for row, _, _ in known]
            eyes.append(np.stack([centres(marks)[:2] for _, _, marks in known]) / SIDE)
            chips = torch.stack([chip(picture, marks) for _, picture, marks in known])
            descriptors.append(networks.descriptor(chips).float().cpu().numpy())
        if progress is not None:
            progress(min(start + BATCH, len(rows)), len(rows))
    return FaceSurvey(
        rows, np.array(found, np.int64), np.concatenate(eyes), np.concatenate(descriptors)
    )


def _read(table: TableDataset, rows: Sequence[int]) -> list[tuple[int, NDArray[np.uint8]]]:
    """The pictures that can be read, as squares."""
    seen = []
    for row in rows:
        try:
            picture = pictures.read(table.root / table.paths[row], thorough=False)
        except pictures.UNREADABLE:
            continue  # the check of the files names it
        square = to_square(picture.image, SIDE, table.framing or CENTRE)
        seen.append((row, pictures.to_array(square)))
    return seen
