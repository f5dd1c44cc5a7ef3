"""The layouts of data sets of files: a reader for each, and the search for the one that a folder has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ganbench.data.label_order import LabelOrder
from ganbench.data.listing import Listing
from ganbench.errors import BadInput, unknown

# Kinds of data set whose pictures were taken by several cameras at once.
CAMERAS = ("rafd", "kdef")

Reader = Callable[[Path, str, LabelOrder | None], Listing]


def reader_of(name: str, cameras: str | None = None) -> Reader:
    """The reader of a kind of data set: of root, split and label order it makes a ``Listing``.

    Args:
        name: a key of ``ganbench.data.DATASETS``, but not ``faces``.
        cameras: as for ``ganbench.data.load_dataset``.

    Raises:
        BadInput: there is no such kind, or it has no files; ``cameras`` is given, but the pictures of this
            kind are not told apart by cameras.
    """
    from ganbench.data import affectnet, folder
    from ganbench.data.layouts import fer2013, file_names, imagefolder, raf_db

    if name in CAMERAS:
        return partial(file_names.read, file_names.NAMINGS[name], cameras)
    if cameras is not None:
        raise BadInput(
            f"data set {name!r} has no cameras, got {cameras!r}; leave --cameras out: "
            f"it is for {' and '.join(CAMERAS)}"
        )
    readers: dict[str, Reader] = {
        "affectnet": affectnet.read_affectnet,
        "csv": affectnet.read_csv,
        "folder": folder.read_folder,
        "raf-db": raf_db.read_raf_db,
        "fer2013": fer2013.read_fer2013,
        "ferplus": fer2013.read_ferplus,
        "imagefolder": imagefolder.read_imagefolder,
    }
    if name == "faces":
        raise BadInput(
            "the embedded faces have no files; 'ganbench data export faces DIR' writes them"
        )
    if name not in readers:
        raise unknown("data set", name, [*readers, *CAMERAS])
    return readers[name]


def detect(root: Path) -> tuple[str, Path]:
    """The kind of the data set in a folder, and its root; no picture is opened.

    The root is another than the given one only if a folder holds a single list: the list is then the root.

    Args:
        root: a folder, or a list.

    Raises:
        BadInput: there is none; the message says what was looked for.
    """
    from ganbench.data import affectnet, folder
    from ganbench.data.layouts import fer2013, file_names, imagefolder, raf_db

    if root.is_file():
        return ("fer2013" if fer2013.has_pixels(root) else "csv"), root
    # A folder may answer to several tests; the one that tells most comes first.
    tests: list[tuple[str, Callable[[Path], Any]]] = [
        ("ferplus", fer2013.is_ferplus),
        ("raf-db", raf_db.is_raf_db),
        ("fer2013", fer2013.is_fer2013),
        ("affectnet", affectnet.is_affectnet),
        ("imagefolder", imagefolder.is_imagefolder),
        ("csv", affectnet.is_csv),
        ("folder", folder.is_folder_of_classes),
        *((name, file_names.NAMINGS[name].is_here) for name in CAMERAS),
    ]
    for name, test in tests:
        if test(root):
            return name, root
    if (single := affectnet.single_list(root)) is not None:
        return "csv", single
    raise BadInput(
        f"no data set was recognised under {str(root)!r}: looked for the lists of AffectNet, RAF-DB "
        f"({raf_db.LIST}), FER2013 ({fer2013.NAMES[0]}) and FERPlus ({fer2013.VOTES}), for metadata.csv or "
        "metadata.jsonl, train.csv or test.csv, for pictures with RaFD's or KDEF's names, and for "
        f"train/ or test/ with a folder per emotion; {affectnet.held(root)}"
    )
