"""The rows of one split of a data set of files, before any image is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data.label_order import UNUSED
from ganbench.emotions import KNOWN, canonical


@dataclass(frozen=True)
class Listing:
    """The rows of one split; the readers (``ganbench.data.layouts``) make it.

    Attributes:
        name: the kind of the data set, which is its name in reports.
        split: ``"train"`` or ``"test"``.
        root: the folder that ``path`` and ``regions`` are relative to.
        frame: a row for each image with the columns ``path`` and ``expression`` (0 to 6; 7 is
            contempt; -1 in a list without emotions), where known ``regions`` (the region map) and
            ``AU01_r`` ..., and all other columns of the list.
        dropped: how many rows of which other label were left out.
        unread: (path, reason) of images that the reader could not label.
        aside: parts of the source that belong to no split in use, in words.
        undivided: the list or folder whose images serve as both splits, because nothing in it tells
            the splits apart; empty if the split is known.
        label_order: the meaning of labels that are numbers, as the user gave it or as the data set has it;
            empty for AffectNet's.
        numbered: whether the labels are numbers, whose meaning depends on an order.
        source: the place that ``read_listing`` was given.
        notes: what a user should know of the data set, a line each.
        cameras: the cameras whose pictures are used, as the user gave them; else empty.
        frame_rule: how ``ganbench data align`` made the pictures; empty for others.
    """

    name: str
    split: str
    root: Path
    frame: pd.DataFrame
    dropped: dict[str, int] = field(default_factory=dict)
    unread: tuple[tuple[str, str], ...] = ()
    aside: tuple[str, ...] = ()
    undivided: str = ""
    label_order: str = ""
    numbered: bool = False
    source: Path | None = None
    notes: tuple[str, ...] = ()
    cameras: str = ""
    frame_rule: str = ""

    def of_emotions(self, emotions: Sequence[str]) -> Listing:
        """The rows of some emotions, and those without an emotion; ``dropped`` counts the others.

        Args:
            emotions: names, of ``ganbench.emotions.KNOWN``.
        """
        names = {**dict(enumerate(KNOWN)), **UNUSED}
        wanted = {canonical(name) for name in emotions}
        ids = self.frame["expression"].to_numpy(dtype=np.int64)
        chosen = np.isin(ids, [-1, *(i for i, name in enumerate(KNOWN) if name in wanted)])
        dropped = dict(Counter(names[i] for i in ids[~chosen].tolist()))
        frame = self.frame.loc[chosen].reset_index(drop=True)
        return replace(self, frame=frame, dropped=dropped)
