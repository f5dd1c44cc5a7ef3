"""The images of some emotions of a data set, as a data set."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset, Indices
from ganbench.data.label_order import UNUSED
from ganbench.emotions import KNOWN, canonical, in_suite_order


class Subset(Dataset):
    """Some rows of another data set; labels and everything else are those of the rows.

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
        return self.whole.images(self._of(indices))

    def regions(self, indices: Indices) -> Tensor | None:
        return self.whole.regions(self._of(indices))

    def action_units(self, indices: Indices) -> Tensor | None:
        return self.whole.action_units(self._of(indices))

    def true_edits(self, indices: Indices, emotion: int) -> tuple[Tensor, Tensor]:
        return self.whole.true_edits(self._of(indices), emotion)

    def true_units(self, indices: Indices, unit: int, value: float) -> tuple[Tensor, Tensor]:
        return self.whole.true_units(self._of(indices), unit, value)

    @property
    def left_out(self) -> str:
        return ", ".join(part for part in (self.whole.left_out, self._left_out) if part)

    @property
    def has_true_edits(self) -> bool:
        return self.whole.has_true_edits

    @property
    def has_true_units(self) -> bool:
        return self.whole.has_true_units

    def _of(self, indices: Indices) -> NDArray[np.int64]:
        return self.rows[np.asarray(indices, np.int64)]


def only(dataset: Dataset, emotions: Sequence[str]) -> Dataset:
    """The images of these emotions; the data set itself if it holds no others.

    Args:
        dataset: labelled in Table-1 order, 7 being contempt.
        emotions: names, in any order: the order changes nothing.
    """
    names = in_suite_order([canonical(name) for name in emotions])
    wanted = np.isin(dataset.labels, [KNOWN.index(name) for name in names if name in KNOWN])
    if wanted.all() or not dataset.labelled:
        return dataset
    others = dataset.labels[~wanted]
    counts = [(int((others == place).sum()), name) for place, name in enumerate(KNOWN)]
    left_out = ", ".join(f"{count} of label {name}" for count, name in counts if count)
    key = json.dumps([dataset.fingerprint, names])
    fingerprint = hashlib.sha256(key.encode()).hexdigest()
    return Subset(dataset, np.flatnonzero(wanted), fingerprint, left_out)


def of_emotions(
    frame: pd.DataFrame, emotions: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of some emotions, and how many rows of which other label there are.

    Args:
        frame: ``expression`` holds AffectNet's ids, 0 to 10; -1, no emotion, is kept.
        emotions: names, of ``ganbench.emotions.KNOWN``.
    """
    names = {**dict(enumerate(KNOWN)), **UNUSED}
    own = {canonical(name) for name in emotions}
    ids = frame["expression"].to_numpy(dtype=np.int64)
    chosen = np.isin(ids, [-1, *(place for place, name in enumerate(KNOWN) if name in own)])
    dropped = Counter(names[i] for i in ids[~chosen].tolist())
    return frame.loc[chosen].reset_index(drop=True), dict(dropped)
