"""Reader of RAF-DB's basic part (Li et al., 2017): ``EmoLabel/list_patition_label.txt`` and ``Image/aligned``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench import parsing
from ganbench.data import splits
from ganbench.data.label_order import ORDERS, LabelOrder
from ganbench.data.listing import Listing
from ganbench.errors import BadInput
from ganbench.parsing import is_file

# The authors' spelling.
LIST = "list_patition_label.txt"
_NAMES = (LIST, "list_partition_label.txt")
_FOLDERS = ("", "EmoLabel", "basic", "basic/EmoLabel")
# Where the pictures may lie, and what stands in their names behind those of the list.
_PICTURES = tuple(
    (f"{above}{below}{folder}", suffix)
    for folder, suffix in (("aligned", "_aligned"), ("original", ""))
    for below in ("Image/", "")
    for above in ("", "basic/")
)


def is_raf_db(root: Path) -> bool:
    """Whether a folder holds RAF-DB's list."""
    return _find(root) is not None


def read_raf_db(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """The rows of a split; a name that begins with ``train`` or ``test`` tells the split.

    Args:
        root: the folder that holds ``EmoLabel`` and ``Image``, or the one above, ``basic``.
        split: ``"train"`` or ``"test"``.
        order: the meaning of the numbers; None takes RAF-DB's, from 1 surprised to 7 neutral.

    Raises:
        BadInput: the list or the pictures are not there, or a line is no name and number.
    """
    listed = _find(root)
    if listed is None:
        raise splits.NoSplit(
            f"no {split} split of 'raf-db' under {str(root)!r}: looked for {LIST} there and in "
            f"{', '.join(_FOLDERS[1:])}; give --root the folder that holds EmoLabel/ and Image/"
        )
    order = order or ORDERS["raf-db"]
    rows: list[tuple[str, int]] = []
    try:
        text = parsing.read_text(listed)
    except parsing.Refused as error:
        raise BadInput(f"cannot read the list: {str(listed)!r} ({error}); check it") from error
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        part = splits.part_of(words[0].partition("_")[0])
        if len(words) != 2 or not words[1].isdecimal() or len(words[1]) > 9 or part is None:
            raise BadInput(
                f"{str(listed)!r}, line {number}: {line[:60]!r} is no name and label; write "
                "train_00001.jpg 5"
            )
        try:
            label = order.meaning(int(words[1]))
        except BadInput as error:
            raise BadInput(f"{str(listed)!r}, line {number}: {error}") from error
        if part in ("train" if split == "train" else "test", "validation" * (split == "test")):
            rows.append((words[0], label))
    if not rows:
        raise splits.NoSplit(
            f"{str(listed)!r} has no row of the {split} split: no name begins with {split}_"
        )
    folder, suffix = _pictures(root, listed, [name for name, _ in rows])
    paths = []
    for name, _ in rows:
        stem, ending = os.path.splitext(name)
        paths.append(f"{folder}/{stem}{suffix}{ending}")
    labels = np.array([label for _, label in rows], dtype=np.int64)
    frame = pd.DataFrame({"path": paths, "expression": labels})
    return Listing("raf-db", split, root, frame, label_order=order.name, numbered=True)


def _find(root: Path) -> Path | None:
    return next(
        (root / f / name for f in _FOLDERS for name in _NAMES if is_file(root / f / name)), None
    )


def _pictures(root: Path, listed: Path, names: list[str]) -> tuple[str, str]:
    """The folder of the pictures, and what their names have in addition: where most of a sample exist."""
    sample = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, 50).astype(int))]
    stems = [os.path.splitext(name) for name in sample]
    hits = [
        sum(is_file(root / folder / f"{stem}{suffix}{ending}") for stem, ending in stems)
        for folder, suffix in _PICTURES
    ]
    if not any(hits):
        raise BadInput(
            f"no picture listed in {str(listed)!r} was found, first {names[0]!r}; looked under "
            f"{str(root)!r} in {', '.join(folder for folder, _ in _PICTURES)}: give --root the folder "
            "that holds EmoLabel/ and Image/"
        )
    return _PICTURES[int(np.argmax(hits))]
