"""Edits that no network makes: fixed points of reference, which show what each metric rewards.

A metric that they win says nothing alone: doing nothing keeps every person and every background, and the picture
of another person who shows the target emotion convinces every judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.methods.interface import Method
from ganbench.methods.outputs import to_bytes
from ganbench.records import REFERENCE


@dataclass(frozen=True)
class ReferenceConfig:
    """The size of the pictures, and the emotions."""

    image_size: int = 64
    emotions: tuple[str, ...] = EMOTIONS


class Reference(Method):
    """A point of reference. A code is the place of the image in the protocol's order, and the target."""

    paper = ""
    Config = ReferenceConfig
    code_dim = 2

    def __init__(self, size: int) -> None:
        super().__init__(ReferenceConfig(size))
        self.own_facts = {REFERENCE: True}

    def task_codes(self, places: Tensor, targets: Tensor, noise: Tensor | None) -> Tensor:
        return torch.stack([places, targets], dim=1).float()

    def to_native(self, images: Tensor) -> Tensor:
        return images

    def from_native(self, x: Tensor) -> Tensor:
        return x


class Unedited(Reference):
    """Returns its input."""

    name, title = "unedited", "Nothing done"

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        return x.clone(), None


class AnotherPerson(Reference):
    """Returns the next test image, in the protocol's order, of a person who shows the target emotion.

    Args:
        pictures: uint8 [N, 3, S, S], the test images in the protocol's order.
        labels: int64 [N], their emotions in Table-1 order.
    """

    name, title = "another-person", "Another person"
    pictures: Tensor
    chosen: Tensor

    def __init__(self, pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        super().__init__(pictures.shape[-1])
        n = len(labels)
        chosen = np.tile(np.arange(n)[:, None], (1, len(EMOTIONS)))
        for target in range(len(EMOTIONS)):
            showing = np.flatnonzero(labels == target)
            if len(showing):
                after = np.searchsorted(showing, np.arange(n), side="right") % len(showing)
                chosen[:, target] = showing[after]
        self.register_buffer("pictures", torch.from_numpy(pictures), persistent=False)
        self.register_buffer("chosen", torch.from_numpy(chosen), persistent=False)

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        place, target = codes.long().unbind(dim=1)
        # A trial may ask for places beyond the last image.
        rows = self.chosen[place.clamp(max=len(self.chosen) - 1), target]
        return self.pictures[rows].float() / 255, None


def references(dataset: Dataset, order: NDArray[np.int64]) -> dict[str, Method]:
    """The points of reference for a data set, by their labels.

    Args:
        dataset: the test images.
        order: int64 [N], their positions in the protocol's order.
    """
    pictures = np.concatenate(
        [to_bytes(dataset.images(part)) for part in np.array_split(order, max(1, len(order) // 50))]
    )
    both: tuple[Reference, ...] = (
        Unedited(dataset.size),
        AnotherPerson(pictures, dataset.labels[order]),
    )
    return {one.name: one.eval() for one in both}
