"""The emotions and their numbers: Table 1 of the paper and AffectNet's ids, the one order of the suite.

Data sets, ``Method.codes`` and the columns of an evaluation number emotions so. A network numbers its
classes as its ``emotions`` list them; ``labels_of`` and ``columns`` are the only ways from one to the
other.
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

# What data and networks may hold: the seven, and the eighth expression of AffectNet (id 7), which only
# networks that list it are trained on. An evaluation is of the seven.
KNOWN: tuple[str, ...] = (*EMOTIONS, "contempt")

# Spellings met in data sets and papers; all lower case.
ALIASES: dict[str, str] = {
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "fear": "fearful",
    "disgust": "disgusted",
    "anger": "angry",
    "neutrality": "neutral",
}

# Colour-blind-safe (Okabe-Ito); one colour per emotion in every figure and page.
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
    """The suite's spelling of an emotion; any other name in lower case, without spaces around it."""
    key = name.strip().lower()
    return ALIASES.get(key, "contempt" if key == "contemptuous" else key)


def index(name: str, known: Sequence[str] = EMOTIONS) -> int:
    """Position of an emotion among ``known``: in Table-1 order; accepts the usual spellings in any case.

    Raises:
        BadInput: the name is none of them.
    """
    key = canonical(name)
    if key not in known:
        raise unknown("emotion", name, known)
    return known.index(key)


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The classes of a network in the suite's spelling, in the network's own order.

    Raises:
        BadInput: fewer than two names, an empty one, or one that is there twice.
    """
    found = tuple(canonical(name) for name in names)
    if len(found) < 2:
        raise BadInput(f"emotions must name two classes or more: {list(names)}; add some")
    if twice := [name for name in dict.fromkeys(found) if not name or found.count(name) > 1]:
        raise BadInput(
            f"emotions must name each class once: {twice[0]!r} is there "
            f"{found.count(twice[0])} times in {','.join(found)}; mend the list"
        )
    return found


def check_known(names: Sequence[str]) -> None:
    """Refuse classes that no data set has.

    Raises:
        BadInput: a name that is not one of ``KNOWN``.
    """
    for name in names:
        if canonical(name) not in KNOWN:
            raise unknown("class in network.emotions", name, KNOWN)


@lru_cache(maxsize=64)
def labels_of(names: tuple[str, ...]) -> tuple[int, ...]:
    """The labels of a network by the suite's number: entry i is its class for ``KNOWN[i]``.

    -1 stands for an emotion that it lacks. A network without any known emotion (an imported one, of
    other domains) is numbered as it lists its classes.

    Args:
        names: the network's ``emotions``, in the order of its labels.
    """
    own = [canonical(name) for name in names]
    if not set(own) & set(KNOWN):
        return tuple(range(len(own)))
    return tuple(own.index(name) if name in own else -1 for name in KNOWN)


def columns(names: Sequence[str], wanted: Sequence[str] = EMOTIONS) -> list[int]:
    """Where each of the ``wanted`` emotions is among ``names``.

    Raises:
        BadInput: one is missing.
    """
    own = [canonical(name) for name in names]
    if lacking := [name for name in wanted if name not in own]:
        raise BadInput(f"no class for {', '.join(lacking)} among {', '.join(own)}")
    return [own.index(name) for name in wanted]


def in_suite_order(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of ``KNOWN``; other names follow, as they come."""
    return tuple(sorted(names, key=lambda n: KNOWN.index(n) if n in KNOWN else len(KNOWN)))
