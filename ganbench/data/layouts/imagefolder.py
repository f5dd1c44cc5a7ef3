"""Reader of an "imagefolder" of Hugging Face's datasets: pictures beside ``metadata.csv`` or ``metadata.jsonl``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd

from ganbench import parsing
from ganbench.data import splits
from ganbench.data.affectnet import listing_of
from ganbench.data.columns import named_columns, read_frame
from ganbench.data.label_order import LabelOrder, is_number
from ganbench.data.listing import Listing
from ganbench.errors import BadInput
from ganbench.parsing import is_file

NAMES = ("metadata.csv", "metadata.jsonl")
# Where the folders of the splits may lie.
_ABOVE = ("", "data")


def is_imagefolder(root: Path) -> bool:
    """Whether a folder, or the folder of a split in it, holds such a list."""
    return any(_find(root, split) is not None for split in ("train", "test"))


def read_imagefolder(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """The rows of ``root/<split>/metadata.*`` or of ``root/metadata.*``.

    The paths (``file_name``) are relative to the list's folder. In a list for all splits, a column
    ``split`` tells the split, or else the first folder of every path.

    Args:
        root: the folder.
        split: ``"train"`` or ``"test"``.
        order: the meaning of labels that are numbers, which these lists do not tell.

    Raises:
        BadInput: no such list; a column is missing; labels are numbers, and there is no ``order``.
    """
    found = _find(root, split)
    if found is None:
        raise splits.NoSplit(
            f"no {split} split of 'imagefolder' under {str(root)!r}: looked for {' and '.join(NAMES)} there, "
            f"in {split}/ and in data/{split}/; give --root the folder above the splits"
        )
    listed, own = found
    frame = read_frame(listed, "imagefolder") if listed.suffix == ".csv" else _read_lines(listed)
    if order is None and "expression" in frame:
        numbers = [str(text) for text in frame["expression"].unique() if is_number(str(text))]
        if numbers:
            raise BadInput(
                f"labels of {str(listed)!r} are numbers ({', '.join(sorted(numbers)[:8])}); say what they "
                "mean: --label-order alphabetical, fer2013 or raf-db, or the names in their order"
            )
    if not own and splits.split_column(list(frame.columns)) is None and len(frame):
        first = [PurePosixPath(path).parts for path in frame["path"]]
        if all(len(parts) > 1 and splits.part_of(parts[0]) for parts in first):
            frame["split"] = [parts[0] for parts in first]
    return listing_of(frame, listed, root, "imagefolder", split, order, divided=own)


def _find(root: Path, split: str) -> tuple[Path, bool] | None:
    """The list of a split, and whether it is in the folder of that split."""
    for above in _ABOVE:
        folder = splits.find_entry(root / above, splits.names_of(split))
        if folder is not None:
            for name in NAMES:
                if is_file(folder / name):
                    return folder / name, True
    return next(((root / name, False) for name in NAMES if is_file(root / name)), None)


def _read_lines(listed: Path) -> pd.DataFrame:
    """A list with one JSON table a line, as ``columns.read_frame`` makes it.

    Raises:
        BadInput: a line is no table, or a column is missing.
    """
    rows = []
    try:
        text = parsing.read_text(listed, parsing.RESULTS)
    except parsing.Refused as error:
        raise BadInput(f"cannot read the list: {str(listed)!r} ({error}); check it") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(parsing.parse_json(line, kind=dict))
        except parsing.Refused as error:
            raise BadInput(f"{str(listed)!r}, line {number}: {error}; mend the line") from error
    if not rows:
        raise BadInput(f"{str(listed)!r} is empty; it needs a path and a label a line")
    return named_columns(pd.DataFrame(rows), listed, "imagefolder")
