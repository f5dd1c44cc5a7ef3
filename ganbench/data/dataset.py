"""The interface of data sets to training and evaluation, whatever their layout on disk."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.emotions import KNOWN, canonical, in_suite_order
from ganbench.errors import Unsupported

Indices = Sequence[int] | NDArray[np.int64] | Tensor


class Dataset(ABC):
    """Labelled face images of one split, at one size.

    Attributes:
        name: the name of the data in reports, such as ``"faces"``.
        split: ``"train"`` or ``"test"``.
        size: side of the images, in pixels.
        labels: int64 [N], emotions in Table-1 order; 7 is contempt; -1 in data without emotions.
        paths: the file of each image, relative to the folder of the data; messages name images by it.
        fingerprint: sha256 (hex) of everything that determines images and labels.
        label_order: the meaning of labels that are numbers, as the user gave it (``--label-order``);
            empty if the user gave none.
        stamp: a hash of the sizes and times of all files, if they are too large to be read whole;
            else empty. It tells two copies of the data on one disk apart.
        framing: the rule by which pictures that are not square became squares; empty if all pictures
            are made square.
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

    def byte_images(self, indices: Indices) -> Tensor | None:
        """The same images as uint8 [n, 3, size, size], on the CPU; None if they have no 8 bits.

        ``images`` are these divided by 255 in float32; see ``eight_bits``.
        """
        return None

    @property
    def eight_bits(self) -> bool:
        """Whether ``images`` are exactly ``byte_images`` divided by 255.

        A class that changes what ``images`` returns has no exact pixels, unless it defines ``byte_images`` too.
        """
        if "images" in vars(self):
            return False
        order = type(self).__mro__
        images = next(k for k, cls in enumerate(order) if "images" in vars(cls))
        pixels = next(k for k, cls in enumerate(order) if "byte_images" in vars(cls))
        return order[pixels] is not Dataset and pixels <= images

    @property
    def in_memory(self) -> bool:
        """Whether all pixels were decoded when the data set was opened, and are kept in memory."""
        return False

    def read_by(self) -> tuple[object, ...]:
        """What its images depend on beside its fingerprint, for ``ganbench.storage.state.identity``."""
        return (self,)

    def regions(self, indices: Indices) -> Tensor | None:
        """Region maps uint8 [n, size, size], codes of ``ganbench.data.regions``; None if unknown."""
        return None

    def action_units(self, indices: Indices) -> Tensor | None:
        """FACS intensities float32 [n, 17] in [0, 1] (OpenFace order); None if unknown."""
        return None

    def true_edits(self, indices: Indices, emotion: int) -> tuple[Tensor, Tensor]:
        """Ground truth of edits: the same faces with another emotion at canonical intensity.

        Args:
            indices: which images.
            emotion: in Table-1 order.

        Returns:
            images float32 [n, 3, size, size] and their region maps uint8 [n, size, size].

        Raises:
            Unsupported: photographs have no ground truth.
        """
        raise Unsupported(f"{self.name} has no true edits: only rendered faces know them")

    def true_units(self, indices: Indices, unit: int, value: float) -> tuple[Tensor, Tensor]:
        """Ground truth of edits: the same faces with one action unit at another intensity.

        Args:
            indices: which images.
            unit: position in OpenFace's order, as in ``action_units``.
            value: intensity in [0, 1].

        Returns:
            images float32 [n, 3, size, size] and their region maps uint8 [n, size, size].

        Raises:
            Unsupported: photographs have no ground truth.
        """
        raise Unsupported(f"{self.name} has no true action units: only rendered faces know them")

    def true_intensities(
        self, indices: Indices, emotion: int, intensity: float
    ) -> tuple[Tensor, Tensor]:
        """Ground truth of edits: the same faces with another emotion at some intensity.

        Args:
            indices: which images.
            emotion: in Table-1 order.
            intensity: 0 is neutral, 1 the canonical intensity of ``true_edits``.

        Returns:
            images float32 [n, 3, size, size] and their region maps uint8 [n, size, size].

        Raises:
            Unsupported: photographs have no ground truth.
        """
        raise Unsupported(f"{self.name} has no true intensities: only rendered faces know them")

    def groups(self, indices: Indices) -> dict[str, NDArray[np.str_]]:
        """Properties of the person and the scene, such as age and pose, for numbers by subgroup.

        Returns:
            The group of each image [n] for each property; empty if the data know none.
        """
        return {}

    @property
    def labelled(self) -> bool:
        """Whether the images have emotions; a list of action units may have none."""
        return bool((self.labels >= 0).all())

    @property
    def left_out(self) -> str:
        """Which images of the data are not used, in words; empty if all are used."""
        return ""

    @property
    def notes(self) -> list[str]:
        """What a user should know of how the pictures were read (framing, colours), a line each."""
        return []

    @property
    def has_true_edits(self) -> bool:
        """Whether ``true_edits`` works."""
        return type(self).true_edits is not Dataset.true_edits

    @property
    def has_true_units(self) -> bool:
        """Whether ``true_units`` works."""
        return type(self).true_units is not Dataset.true_units

    @property
    def has_true_intensities(self) -> bool:
        """Whether ``true_intensities`` works."""
        return type(self).true_intensities is not Dataset.true_intensities


class Subset(Dataset):
    """Some rows of another data set, with all that is known of them.

    Args:
        whole: the data set.
        rows: int64 [n], positions in it.
        fingerprint: of the subset.
        left_out: how many images of which emotion are not among the rows, in words.
    """

    def __init__(
        self, whole: Dataset, rows: NDArray[np.int64], fingerprint: str, left_out: str
    ) -> None:
        self.whole, self.rows, self._left_out = whole, rows, left_out
        self.name, self.split, self.size = whole.name, whole.split, whole.size
        self.label_order = whole.label_order
        self.labels = whole.labels[rows]
        self.paths = [whole.paths[row] for row in rows]
        self.fingerprint, self.stamp = fingerprint, whole.stamp

    def read_by(self) -> tuple[object, ...]:
        return type(self), *self.whole.read_by()

    def images(self, indices: Indices) -> Tensor:
        return self.whole.images(self._rows(indices))

    def byte_images(self, indices: Indices) -> Tensor | None:
        return self.whole.byte_images(self._rows(indices))

    @property
    def eight_bits(self) -> bool:
        return self.whole.eight_bits

    @property
    def in_memory(self) -> bool:
        return self.whole.in_memory

    def regions(self, indices: Indices) -> Tensor | None:
        return self.whole.regions(self._rows(indices))

    def action_units(self, indices: Indices) -> Tensor | None:
        return self.whole.action_units(self._rows(indices))

    def true_edits(self, indices: Indices, emotion: int) -> tuple[Tensor, Tensor]:
        return self.whole.true_edits(self._rows(indices), emotion)

    def true_units(self, indices: Indices, unit: int, value: float) -> tuple[Tensor, Tensor]:
        return self.whole.true_units(self._rows(indices), unit, value)

    def true_intensities(
        self, indices: Indices, emotion: int, intensity: float
    ) -> tuple[Tensor, Tensor]:
        return self.whole.true_intensities(self._rows(indices), emotion, intensity)

    def groups(self, indices: Indices) -> dict[str, NDArray[np.str_]]:
        return self.whole.groups(self._rows(indices))

    @property
    def left_out(self) -> str:
        return ", ".join(part for part in (self.whole.left_out, self._left_out) if part)

    @property
    def has_true_edits(self) -> bool:
        return self.whole.has_true_edits

    @property
    def has_true_units(self) -> bool:
        return self.whole.has_true_units

    @property
    def has_true_intensities(self) -> bool:
        return self.whole.has_true_intensities

    def _rows(self, indices: Indices) -> NDArray[np.int64]:
        return self.rows[np.asarray(indices, np.int64)]


def only(dataset: Dataset, emotions: Sequence[str]) -> Dataset:
    """The images of some emotions; the data set itself if it holds no others.

    Args:
        dataset: labelled in Table-1 order, 7 being contempt.
        emotions: names, in any order: the order changes nothing.
    """
    names = in_suite_order([canonical(name) for name in emotions])
    wanted = np.isin(dataset.labels, [KNOWN.index(name) for name in names if name in KNOWN])
    if wanted.all() or not dataset.labelled:
        return dataset
    others = dataset.labels[~wanted]
    counts = [(int((others == label).sum()), name) for label, name in enumerate(KNOWN)]
    left_out = ", ".join(f"{count} of label {name}" for count, name in counts if count)
    key = json.dumps([dataset.fingerprint, names])
    fingerprint = hashlib.sha256(key.encode()).hexdigest()
    return Subset(dataset, np.flatnonzero(wanted), fingerprint, left_out)
