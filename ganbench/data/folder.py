"""Reader of a folder per class: ``root/train/happy/*.jpg``, ``root/test/happy/*.jpg``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data import splits
from ganbench.data.affectnet import nothing_found
from ganbench.data.finding import find_pictures_in, is_loose_picture
from ganbench.data.label_order import LabelOrder, is_number, read_label
from ganbench.data.subset import of_emotions
from ganbench.data.table import Listing
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.text import plural


def read_folder(
    root: Path, split: str, order: LabelOrder | None = None, emotions: Sequence[str] = EMOTIONS
) -> Listing:
    """The images of ``root/<split>/<emotion>/``, at any depth, in the order of emotion and name.

    What is an image its name or its content says; links to folders are followed, and several paths
    of one file in a class count once.

    The split's folder is train or training; test, testing, val, valid or validation, in any case.
    Class folders are called by emotions, or by numbers whose meaning ``order`` tells. Of RaFD's and
    AffectNet's further expressions contempt is used where ``emotions`` asks for it; files of the others
    are counted.

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
    found: list[tuple[int, str]] = []
    again, unread = 0, list[tuple[str, str]]()
    for folder in classes:
        inside = find_pictures_in(folder)
        files = [path.relative_to(root).as_posix() for path in inside.pictures]
        again += len(inside.again)
        try:
            label = read_label(folder.name, order)
        except BadInput as error:
            raise BadInput(f"class folder {str(folder)!r}: {error}") from error
        found += [(label, path) for path in files]
        unread += [(path.relative_to(root).as_posix(), why) for path, why in inside.unread]
    found.sort()
    aside = [f"{plural(again, 'link')} to pictures of the same class"] if again else []
    loose = sum(1 for path in base.iterdir() if is_loose_picture(path))
    if loose:
        aside.append(f"{plural(loose, 'picture')} beside the class folders of {base.name!r}")
    frame = pd.DataFrame(
        {
            "path": [path for _, path in found],
            "expression": np.array([emotion for emotion, _ in found], dtype=np.int64),
        }
    )
    frame, dropped = of_emotions(frame, emotions)
    return Listing(
        "folder",
        split,
        root,
        frame,
        dropped,
        tuple(unread),
        aside=tuple(aside),
        label_order=order.name if order else "",
        numbered=len(numbers) == len(classes),
    )
