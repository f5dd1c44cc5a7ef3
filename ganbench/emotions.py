"""The emotions and their order, which is that of Table 1 of the paper and of AffectNet's ids.

Data sets, ``Method.codes`` and the columns of an evaluation use this order. A network orders its classes as
in its ``emotions``; ``labels_of`` and ``columns`` convert from one order to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ganbench.errors import BadInput, unknown

EMOTIONS: tuple[str, ...] = (
    "neutral",
    "happy",
    "sad",
    "surprised",
    "fearful",
    "disgusted",
    "angry",
)

# Emotions that data and networks may have: the seven, and AffectNet's eighth expression (id 7). Only
# networks that list it are trained on it. Evaluations use the seven.
KNOWN: tuple[str, ...] = (*EMOTIONS, "contempt")

# Other names in data sets and papers, in lower case.
ALIASES: dict[str, str] = {
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "fearful",
    "disgust": "disgusted",
    "anger": "angry",
    "neutrality": "neutral",
}

# The colour of each emotion in figures and pages, from the palette of Okabe and Ito for the colour-blind.
COLOURS: dict[str, str] = {
    "neutral": "#7f7f7f",
    "happy": "#e69f00",
    "sad": "#0072b2",
    "surprised": "#56b4e9",
    "fearful": "#cc79a7",
    "disgusted": "#009e73",
    "angry": "#d55e00",
}


def canonical(name: str) -> str:
    """The name of an emotion in ``KNOWN``; other names are returned in lower case, without outer spaces."""
    key = name.strip().lower()
    return ALIASES.get(key, "contempt" if key == "contemptuous" else key)


def index(name: str, known: Sequence[str] = EMOTIONS) -> int:
    """Position of an emotion in ``known``; aliases and upper case are accepted.

    Raises:
        BadInput: the emotion is not in ``known``.
    """
    key = canonical(name)
    if key not in known:
        raise unknown("emotion", name, known)
    return known.index(key)


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The classes of a network with the names of ``KNOWN``, in the network's order.

    Raises:
        BadInput: there are fewer than two names, or a name is empty or repeated.
    """
    classes = tuple(canonical(name) for name in names)
    if len(classes) < 2:
        raise BadInput(f"emotions must name two classes or more: {list(names)}; add some")
    if twice := [name for name in classes if not name or classes.count(name) > 1]:
        raise BadInput(
            f"emotions must name each class once: {twice[0]!r} is there "
            f"{classes.count(twice[0])} times in {','.join(classes)}; correct the list"
        )
    return classes


def check_known(names: Sequence[str]) -> None:
    """Refuse classes that no data set has.

    Raises:
        BadInput: a name is not in ``KNOWN``.
    """
    for name in names:
        if canonical(name) not in KNOWN:
            raise unknown("class in network.emotions", name, KNOWN)


@lru_cache(maxsize=64)
def labels_of(names: tuple[str, ...]) -> tuple[int, ...]:
    """The label of a network for each emotion of ``KNOWN``; -1 if the network lacks the emotion.

    For a network without any emotion (an imported one, for other domains) these are its labels in order.

    Args:
        names: the network's ``emotions``, in the order of its labels.
    """
    classes = [canonical(name) for name in names]
    if not set(classes) & set(KNOWN):
        return tuple(range(len(classes)))
    return tuple(classes.index(name) if name in classes else -1 for name in KNOWN)


def columns(names: Sequence[str], wanted: Sequence[str] = EMOTIONS) -> list[int]:
    """The position of each of the ``wanted`` emotions in ``names``.

    Raises:
        BadInput: an emotion is missing.
    """
    classes = [canonical(name) for name in names]
    if lacking := [name for name in wanted if name not in classes]:
        raise BadInput(f"no class for {', '.join(lacking)} among {', '.join(classes)}")
    return [classes.index(name) for name in wanted]


def in_suite_order(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of ``KNOWN``; other names follow in the given order."""
    return tuple(sorted(names, key=lambda n: KNOWN.index(n) if n in KNOWN else len(KNOWN)))
