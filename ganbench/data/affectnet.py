"""Readers of lists on disk: AffectNet 2017, its later layout, and any CSV of paths and labels.

AffectNet's ids 0-6 are Table 1's order; 7-10 (contempt, none, uncertain, non-face) are dropped.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganbench.data.table import AU_COLUMNS, Listing
from ganbench.emotions import EMOTIONS, index
from ganbench.errors import BadInput

# AffectNet's labels beyond the seven emotions.
UNUSED = {7: "contempt", 8: "none", 9: "uncertain", 10: "non-face"}
_UNUSED_NAMES = {name: number for number, name in UNUSED.items()} | {"contemptuous": 7}

IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm"})

# Names that people give a split: of a list, and of a folder.
SPLIT_NAMES = {
    "train": ("training", "train"),
    "test": ("validation", "test", "testing", "val", "valid"),
}
_SPLIT_FOLDERS = {
    "train": ("train_set", "train"),
    "test": ("val_set", "validation_set", "val", "test"),
}

# Where AffectNet 2017 puts its lists and its images; "" is the root itself.
_LIST_FOLDERS = ("", "Manually_Annotated_file_lists", "Manually_Annotated")
_IMAGE_FOLDERS = (
    "",
    "images",
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
    "Manually_Annotated",
    "Manually_Annotated_compressed",
)

_PATH_COLUMNS = (
    "subDirectory_filePath", "image", "image_path", "path", "file", "filename", "file_path",
    "filepath", "img", "img_path", "image_name", "name",
)  # fmt: skip
_LABEL_COLUMNS = (
    "expression", "label", "emotion", "class", "labels", "expr", "target", "category",
)  # fmt: skip
# 68 landmarks a row, as text: most of the file, and nothing here reads them.
_HEAVY = "facial_landmarks"
# A list without a header has AffectNet's columns or just a path and a label.
_OFFICIAL = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", _HEAVY,
    "expression", "valence", "arousal",
)  # fmt: skip


def read_affectnet(root: Path, split: str) -> Listing:
    """AffectNet under ``root``, in its first or its later layout.

    Raises:
        BadInput: neither is there; says what was looked for.
    """
    listed = _find_list(root, split)
    if listed is not None:
        return read_list(listed, root, "affectnet", split)
    if _npy_folder(root, split) is not None:
        return read_affectnet_npy(root, split)
    raise nothing_found(root, split, "affectnet")


def read_csv(root: Path, split: str) -> Listing:
    """A CSV of image paths and labels: ``root`` is that file, or a folder that holds one a split.

    Raises:
        BadInput: no such file; says what was looked for.
    """
    if root.is_file():
        return read_list(root, root.parent, "csv", split)
    listed = _find_list(root, split)
    if listed is None:
        raise nothing_found(root, split, "csv")
    return read_list(listed, root, "csv", split)


def read_list(listed: Path, root: Path, name: str, split: str) -> Listing:
    """The rows of one CSV file; the header may be missing.

    The columns of path and label go by AffectNet's or another usual name; without a header there
    are either two columns, or AffectNet's nine. ``regions_filePath`` (relative to ``root/regions``)
    and ``AU01_r`` ... are optional. Labels are ids or emotion names.

    Raises:
        BadInput: the columns are not there, a label is unknown, or no listed image is found.
    """
    frame = _read_frame(listed)
    ids = _label_ids(frame["expression"], listed)
    dropped = Counter(UNUSED[i] for i in ids.tolist() if i in UNUSED)
    frame["expression"] = ids
    frame = frame.loc[ids < len(EMOTIONS)].reset_index(drop=True)
    paths = [path.replace("\\", "/") for path in frame["path"]]
    folder = _image_folder(paths, listed, root) if paths else root
    frame["path"] = [_relative(folder / path, root) for path in paths]
    if "regions_filePath" in frame:
        given = frame["regions_filePath"]
        frame["regions"] = [f"regions/{path}" if path else "" for path in given]
    return Listing(name, split, root, frame, dict(dropped))


def read_affectnet_npy(root: Path, split: str) -> Listing:
    """AffectNet's later layout: ``train_set/images/N.jpg`` and ``train_set/annotations/N_exp.npy``.

    ``root`` may also hold ``images`` and ``annotations`` itself; the split is then taken on trust.

    Raises:
        BadInput: the folders are not there, or an annotation is no label.
    """
    folder = _npy_folder(root, split)
    if folder is None:
        raise nothing_found(root, split, "affectnet-npy")
    ending = "_exp.npy"
    notes = {
        path.name.removesuffix(ending): path
        for path in (folder / "annotations").iterdir()
        if path.name.endswith(ending)
    }
    images = {path.stem: path for path in (folder / "images").iterdir() if is_image(path)}
    paths: list[str] = []
    ids: list[int] = []
    unread: list[tuple[str, str]] = []
    for stem in sorted(images.keys() | notes.keys(), key=_by_number):
        shown = _relative(images.get(stem, folder / "images" / f"{stem}.jpg"), root)
        if stem not in notes:
            unread.append((shown, f"no annotation {stem}{ending}"))
        else:
            paths.append(shown)
            ids.append(_npy_label(notes[stem]))
    labels = np.array(ids, dtype=np.int64)
    dropped = Counter(UNUSED[i] for i in ids if i in UNUSED)
    frame = pd.DataFrame({"path": paths, "expression": labels})
    frame = frame.loc[labels < len(EMOTIONS)].reset_index(drop=True)
    return Listing("affectnet", split, root, frame, dict(dropped), tuple(unread))


def is_image(path: Path) -> bool:
    """Whether a file's name is that of an image."""
    return path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")


def nothing_found(root: Path, split: str, name: str) -> BadInput:
    """The error for a root without the wanted layout: what was looked for, what is there instead."""
    lists = ", ".join(f"{stem}.csv" for stem in SPLIT_NAMES[split])
    folders = ", ".join(f"{folder}/" for folder in _SPLIT_FOLDERS[split])
    pairs = f"images/ with annotations/*_exp.npy (in {folders} or the root)"
    classes = ", ".join(f"{folder}/" for folder in SPLIT_NAMES[split])
    wanted = {
        "affectnet": f"{lists} (also in {', '.join(_LIST_FOLDERS[1:])}) and {pairs}",
        "affectnet-npy": pairs,
        "csv": lists,
        "folder": f"a folder per emotion in one of {classes}",
    }[name]
    return BadInput(
        f"no {split} split of {name!r} under {str(root)!r}: looked for {wanted}; "
        f"{_looks_like(root, split, name)}"
    )


def _looks_like(root: Path, split: str, name: str) -> str:
    if not root.is_dir():
        return "it is a file: give --root the folder"
    if name in ("folder", "affectnet-npy") and _find_list(root, split) is not None:
        return "it has a list: use --data affectnet"
    if name in ("folder", "csv") and _npy_folder(root, split) is not None:
        return "it looks like AffectNet's later layout: use --data affectnet"
    known = (*EMOTIONS, "happiness", "anger", "surprise")
    for folder in (root, *(root / part for part in SPLIT_NAMES[split])):
        if any((folder / emotion).is_dir() for emotion in known):
            if name != "folder":
                return "it has a folder per emotion: use --data folder"
            return f"it holds the emotions themselves: put them into {split}/"
    held = sorted(path.name for path in root.iterdir())
    there = ", ".join(held[:5]) + (" ..." if len(held) > 5 else "") if held else "nothing"
    return f"it holds {there}: give --root the folder above the data"


def _find_list(root: Path, split: str) -> Path | None:
    for folder in _LIST_FOLDERS:
        for stem in SPLIT_NAMES[split]:
            if (root / folder / f"{stem}.csv").is_file():
                return root / folder / f"{stem}.csv"
    return None


def _npy_folder(root: Path, split: str) -> Path | None:
    for folder in (*(root / part for part in _SPLIT_FOLDERS[split]), root):
        if (folder / "images").is_dir() and (folder / "annotations").is_dir():
            return folder
    return None


def _read_frame(listed: Path) -> pd.DataFrame:
    """The CSV with columns ``path`` and ``expression`` as text, and all others but the landmarks."""
    try:
        with listed.open(encoding="utf-8-sig", newline="") as stream:
            first = next(csv.reader(stream), None)
        if not first:
            raise BadInput(f"{str(listed)!r} is empty; it needs a path and a label a row")
        first = [name.strip() for name in first]
        headed = not any(is_image(Path(name)) for name in first)
        names = first if headed else _names_without_header(first, listed)
        path = _column(names, _PATH_COLUMNS, "image path", listed)
        label = _column(names, _LABEL_COLUMNS, "label", listed)
        text = [name for name in (path, label, "regions_filePath") if name in names]
        options: dict[str, Any] = {
            "header": 0 if headed else None,
            "names": names,
            "usecols": [name for name in names if name != _HEAVY],
            "dtype": dict.fromkeys(text, str),
            # Nothing counts as missing: "None" is a label and "NA" may be a folder.
            "na_filter": False,
            "index_col": False,
            "encoding": "utf-8-sig",
        }
        frame: pd.DataFrame = pd.read_csv(listed, **options)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        reason = " ".join(str(error).split())
        raise BadInput(f"{str(listed)!r} is no CSV that can be read: {reason}") from error
    for column in text:
        frame[column] = frame[column].str.strip()
    frame = frame.rename(columns={path: "path", label: "expression"})
    empty = np.flatnonzero((frame["path"] == "").to_numpy())
    if len(empty):
        raise BadInput(f"{str(listed)!r}: data row {empty[0] + 1} has no image path")
    return frame


def _names_without_header(first: Sequence[str], listed: Path) -> list[str]:
    if len(first) == 2:
        return ["path", "expression"]
    if len(first) == len(_OFFICIAL):
        return list(_OFFICIAL)
    raise BadInput(
        f"{str(listed)!r} has no header and {len(first)} columns; without a header it needs 2 "
        f"(path, label) or AffectNet's {len(_OFFICIAL)}: put a header line on top"
    )


def _column(names: Sequence[str], wanted: Iterable[str], what: str, listed: Path) -> str:
    lower = {name.lower(): name for name in reversed(names)}
    for candidate in wanted:
        if candidate.lower() in lower:
            return lower[candidate.lower()]
    usual = next(iter(wanted))
    shown = ", ".join(name for name in names if name not in AU_COLUMNS) or "none"
    raise BadInput(
        f"{str(listed)!r} has no column for the {what}: found {shown}; call it {usual!r}"
    )


def _label_ids(values: pd.Series[Any], listed: Path) -> NDArray[np.int64]:
    """AffectNet ids 0-10 of labels given as ids or names."""
    codes, distinct = pd.factorize(values)
    ids = np.empty(len(distinct), np.int64)
    for k, value in enumerate(distinct):
        try:
            ids[k] = _label_id(str(value))
        except BadInput as error:
            row = int(np.flatnonzero(codes == k)[0]) + 1
            raise BadInput(f"{str(listed)!r}, data row {row}: {error}") from error
    return ids[codes]


def _label_id(text: str) -> int:
    key = text.strip().lower()
    if key in _UNUSED_NAMES:
        return _UNUSED_NAMES[key]
    try:
        number = float(key)
    except ValueError:
        return index(text)
    if not number.is_integer() or not 0 <= number <= max(UNUSED):
        raise BadInput(
            f"label {text!r} is no AffectNet id: 0-{len(EMOTIONS) - 1} are {', '.join(EMOTIONS)}, "
            f"{min(UNUSED)}-{max(UNUSED)} unused"
        )
    return int(number)


def _npy_label(path: Path) -> int:
    try:
        # Never unpickled: AffectNet's annotations are plain text or numbers.
        return _label_id(str(np.load(path, allow_pickle=False).item()))
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{str(path)!r} holds no expression label: {reason}") from error


def _image_folder(paths: Sequence[str], listed: Path, root: Path) -> Path:
    """The folder that the listed paths are relative to: the one where most of a sample exist."""
    sample = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, 50).astype(int))]
    folders = [root / part for part in _IMAGE_FOLDERS if (root / part).is_dir()]
    folders.append(listed.parent)
    hits = [sum((folder / path).is_file() for path in sample) for folder in folders]
    if not any(hits):
        looked = ", ".join(dict.fromkeys(_relative(folder, root) for folder in folders))
        raise BadInput(
            f"no image listed in {str(listed)!r} was found, first {paths[0]!r}; looked under "
            f"{str(root)!r} in {looked}: give --root the folder that the paths are relative to"
        )
    return folders[int(np.argmax(hits))]


def _relative(path: Path, root: Path) -> str:
    return str(PurePosixPath(path.relative_to(root))) if path.is_relative_to(root) else str(path)


def _by_number(stem: str) -> tuple[int, str]:
    return (int(stem), "") if stem.isdecimal() else (-1, stem)
