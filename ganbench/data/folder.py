"""Reader of a folder for each class: ``root/train/happy/*.jpg``, ``root/test/happy/*.jpg``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data import splits
from ganbench.data.affectnet import nothing_found
from ganbench.data.finding import find_pictures_in, is_loose_picture
from ganbench.data.label_order import LabelOrder, is_name, is_number, read_label
from ganbench.data.listing import Listing
from ganbench.errors import BadInput
from ganbench.text import plural


def is_folder_of_classes(root: Path) -> bool:
    """Whether the folder of a split has a folder with the name of an emotion, or a number."""
    for split in ("train", "test"):
        base = splits.find_entry(root, splits.names_of(split))
        if base is not None and any(
            path.is_dir() and (is_name(path.name) or is_number(path.name))
            for path in base.iterdir()
        ):
            return True
    return False


def read_folder(root: Path, split: str, order: LabelOrder | None = None) -> Listing:
    """The images of ``root/<split>/<class>/``, at any depth, in the order of label and path.

    A file is an image by its name or its content. Links to folders are followed; several paths of one
    file in a class count once. The split's folder has any spelling of ``ganbench.data.splits``.

    Args:
        root: the folder.
        split: ``"train"`` or ``"test"``.
        order: the meaning of class folders whose names are numbers.

    Raises:
        BadInput: no such folder, or a class folder is no emotion, or a number without ``order``.
    """
    base = splits.find_entry(root, splits.names_of(split))
    if base is None:
        raise nothing_found(root, split, "folder")
    classes = _folders_in(base)
    if not classes:
        raise nothing_found(root, split, "folder")
    return _of_classes(base, classes, root, split, order)


def read_classes(root: Path, order: LabelOrder | None = None) -> Listing | None:
    """The images of ``root/<class>/``, which nothing divides into splits; None if a folder there is no class.

    Args:
        root: the folder.
        order: the meaning of class folders whose names are numbers.

    Raises:
        BadInput: as for ``read_folder``.
    """
    classes = _folders_in(root)
    if not classes or not all(is_name(path.name) or is_number(path.name) for path in classes):
        return None
    return replace(_of_classes(root, classes, root, "train", order), undivided=root.name)


def _folders_in(base: Path) -> list[Path]:
    return sorted(
        path for path in base.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))
    )


def _of_classes(
    base: Path, classes: Sequence[Path], root: Path, split: str, order: LabelOrder | None
) -> Listing:
    numbers = [path.name for path in classes if is_number(path.name)]
    if numbers and order is None:
        raise BadInput(
            f"class folders of {str(base)!r} are numbers ({', '.join(numbers)}); say what they mean: "
            "--label-order table1, alphabetical, fer2013 or raf-db, or the names in their order: "
            "--label-order neutral,happy,..."
        )
    rows: list[tuple[int, str]] = []
    links, unread = 0, list[tuple[str, str]]()
    for folder in classes:
        try:
            label = read_label(folder.name, order)
        except BadInput as error:
            raise BadInput(f"class folder {str(folder)!r}: {error}") from error
        inside = find_pictures_in(folder)
        rows += [(label, path.relative_to(root).as_posix()) for path in inside.pictures]
        links += len(inside.again)
        unread += [(path.relative_to(root).as_posix(), why) for path, why in inside.unread]
    rows.sort()
    aside = [f"{plural(links, 'link')} to pictures of the same class"] if links else []
    if loose := sum(1 for path in base.iterdir() if is_loose_picture(path)):
        aside.append(f"{plural(loose, 'picture')} beside the class folders of {base.name!r}")
    labels = np.array([label for label, _ in rows], dtype=np.int64)
    return Listing(
        "folder",
        split,
        root,
        pd.DataFrame({"path": [path for _, path in rows], "expression": labels}),
        unread=tuple(unread),
        aside=tuple(aside),
        numbered=len(numbers) == len(classes),
    )
