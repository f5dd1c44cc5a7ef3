"""Reading a list of images and labels: its delimiter, its header, its columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganbench import parsing
from ganbench.data.action_units import AU_COLUMNS
from ganbench.data.finding import is_image
from ganbench.data.label_order import is_name
from ganbench.data.splits import plain
from ganbench.errors import BadInput
from ganbench.text import plural

DELIMITERS = (",", ";", "\t", "|")

# Names of missing columns in messages: AffectNet's name, or a usual one.
_OFFICIAL_NAMES = {"image path": "subDirectory_filePath", "label": "expression"}
_PLAIN_NAMES = {"image path": "image", "label": "label"}

# Headers in the order of preference; case, spaces and punctuation do not count.
_PATH_COLUMNS = (
    "subDirectory_filePath", "image", "image_path", "path", "file", "filename", "file_path", "img",
    "img_path", "image_name", "image_file", "image_filename", "img_name", "img_file", "picture",
    "photo", "images", "paths", "files", "pth", "name", "image_id",
)  # fmt: skip
_LABEL_COLUMNS = (
    "expression", "label", "emotion", "class", "labels", "expr", "target", "category",
    "expressions", "emotions", "classes", "facial_expression", "emotion_label", "expression_label",
    "class_label", "label_name", "emotion_name", "expression_name", "class_name", "label_id",
    "emotion_id", "expression_id", "class_id", "emotion_class", "class_idx", "label_idx",
)  # fmt: skip
# 68 landmarks a row, as text: most of the file, and ganbench does not read them.
_HEAVY = "facial_landmarks"
# Columns of a list without a header; one of two columns has a path and a label.
_OFFICIAL = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", _HEAVY,
    "expression", "valence", "arousal",
)  # fmt: skip
_REGIONS = "regions_filePath"


@dataclass(frozen=True)
class _Layout:
    """How the text of a list is divided into columns.

    Attributes:
        delimiter: between two columns.
        skipped: number of lines before the header: Excel writes "sep=;".
        headed: whether there is a header.
        names: of the columns.
        path: the column of paths.
        labels: columns that may hold the labels, the likeliest first; none in a list of action units.
    """

    delimiter: str
    skipped: int
    headed: bool
    names: tuple[str, ...]
    path: str
    labels: tuple[str, ...]


def read_frame(listed: Path, name: str) -> pd.DataFrame:
    """A list with the columns ``path`` and ``expression`` as text, and all others but the landmarks.

    A list of action units may have no column for the label; the frame then has no ``expression``.
    Columns are separated by commas, semicolons, tabs or bars: by the first that gives a path and a
    label. Among columns that may hold the label, one with names of emotions is preferred to numbers.

    Args:
        listed: the file.
        name: the kind of data set, which decides the name of a missing column in messages.

    Raises:
        BadInput: the file is no such list.
    """
    try:
        layout = _layout(listed, name)
        options: dict[str, Any] = {
            "sep": layout.delimiter,
            "skiprows": layout.skipped,
            "header": 0 if layout.headed else None,
            "names": list(layout.names),
            "usecols": [column for column in layout.names if column != _HEAVY],
            "dtype": dict.fromkeys((layout.path, *layout.labels, _REGIONS), str),
            # No text counts as missing: "None" is a label and "NA" may be a folder.
            "na_filter": False,
            "index_col": False,
            "encoding": "utf-8-sig",
            # Lists with semicolons usually have numbers with decimal commas.
            "decimal": "," if layout.delimiter == ";" else ".",
        }
        frame: pd.DataFrame = pd.read_csv(listed, **options)
        surplus = list(_surplus(listed, layout))  # pandas drops these fields silently
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        reason = " ".join(str(error).split())
        raise BadInput(
            f"{str(listed)!r} is no CSV that can be read: {reason}; save it as CSV in UTF-8"
        ) from error
    for column in (layout.path, *layout.labels, _REGIONS):
        if column in frame:
            frame[column] = frame[column].str.strip()
    if surplus:
        raise BadInput(
            f"{str(listed)!r}: data row {surplus[0]} has more fields than the {len(layout.names)} "
            f"columns, and so have {len(surplus)} of {plural(len(frame), 'row')}; put text with a "
            f"{layout.delimiter!r} in it into quotes"
        )
    return _renamed(frame, layout.path, layout.labels, listed)


def named_columns(frame: pd.DataFrame, listed: Path, name: str) -> pd.DataFrame:
    """A table of any values with the columns ``path`` and ``expression`` as text, like ``read_frame``'s.

    Args:
        frame: the rows of a list that is no CSV.
        listed, name: as for ``read_frame``, for messages.

    Raises:
        BadInput: there is no such column, or a row without a path.
    """
    frame = frame.rename(columns={column: _exact(str(column)) for column in frame.columns})
    path, labels = _path_and_labels(list(frame.columns), listed, name)
    for column in (path, *labels):
        frame[column] = frame[column].where(frame[column].notna(), "").astype(str).str.strip()
    return _renamed(frame, path, labels, listed)


def _renamed(frame: pd.DataFrame, path: str, labels: Sequence[str], listed: Path) -> pd.DataFrame:
    """The columns of path and label under their names in ``Listing.frame``."""
    label = {_label_column(frame, labels): "expression"} if labels else {}
    others = {"path", "expression"} & set(frame.columns) - {path, *label}
    frame = frame.drop(columns=list(others)).rename(columns={path: "path", **label})
    empty = np.flatnonzero((frame["path"] == "").to_numpy())
    if len(empty):
        raise BadInput(f"{str(listed)!r}: data row {empty[0] + 1} has no image path")
    return frame


def is_official(listed: Path) -> bool:
    """Whether a file begins as AffectNet's lists do: with its header, or with a row of its nine columns."""
    try:
        with parsing.regular(listed, parsing.TABLE).open(encoding="utf-8-sig", newline="") as file:
            cells = next(csv.reader([file.readline(parsing.SMALL)]), [])
    except (OSError, ValueError, csv.Error):
        return False
    if plain(_OFFICIAL[0]) in map(plain, cells):
        return True
    return len(cells) == len(_OFFICIAL) and is_image(Path(cells[0]))


def _surplus(listed: Path, layout: _Layout) -> Iterator[int]:
    """Data rows, from 1 on, with more fields than columns; empty fields at the end do not count."""
    columns, delimiter = len(layout.names), layout.delimiter
    with listed.open(encoding="utf-8-sig", newline="") as stream:
        quoted = any('"' in line for line in stream)
    with listed.open(encoding="utf-8-sig", newline="") as stream:
        for _ in range(layout.skipped):
            stream.readline()
        # Most lists have no quotes; counting delimiters is far faster than parsing.
        lines = (line for line in stream if line.strip())
        rows: Iterable[Sequence[str]] = (
            (row for row in csv.reader(stream, delimiter=delimiter) if row)
            if quoted
            else (
                line.split(delimiter) if line.count(delimiter) >= columns else () for line in lines
            )
        )
        for number, row in enumerate(rows, 0 if layout.headed else 1):
            if len(row) > columns and any(cell.strip() for cell in row[columns:]):
                yield number


def _layout(listed: Path, name: str) -> _Layout:
    try:
        parsing.regular(listed, parsing.TABLE)
    except parsing.Refused as error:
        raise BadInput(f"cannot read the list: {str(listed)!r} ({error}); check it") from error
    with listed.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline(parsing.SMALL)
        if len(first) == parsing.SMALL:
            raise BadInput(f"{str(listed)!r} begins with a line of endless length; it is no list")
        marked = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", first, re.IGNORECASE)
        if marked:
            first = stream.readline(parsing.SMALL)
    if not first.strip():
        raise BadInput(f"{str(listed)!r} is empty; it needs a path and a label a row")
    tried = (marked[1],) if marked else DELIMITERS
    faults: list[BadInput] = []
    for delimiter in tried:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        try:
            return _cut([cell.strip() for cell in cells], delimiter, bool(marked), listed, name)
        except BadInput as error:
            faults.append(error)
    # No delimiter fits: report the fault of the one that cuts the line into the most cells.
    most = max(range(len(tried)), key=lambda k: first.count(tried[k]))
    raise faults[most]


def _cut(first: list[str], delimiter: str, marked: bool, listed: Path, name: str) -> _Layout:
    """The layout of a list whose first line has the cells ``first``.

    Raises:
        BadInput: no column holds a path, or none a label.
    """
    headed = not any(is_image(Path(cell.replace("\\", "/"))) for cell in first)
    names = [_exact(cell) for cell in first] if headed else _without_header(first, listed)
    path, labels = _path_and_labels(names, listed, name)
    return _Layout(delimiter, int(marked), headed, tuple(names), path, tuple(labels))


def _path_and_labels(names: Sequence[str], listed: Path, kind: str) -> tuple[str, list[str]]:
    """The column of paths, and those that may hold the labels; none of the latter in a list of action units.

    Raises:
        BadInput: no column holds a path, or none a label.
    """
    path, *_ = _columns(names, _PATH_COLUMNS, "image path", listed, kind)
    others = [column for column in names if column != path]
    try:
        return path, _columns(others, _LABEL_COLUMNS, "label", listed, kind, names)
    except BadInput:
        if not set(AU_COLUMNS) & set(names):
            raise
        return path, []


def _exact(cell: str) -> str:
    """A header cell; columns that other modules use get their exact spelling."""
    for column in (*AU_COLUMNS, _REGIONS, _HEAVY):
        if plain(cell) == plain(column):
            return column
    return cell


def _without_header(first: Sequence[str], listed: Path) -> list[str]:
    if len(first) == 2:
        backwards = is_image(Path(first[1])) and not is_image(Path(first[0]))
        return ["expression", "path"] if backwards else ["path", "expression"]
    if len(first) == len(_OFFICIAL):
        return list(_OFFICIAL)
    raise BadInput(
        f"{str(listed)!r} has no header and {plural(len(first), 'column')}; without a header it needs 2 "
        f"(path, label) or AffectNet's {len(_OFFICIAL)}: put a header line on top"
    )


def _columns(
    names: Sequence[str],
    wanted: Iterable[str],
    what: str,
    listed: Path,
    kind: str,
    shown: Sequence[str] | None = None,
) -> list[str]:
    """The columns whose header is one of ``wanted``, in the order of ``wanted``.

    Raises:
        BadInput: there is none.
    """
    by_name = {plain(name): name for name in reversed(names)}
    found = [by_name[key] for key in map(plain, wanted) if key in by_name]
    if found:
        return list(dict.fromkeys(found))
    listed_names = [column for column in shown or names if column not in AU_COLUMNS]
    text = ", ".join(listed_names) or "none"
    usual = (_OFFICIAL_NAMES if kind.startswith("affectnet") else _PLAIN_NAMES)[what]
    if "pixels" in map(plain, listed_names):
        raise BadInput(
            f"{str(listed)!r} holds the pixels themselves (columns {text}); use --data fer2013"
        )
    if what == "image path" and set(AU_COLUMNS) & set(names):
        raise BadInput(
            f"{str(listed)!r} has action units, but does not say of which images: found {text}; add a "
            f"column {usual!r} with the file of each row"
        )
    raise BadInput(f"{str(listed)!r} has no column for the {what}: found {text}; call it {usual!r}")


def _label_column(frame: pd.DataFrame, candidates: Sequence[str]) -> str:
    """The candidate that holds names of emotions, else the first: numbers depend on an order."""
    for column in candidates:
        texts = [text for text in frame[column].unique()[:50] if text]
        if texts and all(map(is_name, texts)):
            return column
    return candidates[0]
