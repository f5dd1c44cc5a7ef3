"""Reader of a folder for each class: ``root/train/happy/*.jpg``, ``root/test/happy/*.jpg``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data import splits
from ganbench.data.affectnet import nothing_found
from ganbench.data.finding import find_pictures_in, is_loose_picture
from ganbench.data.label_order import LabelOrder, is_number, read_label
from ganbench.data.listing import Listing
from ganbench.errors import BadInput
from ganbench.text import plural


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
    classes = sorted(
        path for path in base.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))
    )
    if not classes:
        raise nothing_found(root, split, "folder")
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
