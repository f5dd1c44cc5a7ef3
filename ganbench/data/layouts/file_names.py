"""Readers of data sets whose file names say all: RaFD and KDEF.

Neither has splits. Every fifth person is for testing, so that no person is in both splits.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from ganbench.data import splits
from ganbench.data.finding import find_pictures_in, is_image
from ganbench.data.label_order import LabelOrder, name_label
from ganbench.data.listing import Listing
from ganbench.errors import BadInput
from ganbench.text import plural

ALL = "all"
# One person in so many is for testing.
TEST_EVERY = 5
# Pictures of a folder that are looked at to recognise it.
_SAMPLE = 20


@dataclass(frozen=True)
class Naming:
    """How a data set names its files.

    Attributes:
        kind: the kind of data set.
        title: its name.
        pattern: of a file's name, with the groups ``person``, ``emotion`` and ``camera``.
        emotions: the meaning of the group ``emotion``, in lower case, if it is no emotion's name.
        cameras: the values of the group ``camera``, from one side of the face to the other.
        frontal: the camera in front of the face.
        example: the name of a file.
    """

    kind: str
    title: str
    pattern: re.Pattern[str]
    emotions: dict[str, str]
    cameras: tuple[str, ...]
    frontal: str
    example: str

    def is_here(self, root: Path) -> bool:
        """Whether most of the first pictures in a folder, or in the folders in it, have such names."""
        found = islice((p for p in _near(root) if is_image(p)), _SAMPLE)
        hits = [self.pattern.fullmatch(path.name) is not None for path in found]
        return sum(hits) > len(hits) / 2


NAMINGS = {
    # Langner et al., 2010.
    "rafd": Naming(
        "rafd",
        "RaFD",
        re.compile(
            r"rafd(?P<camera>\d{3})_(?P<person>\d+)_[^_]+_[^_]+_(?P<emotion>[a-z]+)_[a-z]+\.\w+",
            re.IGNORECASE,
        ),
        {},
        ("000", "045", "090", "135", "180"),
        "090",
        "Rafd090_01_Caucasian_female_angry_frontal.jpg",
    ),
    # Lundqvist, Flykt and Öhman, 1998. A and B are two sessions of the same person.
    "kdef": Naming(
        "kdef",
        "KDEF",
        re.compile(
            r"[ab](?P<person>[fm]\d\d)(?P<emotion>af|an|di|ha|ne|sa|su)(?P<camera>fl|hl|s|hr|fr)\.\w+",
            re.IGNORECASE,
        ),
        {
            "af": "fearful", "an": "angry", "di": "disgusted", "ha": "happy", "ne": "neutral",
            "sa": "sad", "su": "surprised",
        },
        ("FL", "HL", "S", "HR", "FR"),
        "S",
        "AF01ANS.JPG",
    ),
}  # fmt: skip


def read(
    naming: Naming, cameras: str | None, root: Path, split: str, order: LabelOrder | None = None
) -> Listing:
    """The rows of a split, in the order of person and path, with the column ``person``.

    Args:
        naming: the meaning of the names.
        cameras: those to use, separated by commas, or "all"; None takes the one in front of the face.
        root: the folder; its pictures may lie at any depth.
        split: ``"train"`` or ``"test"``.
        order: must be None: no label is a number.

    Raises:
        BadInput: no picture has such a name, or of no chosen camera; an unknown camera or emotion.
    """
    if order is not None:
        raise BadInput(f"{naming.title}'s file names say the emotions; leave --label-order out")
    wanted = _chosen(naming, cameras)
    inside = find_pictures_in(root)
    rows: list[tuple[str, str, int]] = []
    unwanted, others = Counter[str](), list[str]()
    for path in inside.pictures:
        found = naming.pattern.fullmatch(path.name)
        if found is None:
            others.append(path.name)
            continue
        camera, emotion = found["camera"].upper(), found["emotion"].lower()
        if camera not in wanted:
            unwanted[camera] += 1
            continue
        try:
            label = name_label(naming.emotions.get(emotion, emotion))
        except BadInput as error:
            raise BadInput(f"{str(path)!r}: {error}") from error
        rows.append((found["person"].upper(), path.relative_to(root).as_posix(), label))
    if not rows:
        left = ", ".join(f"{count} of camera {camera}" for camera, count in unwanted.items())
        raise splits.NoSplit(
            f"no {split} split of {naming.kind!r} under {str(root)!r}: looked for names such as "
            f"{naming.example} of {'camera' if len(wanted) == 1 else 'cameras'} {', '.join(wanted)}, found "
            f"{left or plural(len(others), 'other picture')}; give --root the folder of the pictures, or "
            f"--cameras {ALL}"
        )
    rows.sort()
    persons = sorted({person for person, _, _ in rows})
    for_test = set(persons[TEST_EVERY - 1 :: TEST_EVERY] or persons[1:][-1:])
    used = [row for row in rows if (row[0] in for_test) == (split == "test")]
    if not used:
        raise splits.NoSplit(
            f"no {split} split of {naming.kind!r} under {str(root)!r}: it has one person, and nobody is in "
            "both splits; add pictures of others"
        )
    aside = [f"{count:,} of camera {camera}" for camera, count in sorted(unwanted.items())]
    if others:
        aside.append(
            f"{plural(len(others), 'picture')} without a name of {naming.title}, first {others[0]}"
        )
    frame = pd.DataFrame(
        {
            "path": [path for _, path, _ in used],
            "expression": np.array([label for _, _, label in used], dtype=np.int64),
            "person": [person for person, _, _ in used],
        }
    )
    return Listing(
        naming.kind,
        split,
        root,
        frame,
        unread=tuple((path.relative_to(root).as_posix(), why) for path, why in inside.unread),
        aside=tuple(aside),
        notes=(
            f"{naming.title} has no splits: one in {TEST_EVERY} persons is for testing "
            f"({len(for_test)} of {len(persons)}), nobody is in both",
        ),
        cameras=cameras or "",
    )


def _chosen(naming: Naming, cameras: str | None) -> tuple[str, ...]:
    """The cameras that a user chose.

    Raises:
        BadInput: there is no such camera.
    """
    if cameras is None:
        return (naming.frontal,)
    if cameras.strip().lower() == ALL:
        return naming.cameras
    words = [word.strip().upper() for word in cameras.split(",")]
    known = {camera.lstrip("0") or "0": camera for camera in naming.cameras}
    chosen = [known.get(word.lstrip("0") or "0" * bool(word)) for word in words]
    if None in chosen:
        raise BadInput(
            f"unknown camera of {naming.title}: {words[chosen.index(None)]!r}; known: "
            f"{', '.join(naming.cameras)}, {ALL}"
        )
    return tuple(camera for camera in naming.cameras if camera in chosen)


def _near(root: Path) -> list[Path]:
    """The files in a folder and in the folders in it, at most a few of each."""
    found: list[Path] = []
    try:
        for path in islice(sorted(root.iterdir()), 10 * _SAMPLE):
            if path.is_dir() and not path.name.startswith("."):
                found += [p for p in islice(sorted(path.iterdir()), _SAMPLE) if p.is_file()]
            elif path.is_file():
                found.append(path)
    except OSError:
        return found
    return found
