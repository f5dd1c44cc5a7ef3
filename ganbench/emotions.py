"""The seven basic emotions, in the one order used everywhere: Table 1 of the paper and AffectNet ids."""

from __future__ import annotations

from ganbench.errors import unknown

EMOTIONS: tuple[str, ...] = (
    "neutral",
    "happy",
    "sad",
    "surprised",
    "fearful",
    "disgusted",
    "angry",
)

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
    return ALIASES.get(key, key)


def index(name: str) -> int:
    """Position of an emotion in Table-1 order; accepts the usual spellings in any case.

    Raises:
        BadInput: the name is no emotion that ganbench knows.
    """
    key = canonical(name)
    if key not in EMOTIONS:
        raise unknown("emotion", name, EMOTIONS)
    return EMOTIONS.index(key)
