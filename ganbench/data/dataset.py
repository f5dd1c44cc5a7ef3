"""What every data set offers to training and evaluation, whatever its layout on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.errors import Unsupported

# Values of a region map: all but BACKGROUND and HEAD (hair, ears, neck, shoulders) is the face.
BACKGROUND, HEAD, FACE, EYES, MOUTH = range(5)

Indices = Sequence[int] | NDArray[np.int64] | Tensor


class Dataset(ABC):
    """Labelled face images of one split, at one size.

    Attributes:
        name: what the data is called in reports, e.g. ``"faces"``.
        split: ``"train"`` or ``"test"``.
        size: side of the images it returns, in pixels.
        labels: int64 [N], emotions in Table-1 order; 7 is contempt; -1 in data that have none.
        paths: the file of each image, relative to the data's root: its identity in messages.
        fingerprint: sha256 (hex) of everything that determines images and labels.
        label_order: what the labels' numbers were said to mean (``--label-order``); empty if nothing
            was said.
        stamp: what else a copy of the data on one disk is known by: a hash of the sizes and times of
            its files, where these are too large to be read whole; else empty.
        framing: by which rule pictures that are not square became squares; empty where all are square
            by themselves.
    """

    name: str
    split: str
    size: int
    labels: NDArray[np.int64]
    paths: Sequence[str]
    fingerprint: str
    label_order: str = ""
    stamp: str = ""
    framing: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def images(self, indices: Indices) -> Tensor:
        """float32 [n, 3, size, size], RGB in [0, 1], on the CPU."""

    def read_by(self) -> tuple[object, ...]:
        """What its images depend on beside its fingerprint, for ``ganbench.storage.state.identity``."""
        return (self,)

    def regions(self, indices: Indices) -> Tensor | None:
        """Region maps uint8 [n, size, size] (BACKGROUND, HEAD, FACE, EYES, MOUTH); None if unknown."""
        return None

    def action_units(self, indices: Indices) -> Tensor | None:
        """FACS intensities float32 [n, 17] in [0, 1] (OpenFace order); None if unknown."""
        return None

    def true_edits(self, indices: Indices, emotion: int) -> tuple[Tensor, Tensor]:
        """The right answers: the same faces truly showing ``emotion`` at canonical intensity.

        Returns:
            images float32 [n, 3, size, size] and their region maps uint8 [n, size, size].

        Raises:
            Unsupported: photographs have no known right answer.
        """
        raise Unsupported(f"{self.name} has no true edits: only rendered faces know them")

    def true_units(self, indices: Indices, unit: int, value: float) -> tuple[Tensor, Tensor]:
        """The right answers: the same faces with one action unit at another intensity.

        Args:
            indices: which images.
            unit: position in OpenFace's order, as in ``action_units``.
            value: intensity in [0, 1].

        Returns:
            images float32 [n, 3, size, size] and their region maps uint8 [n, size, size].

        Raises:
            Unsupported: photographs have no known right answer.
        """
        raise Unsupported(f"{self.name} has no true action units: only rendered faces know them")

    @property
    def labelled(self) -> bool:
        """Whether the images have emotions; lists of action units need none."""
        return bool((self.labels >= 0).all())

    @property
    def left_out(self) -> str:
        """What of the data is not used, in words; empty if everything is."""
        return ""

    @property
    def notes(self) -> list[str]:
        """What a user should know of how the pictures were read, a line each: framing, colours."""
        return []

    @property
    def has_true_edits(self) -> bool:
        """Whether ``true_edits`` works."""
        return type(self).true_edits is not Dataset.true_edits

    @property
    def has_true_units(self) -> bool:
        """Whether ``true_units`` works."""
        return type(self).true_units is not Dataset.true_units
