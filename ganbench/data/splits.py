"""What people call the parts of a data set, and how lists and folders of a split are found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ganbench.errors import BadInput


class NoSplit(BadInput):
    """A source has not the split that was asked for; what else is wrong with one is another BadInput."""


# Spellings of each part; case, spaces and punctuation do not count.
PARTS: dict[str, tuple[str, ...]] = {
    "train": ("training", "train", "train_set", "training_set"),
    "test": ("test", "testing", "test_set", "private_test", "evaluation", "eval"),
    "validation": (
        "validation", "val", "valid", "val_set", "validation_set", "public_test", "dev",
    ),
}  # fmt: skip
# The parts that a split is taken from; where both are there, ``test`` is preferred.
_OF_SPLIT = {"train": ("train",), "test": ("test", "validation")}

# Headers of a column that tells the split; of the second kind only if every value is a part's name.
_SURE = ("split", "usage")
_LIKELY = ("set", "subset", "partition", "part", "phase", "fold", "datasplit")


def plain(text: str) -> str:
    """A name without case, spaces and punctuation: ``" Public_Test"`` becomes ``"publictest"``."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def part_of(text: str) -> str | None:
    """``"train"``, ``"test"`` or ``"validation"`` by any of its spellings; None if it is neither."""
    key = plain(text)
    return next((p for p, names in PARTS.items() if key in map(plain, names)), None)


def is_of(text: str, split: str) -> bool:
    """Whether a name is that of a part which a split may be taken from."""
    return part_of(text) in _OF_SPLIT[split]


def names_of(split: str) -> tuple[str, ...]:
    """The spellings of all parts that a split may be taken from, the preferred first."""
    return tuple(name for part in _OF_SPLIT[split] for name in PARTS[part])


def chosen_part(split: str, present: Iterable[str]) -> str:
    """The part that a split is taken from where ``present`` are there."""
    there = set(present)
    return next((part for part in _OF_SPLIT[split] if part in there), _OF_SPLIT[split][0])


def find_entry(folder: Path, names: Sequence[str], endings: Sequence[str] = ("",)) -> Path | None:
    """The first of some names in a folder; case and punctuation do not count.

    Args:
        folder: where to look; it need not exist.
        names: in the order of preference.
        endings: of files, e.g. ``".csv"``; with ``""`` only folders are meant.

    Raises:
        BadInput: two entries answer to one name, e.g. ``train`` and ``TRAIN``.
    """
    if not folder.is_dir():
        return None
    there: dict[tuple[str, str], list[Path]] = {}
    for path in folder.iterdir():
        if path.name.startswith((".", "__")):
            continue  # of the system: "._train.csv"
        for ending in endings:
            if path.name.lower().endswith(ending) and path.is_dir() == (ending == ""):
                stem = path.name[: len(path.name) - len(ending)]
                there.setdefault((plain(stem), ending), []).append(path)
    for name in names:
        for ending in endings:
            found = there.get((plain(name), ending), [])
            if len(found) > 1:
                listed = ", ".join(sorted(path.name for path in found))
                raise BadInput(
                    f"{str(folder)!r} has several entries of one name: {listed}; remove or rename "
                    "all but one"
                )
            if found:
                return found[0]
    return None


def split_column(names: Sequence[str]) -> tuple[str, bool] | None:
    """The column that may tell the split, and whether its header leaves no doubt; None without one."""
    for wanted, sure in ((_SURE, True), (_LIKELY, False)):
        for name in names:
            if plain(name) in wanted:
                return name, sure
    return None
