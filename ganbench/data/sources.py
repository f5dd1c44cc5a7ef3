"""The pictures that are to be aligned: the splits of a data set, class folders without splits, or any folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data import AUTO, find_dataset, read_listing
from ganbench.data.finding import find_pictures_in
from ganbench.data.folder import read_classes
from ganbench.data.label_order import parse_order
from ganbench.data.listing import Listing
from ganbench.data.splits import NoSplit
from ganbench.emotions import KNOWN
from ganbench.errors import BadInput
from ganbench.text import plural

# The kind of a folder of pictures without labels, and the name of the list of data without splits.
PICTURES = UNDIVIDED = "pictures"


@dataclass(frozen=True)
class Source:
    """The pictures that are to be aligned.

    Attributes:
        kind: of the data set; "pictures" for a folder of pictures without labels.
        root: the place of the data.
        listings: the rows of each list that will be written, by its name without ending.
    """

    kind: str
    root: Path
    listings: dict[str, Listing]

    @property
    def labelled(self) -> bool:
        """Whether there are lists."""
        return self.kind != PICTURES

    @property
    def left_out(self) -> list[str]:
        """What is left out before any picture is opened, a line each."""
        lines = []
        for part, listing in self.listings.items():
            words = [f"{count:,} of label {label}" for label, count in listing.dropped.items()]
            words += listing.aside
            if listing.unread:
                path, reason = listing.unread[0]
                words.append(f"{plural(len(listing.unread), 'picture')}, first {path}: {reason}")
            if words:
                lines.append(f"left out of {part}: {', '.join(words)}")
        return lines


def open_source(
    place: Path, name: str = AUTO, label_order: str | None = None, cameras: str | None = None
) -> Source:
    """The pictures at a place.

    Args:
        place: a folder, or a list.
        name: the kind of data set; "auto" takes the one that is recognised, else a folder for each emotion,
            else all pictures.
        label_order, cameras: as for ``ganbench.data.load_dataset``.

    Raises:
        BadInput: there is no picture, or the data set cannot be read.
    """
    if name == AUTO:
        try:
            name, place = find_dataset(place)
        except BadInput:
            if not place.is_dir():
                raise
            return _folder(place, label_order)
    listings: dict[str, Listing] = {}
    missing: NoSplit | None = None
    for split in ("train", "test"):
        try:
            listing = read_listing(name, split, place, label_order, KNOWN, cameras=cameras)
        except NoSplit as error:
            missing = missing or error
            continue
        listings[UNDIVIDED if listing.undivided else split] = listing
    if not listings and missing is not None:
        raise missing
    return Source(name, place, listings)


def _folder(place: Path, label_order: str | None) -> Source:
    """The pictures of a folder that is no data set."""
    order = None if label_order is None else parse_order(label_order)
    if (classes := read_classes(place, order)) is not None:
        return Source("folder", place, {UNDIVIDED: classes.of_emotions(KNOWN)})
    inside = find_pictures_in(place)
    if not inside.pictures:
        raise BadInput(
            f"{str(place)!r} holds no picture; give a folder of photographs, or a data set"
        )
    paths = [path.relative_to(place).as_posix() for path in inside.pictures]
    frame = pd.DataFrame({"path": paths, "expression": np.full(len(paths), -1)})
    unread = tuple((path.relative_to(place).as_posix(), why) for path, why in inside.unread)
    aside = (
        (f"{plural(len(inside.again), 'link')} to pictures of the folder",) if inside.again else ()
    )
    listing = Listing(PICTURES, "train", place, frame, unread=unread, aside=aside)
    return Source(PICTURES, place, {PICTURES: listing})
