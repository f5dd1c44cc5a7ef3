"""The meaning of labels: orders of emotions for numbers, and spellings of names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ganbench.emotions import EMOTIONS, canonical, index
from ganbench.errors import BadInput, unknown

# AffectNet's labels beyond the seven emotions.
UNUSED = {7: "contempt", 8: "none", 9: "uncertain", 10: "non-face"}
UNUSED_NAMES = {name: number for number, name in UNUSED.items()} | {"contemptuous": 7}

# Unusual names of emotions in lists and folders.
_SPELLINGS = {
    "joy": "happy",
    "joyful": "happy",
    "happiness face": "happy",
    "afraid": "fearful",
    "scared": "fearful",
    "mad": "angry",
    "contemptuousness": "contempt",
    "nonface": "non-face",
    "no face": "non-face",
}


@dataclass(frozen=True)
class LabelOrder:
    """The meaning of each number.

    Attributes:
        name: as the user gave it, such as ``"fer2013"`` or ``"sad,happy"``.
        first: the number of the first name.
        names: emotions, or AffectNet's names of labels that are not used, in the order of the numbers.
    """

    name: str
    first: int
    names: tuple[str, ...]

    def meaning(self, number: int) -> int:
        """The label of a number: 0 to 6 in Table-1 order, or one of ``UNUSED``.

        Raises:
            BadInput: the order has no such number.
        """
        position = number - self.first
        if not 0 <= position < len(self.names):
            ids = ", ".join(f"{self.first + i} {name}" for i, name in enumerate(self.names))
            raise BadInput(
                f"label {number} is not in the label order {self.name!r} ({ids}); give another "
                "--label-order"
            )
        name = self.names[position]
        return UNUSED_NAMES[name] if name in UNUSED_NAMES else EMOTIONS.index(name)


TABLE1 = LabelOrder("table1", 0, (*EMOTIONS, *UNUSED.values()))

# Orders that have a name. FER2013: Goodfellow et al., 2013; RAF-DB: Li et al., 2017.
ORDERS: dict[str, LabelOrder] = {
    "table1": TABLE1,
    "affectnet": LabelOrder("affectnet", 0, TABLE1.names),
    "alphabetical": LabelOrder("alphabetical", 0, tuple(sorted(EMOTIONS))),
    "fer2013": LabelOrder(
        "fer2013", 0, ("angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")
    ),
    "raf-db": LabelOrder(
        "raf-db", 1, ("surprised", "fearful", "disgusted", "happy", "sad", "angry", "neutral")
    ),
}


def parse_order(text: str) -> LabelOrder:
    """A label order by its name, or as a list: ``"sad,happy,..."``; ``"1:sad,..."`` begins with 1.

    Raises:
        BadInput: no such name, or a list that repeats a name or holds a name of no emotion.
    """
    key = text.strip().lower().replace("_", "-").replace(" ", "-")
    key = {"rafdb": "raf-db", "raf": "raf-db", "fer": "fer2013", "fer-2013": "fer2013"}.get(
        key, key
    )
    if key in ORDERS:
        return ORDERS[key]
    first, separator, rest = text.partition(":")
    if separator and not first.strip().isdecimal():
        raise BadInput(f"not a label order: {text!r}; write 1:happy,sad,... for numbers from 1 on")
    words = (rest if separator else text).split(",")
    if len(words) < 2:
        raise unknown("label order", text, [*ORDERS, "NAME,NAME,..."])
    names = tuple(_name(word) for word in words)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(
            f"label order names {', '.join(twice)} twice: {text!r}; name each label once"
        )
    start = int(first) if separator else 0
    return LabelOrder(f"{start}:" * bool(start) + ",".join(names), start, names)


def _name(word: str) -> str:
    label = name_label(word)
    return EMOTIONS[label] if label < len(EMOTIONS) else UNUSED[label]


def name_label(text: str) -> int:
    """The label of an emotion's name in any usual spelling, also behind a number: ``"3_happy"``.

    Returns:
        0 to 6 in Table-1 order, or one of ``UNUSED``.

    Raises:
        BadInput: the name is no label that ganbench knows.
    """
    key = re.sub(r"^\d+[\s._:-]+(?=\D)", "", text.strip().strip("'\"").lower())
    key = _SPELLINGS.get(key, key)
    if key in UNUSED_NAMES:
        return UNUSED_NAMES[key]
    return EMOTIONS.index(canonical(key)) if canonical(key) in EMOTIONS else index(text)


def is_name(text: str) -> bool:
    """Whether a text is an emotion's name in any usual spelling."""
    try:
        name_label(text)
    except BadInput:
        return False
    return True


def is_number(text: str) -> bool:
    """Whether a label is a number, such as ``"3"`` or ``"3.0"``."""
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in ("nan", "inf", "infinity")


def read_label(text: str, order: LabelOrder | None = None) -> int:
    """The label that a number or a name stands for: 0 to 6 in Table-1 order, or one of ``UNUSED``.

    Args:
        text: the label in the data set.
        order: the meaning of numbers; None takes AffectNet's order, which is that of Table 1.

    Raises:
        BadInput: the text is no known name, or a number that the order does not have.
    """
    if not is_number(text):
        return name_label(text)
    number = float(text)
    if not number.is_integer():
        raise BadInput(f"label {text!r} is no AffectNet id and no emotion; give whole numbers")
    if order is None and not 0 <= number <= max(UNUSED):
        raise BadInput(
            f"label {text!r} is no AffectNet id: 0-{len(EMOTIONS) - 1} are {', '.join(EMOTIONS)}, "
            f"{min(UNUSED)}-{max(UNUSED)} unused; say with --label-order what the numbers mean"
        )
    return (order or TABLE1).meaning(int(number))


def check_numbers(texts: Sequence[str], order: LabelOrder | None, where: str) -> None:
    """Refuse labels that are the numbers 1 to 7 without an order: AffectNet's begin with 0.

    Args:
        texts: the distinct labels.
        order: None if the user gave none.
        where: the list or folder, for the message.

    Raises:
        BadInput: the labels are exactly 1 to 7.
    """
    numbers = {float(text) for text in texts if is_number(text)}
    if order is None and numbers == set(range(1, len(EMOTIONS) + 1)):
        raise BadInput(
            f"the labels in {where} are 1 to 7, without 0: AffectNet's begin with 0; say what they "
            "mean: --label-order raf-db, or affectnet if 7 is contempt, or 1:NAME,NAME,..."
        )
