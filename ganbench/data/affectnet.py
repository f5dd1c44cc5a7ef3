"""Readers of lists on disk: AffectNet 2017, its later layout, and any CSV of paths and labels.

AffectNet's ids 0 to 6 are Table 1's order, 7 is contempt, 8 to 10 are none, uncertain and non-face.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganbench import parsing
from ganbench.data import splits
from ganbench.data.columns import is_official, read_frame
from ganbench.data.finding import is_picture
from ganbench.data.label_order import LabelOrder, check_numbers, is_name, is_number, read_label
from ganbench.data.listing import Listing
from ganbench.emotions import EMOTIONS, KNOWN
from ganbench.errors import BadInput
from ganbench.text import plural

# Bytes of an annotation that holds one label: its header has 128.
_LABEL_BYTES = 4096
_ANNOTATION = "_exp.npy"

# Images of the validation set: of the seven emotions, and of eight in the later release and in the first.
_VALIDATION = (3_500, 3_999, 4_000)

_LIST_ENDINGS = (".csv", ".tsv")

# Names of a split's folder in AffectNet's later layout; other spellings are found as well.
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

# Names of a split in messages; all spellings would be too many.
_SHOWN_NAMES = {"train": ("training", "train"), "test": ("test", "validation", "val")}


def read_affectnet(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """AffectNet under ``root``, in its first or its later layout.

    Args:
        root: the folder.
        split: ``"train"`` or ``"test"``.
        order: the meaning of labels that are numbers; None takes AffectNet's order.

    Raises:
        BadInput: neither layout is there; the message tells what was looked for.
    """
    if (listed := find_list(root, split)) is not None:
        found = _read_list(listed, root, "affectnet", split, order)
    elif (folder := _npy_folder(root, split)) is not None:
        found = _read_npy(folder, root, split, order)
    else:
        raise nothing_found(root, split, "affectnet")
    return replace(found, notes=_release(found) if split == "test" else ())


def _release(listing: Listing) -> tuple[str, ...]:
    """Which of AffectNet's validation sets a listing is; nothing if it has far fewer images."""
    ids = listing.frame["expression"].to_numpy()
    eight, seven = int(np.sum(ids < len(KNOWN))), int(np.sum(ids < len(EMOTIONS)))
    if seven < _VALIDATION[0] - 500:
        return ()
    whole = "complete" if seven == _VALIDATION[0] else "not the published number"
    text = (
        f"AffectNet's validation set: {seven:,} images of the seven emotions ({whole}), {eight:,} with contempt; "
        f"papers that report {_VALIDATION[0]:,} images have seven emotions, those with "
        f"{_VALIDATION[1]:,} or {_VALIDATION[2]:,} have eight"
    )
    return (text,)


def is_affectnet(root: Path) -> bool:
    """Whether a folder has one of AffectNet's layouts: its list with its names, or annotations."""
    for split in ("train", "test"):
        if _npy_folder(root, split) is not None:
            return True
        listed = find_list(root, split)
        if listed is not None and (listed.parent != root or is_official(listed)):
            return True
    return False


def is_csv(root: Path) -> bool:
    """Whether a folder holds the list of a split."""
    return any(find_list(root, split) is not None for split in ("train", "test"))


def single_list(root: Path) -> Path | None:
    """The list in a folder, if there is just one."""
    lists = [
        path
        for path in sorted(root.iterdir())
        if path.suffix.lower() in _LIST_ENDINGS and not path.name.startswith(".")
    ]
    return lists[0] if len(lists) == 1 and parsing.is_file(lists[0]) else None


def read_csv(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """A CSV of image paths and labels: ``root``, or the CSV of the split in the folder ``root``.

    Raises:
        BadInput: no such file; the message tells what was looked for.
    """
    if parsing.is_file(root):
        return _read_list(root, root.parent, "csv", split, order)
    if (listed := find_list(root, split)) is not None:
        return _read_list(listed, root, "csv", split, order)
    raise nothing_found(root, split, "csv")


def _read_list(
    listed: Path, root: Path, name: str, split: str, order: LabelOrder | None
) -> Listing:
    """The rows of one CSV file; the header may be missing.

    Raises:
        BadInput: as for ``columns.read_frame`` and ``listing_of``.
    """
    return listing_of(read_frame(listed, name), listed, root, name, split, order)


def listing_of(
    frame: pd.DataFrame,
    listed: Path,
    root: Path,
    name: str,
    split: str,
    order: LabelOrder | None,
    divided: bool = False,
) -> Listing:
    """The rows of one list.

    The columns of path and label have AffectNet's or another usual name; without a header there are
    either two columns, or AffectNet's nine. ``regions_filePath`` (relative to ``root/regions``) and
    ``AU01_r`` ... are optional. Labels are ids or emotion names. If a column tells the split of each
    row, only the rows of ``split`` are used. A list of action units needs no labels.

    Args:
        frame: as ``columns.read_frame`` makes it.
        listed: the file of the list.
        root: the folder of the data.
        name: the kind of data set.
        split: ``"train"`` or ``"test"``.
        order: the meaning of labels that are numbers; None takes AffectNet's order.
        divided: whether the place of the list tells the split.

    Raises:
        BadInput: a label is unknown, or no listed image is found.
    """
    frame, aside, by_column = rows_of(frame, split, listed)
    numbered, ids = False, np.full(len(frame), -1)
    if "expression" in frame:
        numbered = all(is_number(str(label)) for label in frame["expression"].unique())
        ids = label_ids(frame["expression"], listed, order)
    frame["expression"] = ids
    paths = [path.replace("\\", "/") for path in frame["path"]]
    folder = _image_folder(paths, listed, root) if paths else root
    frame["path"] = [_relative(folder / path, root) for path in paths]
    if "regions_filePath" in frame:
        frame["regions"] = [f"regions/{path}" if path else "" for path in frame["regions_filePath"]]
    divided = divided or by_column or splits.is_of(listed.stem, split)
    undivided = "" if divided else listed.name
    return Listing(name, split, root, frame, aside=aside, undivided=undivided, numbered=numbered)


def rows_of(
    frame: pd.DataFrame, split: str, listed: Path
) -> tuple[pd.DataFrame, tuple[str, ...], bool]:
    """The rows of a split, rows that serve no split (in words), and whether a column tells the split."""
    column = splits.split_column(list(frame.columns))
    if column is None or not len(frame):
        return frame, (), False
    name, sure = column
    codes, values = pd.factorize(frame[name].astype(str))
    parts = [splits.part_of(value) for value in values]
    if None in parts:
        if not sure:
            return frame, (), False
        wrong = parts.index(None)
        row = int(np.flatnonzero(codes == wrong)[0]) + 1
        raise BadInput(
            f"{str(listed)!r}, data row {row}: {name} {values[wrong]!r} is no split; write train, "
            "test or val, or rename the column"
        )
    wanted = splits.chosen_part(split, (part for part in parts if part))
    of_row = np.array(parts)[codes]
    used = of_row == wanted
    if not used.any():
        there = ", ".join(map(repr, values))
        raise splits.NoSplit(
            f"{str(listed)!r} has no row of the {split} split: column {name!r} holds {there}"
        )
    left = Counter(of_row[(of_row == "validation") & ~used].tolist()) if split == "test" else {}
    aside = tuple(f"{plural(count, 'row')} of its {part} part" for part, count in left.items())
    return frame.loc[used].reset_index(drop=True), aside, True


def _read_npy(folder: Path, root: Path, split: str, order: LabelOrder | None) -> Listing:
    """AffectNet's later layout: ``folder/images/N.jpg`` and ``folder/annotations/N_exp.npy``.

    If ``folder`` is ``root``, its name may tell the split.

    Raises:
        BadInput: an annotation is no label.
    """
    annotations = {
        path.name.removesuffix(_ANNOTATION): path
        for path in (folder / "annotations").iterdir()
        if path.name.endswith(_ANNOTATION)
    }
    images = {path.stem: path for path in (folder / "images").iterdir() if is_picture(path)}
    paths: list[str] = []
    labels: list[tuple[Path, str]] = []
    unread: list[tuple[str, str]] = []
    for stem in sorted(images.keys() | annotations.keys(), key=_by_number):
        path = _relative(images.get(stem, folder / "images" / f"{stem}.jpg"), root)
        if stem not in annotations:
            unread.append((path, f"no annotation {stem}{_ANNOTATION}"))
        else:
            paths.append(path)
            labels.append((annotations[stem], _npy_label(annotations[stem])))
    texts = [text for _, text in labels]
    check_numbers(texts, order, repr(str(folder)))
    ids = np.array([_npy_id(path, text, order) for path, text in labels], dtype=np.int64)
    return Listing(
        "affectnet",
        split,
        root,
        pd.DataFrame({"path": paths, "expression": ids}),
        unread=tuple(unread),
        undivided=root.name if folder == root and not splits.is_of(root.name, split) else "",
        numbered=all(map(is_number, texts)),
    )


def nothing_found(root: Path, split: str, name: str) -> BadInput:
    """The error for a root without a layout: what was looked for, and what is there instead."""
    names = _SHOWN_NAMES[split]
    lists = ", ".join(f"{stem}.csv" for stem in names)
    folders = ", ".join(f"{folder}/" for folder in _SPLIT_FOLDERS[split])
    pairs = f"images/ with annotations/*{_ANNOTATION} (in {folders} or the root)"
    classes = ", ".join(f"{folder}/" for folder in names)
    wanted = {
        "affectnet": f"{lists} (also in {', '.join(_LIST_FOLDERS[1:])}) and {pairs}",
        "csv": lists,
        "folder": f"a folder per emotion in one of {classes}",
    }[name]
    return splits.NoSplit(
        f"no {split} split of {name!r} under {str(root)!r}: looked for {wanted}; "
        f"{_looks_like(root, split, name)}"
    )


def _looks_like(root: Path, split: str, name: str) -> str:
    """What a root holds instead of the layout ``name``, and the option that reads it."""
    if not parsing.is_folder(root):
        return "it is a file: give --root the folder"
    if name == "folder" and find_list(root, split) is not None:
        return "it has a list: use --data affectnet"
    if name in ("folder", "csv") and _npy_folder(root, split) is not None:
        return "it looks like AffectNet's later layout: use --data affectnet"
    within = splits.find_entry(root, splits.names_of(split))
    for folder in (root, *([within] if within else [])):
        if any(path.is_dir() and is_name(path.name) for path in folder.iterdir()):
            if name != "folder":
                return "it has a folder per emotion: use --data folder"
            return f"it holds the emotions themselves: put them into {split}/"
    lists = [path.name for path in sorted(root.iterdir()) if path.suffix.lower() in _LIST_ENDINGS]
    if lists and name in ("csv", "affectnet"):
        return f"it has {lists[0]}: use --data csv and give --root that file"
    return held(root)


def held(root: Path) -> str:
    """The first entries of a folder, in words, and what to do if none of them is a data set."""
    names = sorted(path.name for path in root.iterdir())
    there = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "") if names else "nothing"
    return f"it holds {there}: give --root the folder above the data"


def find_list(root: Path, split: str) -> Path | None:
    """The list of a split, by its name, in one of the folders where AffectNet has it."""
    for folder in _LIST_FOLDERS:
        found = splits.find_entry(root / folder, splits.names_of(split), _LIST_ENDINGS)
        if found is not None:
            return found
    return None


def _npy_folder(root: Path, split: str) -> Path | None:
    """The folder of a split in AffectNet's later layout; the root itself if it has the layout."""
    for name in (*_SPLIT_FOLDERS[split], *splits.names_of(split)):
        folder = splits.find_entry(root, (name,))
        if folder is not None and _is_npy(folder):
            return folder
    return root if _is_npy(root) else None


def _is_npy(folder: Path) -> bool:
    return (folder / "images").is_dir() and (folder / "annotations").is_dir()


def label_ids(values: pd.Series[Any], listed: Path, order: LabelOrder | None) -> NDArray[np.int64]:
    """AffectNet ids 0 to 10 of labels that are ids or names.

    Raises:
        BadInput: a label is neither; the message names the file and the row.
    """
    codes, distinct = pd.factorize(values)
    check_numbers([str(value) for value in distinct], order, repr(str(listed)))
    ids = np.empty(len(distinct), np.int64)
    for k, value in enumerate(distinct):
        try:
            ids[k] = read_label(str(value), order)
        except BadInput as error:
            row = int(np.flatnonzero(codes == k)[0]) + 1
            raise BadInput(f"{str(listed)!r}, data row {row}: {error}") from error
    return ids[codes]


def _npy_label(path: Path) -> str:
    """The text of an annotation."""
    try:
        # AffectNet's annotations are plain text or numbers, so nothing is unpickled.
        array = parsing.parse_npy(parsing.read_bytes(path, _LABEL_BYTES))
        return str(array.item())
    except ValueError as error:
        raise BadInput(f"{str(path)!r} holds no expression label: {parsing.why(error)}") from error


def _npy_id(path: Path, text: str, order: LabelOrder | None) -> int:
    """The AffectNet id of an annotation with this text."""
    try:
        return read_label(text, order)
    except BadInput as error:
        raise BadInput(f"{str(path)!r} holds no expression label: {error}") from error


def _image_folder(paths: Sequence[str], listed: Path, root: Path) -> Path:
    """The folder that the listed paths are relative to: the one where most of a sample exist."""
    sample = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, 50).astype(int))]
    folders = [root / part for part in _IMAGE_FOLDERS if (root / part).is_dir()]
    folders.append(listed.parent)
    hits = [sum(os.path.isfile(folder / path) for path in sample) for folder in folders]
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
