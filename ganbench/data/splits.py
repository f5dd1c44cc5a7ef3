"""Names of the parts of a data set, and the search for lists and folders by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ganbench.errors import BadInput


class NoSplit(BadInput):
    """A source does not have the split that was asked for."""


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

# Headers of a column that tells the split. A likely one counts only if each value is the name of a part.
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
    """Whether a name is one of a part that serves as ``split``."""
    return part_of(text) in _OF_SPLIT[split]


def names_of(split: str) -> tuple[str, ...]:
    """The spellings of all parts that serve as ``split``, the preferred first."""
    return tuple(name for part in _OF_SPLIT[split] for name in PARTS[part])


def chosen_part(split: str, present: Iterable[str]) -> str:
    """The part of ``present`` that serves as ``split``, the preferred first."""
    parts = set(present)
    return next((part for part in _OF_SPLIT[split] if part in parts), _OF_SPLIT[split][0])


def find_entry(folder: Path, names: Sequence[str], endings: Sequence[str] = ("",)) -> Path | None:
    """The entry of a folder with the first possible of some names; case and punctuation do not count.

    Args:
        folder: where to look; it need not exist.
        names: in the order of preference.
        endings: of files, such as ``".csv"``; ``""`` stands for folders.

    Raises:
        BadInput: two entries have the same name, such as ``train`` and ``TRAIN``.
    """
    if not folder.is_dir():
        return None
    entries: dict[tuple[str, str], list[Path]] = {}
    for path in folder.iterdir():
        if path.name.startswith((".", "__")):
            continue  # systems write files such as "._train.csv"
        for ending in endings:
            if path.name.lower().endswith(ending) and path.is_dir() == (ending == ""):
                stem = path.name[: len(path.name) - len(ending)]
                entries.setdefault((plain(stem), ending), []).append(path)
    for name in names:
        for ending in endings:
            found = entries.get((plain(name), ending), [])
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
    """The column that may tell the split, and whether its header is sure; None if there is none."""
    for wanted, sure in ((_SURE, True), (_LIKELY, False)):
        for name in names:
            if plain(name) in wanted:
                return name, sure
    return None
