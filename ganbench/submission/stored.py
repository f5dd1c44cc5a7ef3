"""A method whose edits are read from files: the evaluation, its store and its page then work as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench.data import pictures
from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.methods.interface import Method
from ganbench.storage.state import tensor_hash
from ganbench.storage.store import digest
from ganbench.submission.survey import Survey, at_size, picture_hash, read_picture


@dataclass(frozen=True)
class StoredConfig:
    """What the edits are: their size, their emotions, and a hash of all pictures."""

    image_size: int = 64
    emotions: tuple[str, ...] = EMOTIONS
    pictures: str = ""


class StoredEdits(Method):
    """Edits of the test images of a data set, in files. A code is the place of the image, and the target.

    Args:
        found: the files.
        dataset: the pictures that they are edits of, in the order of ``found.rows``.
        label, title: the name in results, and the one in print.
        facts: more that results shall tell.
    """

    name, title, paper = "edits", "Edits in files", ""
    Config = StoredConfig
    code_dim = 2

    # The configuration holds the hash of all pictures.
    fingerprint_ignores = Method.fingerprint_ignores | {"files", "hashes"}

    # By place and target. A dict of these names is left out of its identity.
    files: dict[tuple[int, int], Path]
    hashes: dict[tuple[int, int], str]

    def __init__(
        self, found: Survey, dataset: Dataset, label: str, title: str, facts: dict[str, Any]
    ) -> None:
        everything = digest([found.size, [list(hashes) for hashes in found.hashes]])
        super().__init__(StoredConfig(found.size, EMOTIONS, everything))
        self.files, self.hashes = {}, {}
        for place, row in enumerate(protocol.order(dataset.labels).tolist()):
            for target in range(len(EMOTIONS)):
                self.files[place, target] = found.files[row][target]
                self.hashes[place, target] = found.hashes[row][target]
        self.name, self.own_title, self.title = label, title, title  # type: ignore[misc]
        self.own_facts, self.licence = facts, facts.get("licence", "unknown")
        self.paper = facts.get("paper", "")  # type: ignore[misc]
        self.fingerprint, self.loaded = everything, tensor_hash(self)

    def task_codes(self, places: Tensor, targets: Tensor, noise: Tensor | None) -> Tensor:
        return torch.stack([places, targets], dim=1).float()

    def to_native(self, images: Tensor) -> Tensor:
        return images

    def from_native(self, x: Tensor) -> Tensor:
        return x

    def translate(self, x: Tensor, codes: Tensor) -> tuple[Tensor, Tensor | None]:
        edits = [self._read(*map(int, code)) for code in codes.tolist()]
        pixels = torch.from_numpy(np.stack(edits)).permute(0, 3, 1, 2)
        return pixels.to(x.device).float().div_(255), None

    def _read(self, place: int, target: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        path = self.files[place, target]
        try:
            pixels = read_picture(path)
        except pictures.UNREADABLE:
            pixels = None
        if pixels is None or picture_hash(pixels) != self.hashes[place, target]:
            raise BadInput(
                f"changed since it was checked: {path}; let no program write into the folder, and score again"
            )
        return at_size(pixels, self.config.image_size)
