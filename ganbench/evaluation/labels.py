"""The names of methods in one evaluation: a label in files, and a title in print.

One table can have two checkpoints of one method, so the registered name cannot be the key of a
number. Its key is the label: the registered name, or a word that the user writes before a colon, as
``mine`` in ``mine:gaussian=FILE``. Random draws and stored jobs do not depend on labels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from ganbench.errors import BadInput
from ganbench.registry import METHODS

# A label is a part of names of files, of keys in ``results.json`` and of arguments on a command line.
PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
LONGEST = 64

# Words that mean something else in the same places: rows of tables, all methods, and the judge, which is
# trained as methods are.
RESERVED = frozenset({"all", "judge", "real", "truth"})

# Titles of rows that are not about a method.
MARKS = ("Real", "Real images", "True edits")

# The file ``tsne_LABEL_figure1.png`` stands beside ``tsne_LABEL.png``.
_SUFFIX = "_figure1"


def parse_methods(text: str) -> list[str | tuple[str, str | None]]:
    """Names separated by commas, each perhaps with ``LABEL:`` before and ``=FILE`` after it.

    ``all`` among them stands for the paper's six.

    Raises:
        BadInput: an empty name or file. Labels and names are checked when the methods are loaded.
    """
    found: list[str | tuple[str, str | None]] = []
    for part in text.split(","):
        name, separator, file = (piece.strip() for piece in part.partition("="))
        if not name or (separator and not file):
            raise BadInput(
                f"not a list of methods: {text!r}; write --methods all, or stargan,smit=FILE"
            )
        if name == "all" and not separator:  # a plug-in ships no checkpoint that could be meant
            found += [name for name in METHODS.names() if name in METHODS.first]
        else:
            found.append((name, file or None))
    return found


def split(text: str) -> tuple[str, str]:
    """The label and the registered name in ``LABEL:NAME`` or ``NAME``.

    Raises:
        BadInput: the label is not allowed, or no name follows it.
    """
    label, colon, name = (part.strip() for part in text.partition(":"))
    if not colon or text.strip() in METHODS.names():  # a plug-in may have a colon in its name
        label = name = METHODS.canonical(text.strip())
    elif not name:
        raise BadInput(f"no method after the label: {text!r}; write {label or 'mine'}:gaussian")
    name = METHODS.canonical(name)
    check(label, name)
    return label, name


def check(label: str, name: str) -> None:
    """Refuse a label that cannot name the results of the method ``name``.

    Raises:
        BadInput: not of the pattern, too long, reserved, or the name of another method.
    """
    way_out = f"write LABEL:{name}, where LABEL has letters, digits and . _ + -"
    if not PATTERN.fullmatch(label) or label.lower().endswith((_SUFFIX, ".npy")):
        raise BadInput(f"not a label for results: {label!r}; {way_out}")
    if len(label) > LONGEST:
        raise BadInput(
            f"label of {len(label)} characters: {label[:20]!r}...; give {LONGEST} or fewer"
        )
    if label.lower() in RESERVED:
        raise BadInput(f"reserved label: {label!r} has another meaning; choose another label")
    others = {other.lower() for other in METHODS.names() if other != name}
    if label != name and METHODS.canonical(label).lower() in others:
        raise BadInput(
            f"label of another method: {label!r} would name results of {name}; choose another"
        )


def check_apart(labels: Iterable[str]) -> None:
    """Refuse labels that files cannot keep apart: some file systems take A and a for one name.

    Raises:
        BadInput: two are equal but for upper and lower case.
    """
    labels = list(labels)
    counts = Counter(label.lower() for label in labels)
    twice = list(dict.fromkeys(label for label in labels if counts[label.lower()] > 1))
    if twice:
        raise BadInput(
            f"methods given twice: {', '.join(twice)}; give each checkpoint a different label: "
            "first:NAME=FILE,second:NAME=FILE"
        )


def titles(methods: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The title of each method in print; all titles are different.

    It is the title of the method's class, or ``LABEL (title)`` if the label is not the registered name, or
    if another method or row has the same title.

    Args:
        methods: the registered name and the title of the class, by label.
    """
    long = {label: f"{label} ({title})" for label, (_, title) in methods.items()}
    found = {
        label: title if label == name else long[label] for label, (name, title) in methods.items()
    }
    while True:
        counts = Counter(title.casefold() for title in (*MARKS, *found.values()))
        alike = [
            label
            for label, title in found.items()
            if counts[title.casefold()] > 1 and title != long[label]
        ]
        if not alike:
            return found
        found |= {label: long[label] for label in alike}
