"""Readers of FER2013 (Goodfellow et al., 2013), a CSV of pixels, and of FERPlus (Barsoum et al., 2016), its votes.

The pictures are unpacked once, into PNG files in the cache, so that everything that reads pictures can read them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganbench import parsing
from ganbench.data import splits
from ganbench.data.affectnet import find_list, label_ids, rows_of
from ganbench.data.label_order import ORDERS, UNUSED_NAMES, LabelOrder, name_label
from ganbench.data.layouts.unpacking import name_of, unpacked
from ganbench.data.listing import Listing
from ganbench.errors import BadInput
from ganbench.parsing import is_file
from ganbench.text import plural

# The list of FER2013 in its two releases. A folder may also hold a list for each split.
NAMES = ("fer2013.csv", "icml_face_data.csv")
VOTES = "fer2013new.csv"
# The columns of FERPlus's votes, and what they stand for.
_CANDIDATES = {
    "neutral": "neutral", "happiness": "happy", "surprise": "surprised", "sadness": "sad", "anger": "angry",
    "disgust": "disgusted", "fear": "fearful", "contempt": "contempt", "unknown": "uncertain", "nf": "non-face",
}  # fmt: skip


def has_pixels(listed: Path) -> bool:
    """Whether a file is a CSV with a column of pixels."""
    return "pixels" in map(splits.plain, _header(listed))


def is_fer2013(root: Path) -> bool:
    """Whether a folder holds a CSV of pixels."""
    return any(_find(root, split) is not None for split in ("train", "test"))


def is_ferplus(root: Path) -> bool:
    """Whether a folder holds the votes of FERPlus."""
    return is_file(root / VOTES)


def read_fer2013(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """The rows of a split; ``root`` of the listing is a folder in the cache.

    The column ``Usage`` tells the split: ``Training``, ``PrivateTest`` (test), and ``PublicTest``
    (validation). A list without it is of the split that its name tells.

    Args:
        root: the folder of the CSV file, or the file.
        split: ``"train"`` or ``"test"``.
        order: the meaning of the numbers; None takes FER2013's.

    Raises:
        BadInput: no such file, or a row is no picture.
    """
    listed = root if is_file(root) else _find(root, split)
    if listed is None or not has_pixels(listed):
        raise splits.NoSplit(
            f"no {split} split of 'fer2013' under {str(root)!r}: looked for a CSV with a column 'pixels': "
            f"{', '.join(NAMES)}, train.csv, test.csv; give --root the file or its folder"
        )
    frame = _rows(listed)
    used, aside, divided = rows_of(frame, split, listed)
    order = order or ORDERS["fer2013"]
    used = used.assign(expression=label_ids(used["expression"], listed, order))
    divided = divided or splits.is_of(listed.stem, split)
    folder = unpacked(listed)
    undivided = "" if divided else listed.name
    return Listing(
        "fer2013",
        split,
        folder,
        used,
        aside=aside,
        undivided=undivided,
        label_order=order.name,
        numbered=True,
    )


def read_ferplus(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """The rows of a split, labelled by the majority of FERPlus's ten votes.

    Single votes do not count, and an emotion needs more than half of the others; the remaining pictures
    are left out, as are those that most call unknown or no face.

    Args:
        root: the folder with ``fer2013new.csv`` and ``fer2013.csv``, whose rows belong together.
        split: ``"train"`` or ``"test"``.
        order: must be None: the columns have names.

    Raises:
        BadInput: a file is missing, the two do not belong together, or a vote is no number.
    """
    if order is not None:
        raise BadInput("FERPlus's columns name the emotions; leave --label-order out")
    pixels = next((root / name for name in NAMES if is_file(root / name)), None)
    if pixels is None or not is_ferplus(root):
        raise splits.NoSplit(
            f"no {split} split of 'ferplus' under {str(root)!r}: looked for {VOTES}, the votes, and "
            f"{' or '.join(NAMES)}, the pixels; put them into one folder"
        )
    frame = _rows(pixels)
    labels = _majority(root / VOTES)
    if len(labels) != len(frame):
        raise BadInput(
            f"{VOTES} has {plural(len(labels), 'row')} and {pixels.name} {len(frame):,}: the rows belong "
            "together; take both files of one release"
        )
    used, aside, _ = rows_of(frame.assign(expression=labels), split, pixels)
    clear = used["expression"].to_numpy() >= 0
    if unclear := int((~clear).sum()):
        aside = (*aside, f"{plural(unclear, 'row')} without a majority")
    used = used.loc[clear].reset_index(drop=True)
    return Listing("ferplus", split, unpacked(pixels), used, aside=aside)


def _find(root: Path, split: str) -> Path | None:
    found = next((root / name for name in NAMES if is_file(root / name)), None)
    found = found or find_list(root, split)
    return found if found is not None and has_pixels(found) else None


def _header(listed: Path) -> list[str]:
    try:
        with parsing.regular(listed, parsing.TABLE).open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader([file.readline(parsing.SMALL)]), [])
    except (OSError, ValueError, csv.Error):
        return []


def _rows(listed: Path) -> pd.DataFrame:
    """The columns ``path`` (of the unpacked picture), ``expression`` (as text) and, if there, ``Usage``.

    Raises:
        BadInput: the file has no column for the emotion, or cannot be read.
    """
    by_name = {splits.plain(name): name for name in _header(listed)}
    label = next((by_name[name] for name in ("emotion", "label") if name in by_name), None)
    if label is None:
        raise BadInput(
            f"{str(listed)!r} has pixels, but no column 'emotion': found {', '.join(by_name.values())}; "
            "its pictures have no labels"
        )
    wanted = {label: "expression"} | {by_name[n]: "Usage" for n in ("usage",) if n in by_name}
    frame = _table(listed, list(wanted)).rename(columns=wanted)
    frame["expression"] = frame["expression"].str.strip()
    frame.insert(0, "path", [name_of(row) for row in range(len(frame))])
    return frame


def _table(listed: Path, columns: list[str]) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pd.read_csv(
            listed, usecols=columns, dtype=str, na_filter=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{str(listed)!r} is no CSV that can be read: {parsing.why(error)}; take the original file"
        ) from error
    return frame


def _majority(votes: Path) -> NDArray[np.int64]:
    """The label of each row of FERPlus's votes, 0 to 10 (see ``label_order.UNUSED``); -1 without a majority."""
    by_name = {splits.plain(name): name for name in _header(votes)}
    missing = [name for name in _CANDIDATES if name not in by_name]
    if missing:
        raise BadInput(
            f"{str(votes)!r} has no column {missing[0]!r}: found {', '.join(by_name.values())}; take "
            "FERPlus's file"
        )
    table = _table(votes, [by_name[name] for name in _CANDIDATES])
    table = table[[by_name[name] for name in _CANDIDATES]]
    try:
        counts = table.to_numpy(dtype=str).astype(np.float64)
    except ValueError as error:
        raise BadInput(f"{str(votes)!r} has a vote that is no number ({error}); mend it") from error
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise BadInput(f"{str(votes)!r} has a vote that is no count; mend it")
    counts[counts <= 1] = 0
    meanings = np.array([_meaning(name) for name in _CANDIDATES.values()], dtype=np.int64)
    most: NDArray[np.intp] = counts.argmax(1)
    clear = counts.max(1, initial=0) > counts.sum(1) / 2
    return np.where(clear, meanings[most], -1)


def _meaning(name: str) -> int:
    return UNUSED_NAMES[name] if name in UNUSED_NAMES else name_label(name)
