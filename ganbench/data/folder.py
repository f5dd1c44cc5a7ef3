"""Reader of a folder per class: ``root/train/happy/*.jpg``, ``root/test/happy/*.jpg``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data.affectnet import SPLIT_NAMES, is_image, nothing_found
from ganbench.data.table import Listing
from ganbench.emotions import index
from ganbench.errors import BadInput

# RaFD and AffectNet know an eighth expression; it is dropped and counted as in AffectNet's lists.
_UNUSED = ("contempt", "contemptuous")


def read_folder(root: Path, split: str) -> Listing:
    """The images of ``root/<split>/<emotion>/``, at any depth, in the order of emotion and name.

    The split's folder is train or training; test, testing, val, valid or validation.

    Raises:
        BadInput: no such folder, or a class folder is no emotion.
    """
    base = next((root / name for name in SPLIT_NAMES[split] if (root / name).is_dir()), None)
    if base is None:
        raise nothing_found(root, split, "folder")
    classes = sorted(
        path for path in base.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))
    )
    if not classes:
        raise nothing_found(root, split, "folder")
    found: list[tuple[int, str]] = []
    dropped: Counter[str] = Counter()
    for folder in classes:
        files = sorted(
            str(path.relative_to(root).as_posix()) for path in folder.rglob("*") if is_image(path)
        )
        if folder.name.lower() in _UNUSED:
            dropped["contempt"] += len(files)
            continue
        try:
            emotion = index(folder.name)
        except BadInput as error:
            raise BadInput(f"class folder {str(folder)!r}: {error}") from error
        found += [(emotion, path) for path in files]
    found.sort()
    frame = pd.DataFrame(
        {
            "path": [path for _, path in found],
            "expression": np.array([emotion for emotion, _ in found], dtype=np.int64),
        }
    )
    return Listing("folder", split, root, frame, dict(dropped))
