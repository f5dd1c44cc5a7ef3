"""The embedded faces as a ``Dataset``: rendered once into the cache, with ground-truth edits."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.action_units import AU_COLUMNS
from ganbench.data.affectnet import read_affectnet
from ganbench.data.dataset import Dataset, Indices
from ganbench.data.faces import (
    RENDERER_VERSION,
    Face,
    FacesConfig,
    ensure_built,
    render_many,
    sample_face,
)
from ganbench.data.faces.builder import sums
from ganbench.data.faces.expressions import action_units
from ganbench.data.faces.groups import groups_of
from ganbench.data.faces.head import load_head
from ganbench.data.table import KEEP_BYTES, TableDataset, check_limit
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.stopwatch import Progress
from ganbench.storage.root import cache_root


class RenderedFaces(Dataset):
    """Faces whose ground-truth edits are rendered when they are asked for."""

    @abstractmethod
    def _faces(self, indices: Indices) -> list[Face]:
        """The parameters of these faces."""

    def true_edits(self, indices: Indices, emotion: int) -> tuple[Tensor, Tensor]:
        """The same faces rendered with ``emotion`` at canonical intensity; see ``Dataset``.

        Raises:
            BadInput: no such emotion.
        """
        return self.true_intensities(indices, emotion, 1.0)

    def true_intensities(
        self, indices: Indices, emotion: int, intensity: float
    ) -> tuple[Tensor, Tensor]:
        """The same faces rendered with ``emotion`` at another intensity; see ``Dataset``.

        Raises:
            BadInput: no such emotion, or an intensity outside 0 to 1.5.
        """
        if not 0 <= emotion < len(EMOTIONS):
            raise BadInput(f"emotion must be 0 to {len(EMOTIONS) - 1}, not {emotion}")
        name = EMOTIONS[emotion]
        faces = [face.with_emotion(name, intensity) for face in self._faces(indices)]
        return _rendered(faces, self.size)

    def groups(self, indices: Indices) -> dict[str, NDArray[np.str_]]:
        """Age, sex, ancestry, pose and light; see ``ganbench.data.faces.groups``."""
        return groups_of(self._faces(indices))

    def true_units(self, indices: Indices, unit: int, value: float) -> tuple[Tensor, Tensor]:
        """The same faces rendered with one action unit at another intensity; see ``Dataset``.

        See ``ganbench.data.faces.expressions.with_action_unit`` for its exactness.

        Raises:
            BadInput: no such unit, or an intensity that no face reaches: jaw drop (26) ends at 0.8.
        """
        if not 0 <= unit < len(AU_COLUMNS):
            raise BadInput(
                f"action unit must be 0 to {len(AU_COLUMNS) - 1} in OpenFace's order: {unit}"
            )
        name = AU_COLUMNS[unit]
        faces = [face.with_action_unit(name, value) for face in self._faces(indices)]
        return _rendered(faces, self.size)


class FacesDataset(RenderedFaces, TableDataset):
    """One split of the embedded faces.

    Each split is built separately below ``cache_root()``, with the fewest possible faces of the other
    split, so that an evaluation need not wait for the training faces.

    The fingerprint covers the inputs of the renderer (its version, head model, seed, size, split and
    which faces), therefore it is the same on every machine.

    Args:
        split: ``"train"`` or ``"test"``; their identities are disjoint.
        size: side of the pictures, in pixels.
        train, test: number of faces in each split, 7 or more.
        seed: of the faces.
        limit, skip_bad, progress, keep_bytes: as for ``TableDataset``; ``progress`` also reports rendering.

    Raises:
        BadInput: numbers out of range, or a damaged cache.
    """

    def __init__(
        self,
        split: str,
        *,
        size: int = 64,
        train: int = 7000,
        test: int = 700,
        seed: int = 0,
        limit: int | None = None,
        skip_bad: bool = False,
        progress: Progress | None = None,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        check_limit(limit)
        asked = FacesConfig(train=train, test=test, size=size, seed=seed)
        fewest = len(EMOTIONS)
        if split == "train":
            config = dataclasses.replace(asked, test=fewest)
        else:
            config = dataclasses.replace(asked, train=fewest)
        folder = ensure_built(config, cache_root(), progress)
        listing = dataclasses.replace(read_affectnet(folder, split), name="faces")
        try:
            super().__init__(
                listing,
                size=size,
                limit=limit,
                skip_bad=skip_bad,
                au_scale=5,
                progress=progress,
                keep_bytes=keep_bytes,
            )
        except BadInput as error:
            raise BadInput(f"{error}; or delete {str(folder)!r}: it is rendered again") from error
        self._check(folder)
        self.framing = ""  # faces are rendered square
        self.fingerprint = _fingerprint(seed, size, split, self.paths)

    def _check(self, folder: Path) -> None:
        """Refuse pictures that changed since they were rendered: the fingerprint does not cover their bytes."""
        known = sums(folder)
        for i, content in enumerate(self.contents if known and not self.stamp else ()):
            names = [path.relative_to(folder).as_posix() for path in self._files.of(i)]
            rendered = b"".join(bytes.fromhex(known.get(name, "")) for name in names)
            if hashlib.sha256(rendered).hexdigest() != content:
                raise BadInput(
                    f"changed since it was rendered: {folder / names[0]} or its region map; delete "
                    f"{str(folder)!r}: it is rendered again"
                )

    def _faces(self, indices: Indices) -> list[Face]:
        rows = self.frame["face"].iloc[self._index(indices)]
        return [_face(row) for row in rows]


class LazyFaces(RenderedFaces):
    """The same split, whose pictures are rendered when they are asked for and not kept: for plans.

    Args:
        split: ``"train"`` or ``"test"``.
        config: of the faces.
        limit: as for ``TableDataset``.

    Raises:
        BadInput: a limit out of range.
    """

    name = "faces"

    def __init__(self, split: str, config: FacesConfig, limit: int | None = None) -> None:
        check_limit(limit)
        self.split, self.size, self.seed = split, config.size, config.seed
        count = config.train if split == "train" else config.test
        self.labels = np.arange(count, dtype=np.int64)[:limit] % len(EMOTIONS)
        self.paths = [f"images/{split}/{i:06d}.png" for i in range(len(self.labels))]
        self.fingerprint = _fingerprint(config.seed, config.size, split, self.paths)

    def read_by(self) -> tuple[object, ...]:
        return FacesDataset, self.size, "as opened"

    def _faces(self, indices: Indices) -> list[Face]:
        chosen = np.arange(len(self))[np.asarray(indices)]
        return [
            sample_face(self.seed, self.split, int(i), EMOTIONS[self.labels[i]]) for i in chosen
        ]

    def images(self, indices: Indices) -> Tensor:
        return _rendered(self._faces(indices), self.size)[0]

    def regions(self, indices: Indices) -> Tensor:
        return _rendered(self._faces(indices), self.size)[1]

    def action_units(self, indices: Indices) -> Tensor:
        rows = [action_units(face.units) for face in self._faces(indices)]
        return torch.tensor([list(row.values()) for row in rows]).float() / 5


@functools.lru_cache(maxsize=1024)  # a chunk of an evaluation asks for seven edits of each face
def _face(packed: str) -> Face:
    return Face.from_row({"face": packed})


def _fingerprint(seed: int, size: int, split: str, paths: Sequence[str]) -> str:
    """The fingerprint of a split.

    It does not cover the bytes of the files: they depend on the machine's zlib and, in the last bit, on
    its floating-point arithmetic, and results of two machines must be comparable.
    """
    parts = [RENDERER_VERSION, load_head().sha256, seed, size, split, list(paths)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _rendered(faces: Sequence[Face], size: int) -> tuple[Tensor, Tensor]:
    """Images float32 [n, 3, size, size] in [0, 1], and region maps uint8 [n, size, size]."""
    images, regions = render_many(faces, size)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    return pixels.contiguous(), torch.from_numpy(regions)
