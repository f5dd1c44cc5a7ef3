"""The seven emotions and their spellings."""

from __future__ import annotations

import re

import pytest

import ganbench
from ganbench.emotions import ALIASES, COLOURS, EMOTIONS, index
from ganbench.errors import BadInput


def test_the_order_is_that_of_table_1():
    assert ganbench.EMOTIONS == (
        "neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("neutral", 0), ("Happy", 1), ("SADNESS", 2), (" surprise ", 3), ("Fear", 4), ("disgust", 5),
        ("Anger", 6), ("happiness", 1), ("neutrality", 0), ("surprised\n", 3),
    ],
)  # fmt: skip
def test_usual_spellings(spelling, expected):
    assert index(spelling) == expected


def test_every_name_and_alias_is_known():
    assert [index(name) for name in EMOTIONS] == list(range(7))
    for alias, name in ALIASES.items():
        assert alias == alias.lower()
        assert index(alias) == EMOTIONS.index(name)


@pytest.mark.parametrize(("name", "hint"), [("hapy", "happy"), ("angr", "angry"), ("Surprized", "surprised")])  # fmt: skip
def test_near_misses_get_a_hint(name, hint):
    with pytest.raises(BadInput, match=f"unknown emotion: '{name}'; did you mean '{hint}'"):
        index(name)


@pytest.mark.parametrize("name", ["", "contempt", "3"])
def test_what_is_no_emotion(name):
    with pytest.raises(BadInput, match=f"unknown emotion: '{name}'; .*known: angry, disgusted, "):
        index(name)


def test_each_emotion_has_a_colour_of_its_own():
    assert tuple(COLOURS) == EMOTIONS
    assert len(set(COLOURS.values())) == 7
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in COLOURS.values())
