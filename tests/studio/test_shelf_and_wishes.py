"""The studio's photographs in memory, and what its requests may say."""

import numpy as np
import pytest

from ganbench.data import pictures
from ganbench.errors import BadInput
from ganbench.faces_in_photos import Face
from ganbench.photographs.files import Photograph
from ganbench.photographs.framed import NewFace, framed, pasted
from ganbench.studio import shelf
from ganbench.studio.shelf import Gone, OpenPhotograph, Shelf
from ganbench.studio.wishes import Wish, file_name

STORED = pictures.Stored(None, None, "PNG", 1, None, b"", None, None, -1, False)


def photograph(tab="a", height=10, width=10):
    seen = np.zeros((height, width, 3), np.uint8)
    return OpenPhotograph(tab, "photo.png", Photograph(seen, STORED, ()), ())


def kept(shelf_, ones):
    found = []
    for one in ones:
        try:
            found.append(shelf_.get(one.id) is one)
        except Gone:
            found.append(False)
    return found


def test_a_tab_keeps_the_photographs_it_used_last():
    held, other = Shelf(), photograph("b")
    held.put(other)
    ones = [photograph() for _ in range(shelf.PER_TAB)]
    for one in ones:
        held.put(one)
    held.get(ones[0].id)  # used again
    last = photograph()
    held.put(last)
    assert kept(held, [*ones, last, other]) == [True, False, True, True, True, True]


def test_all_tabs_together_have_a_limit_but_one_photograph_always_stays(monkeypatch):
    monkeypatch.setattr(shelf, "PIXELS", 250)
    held, ones = Shelf(), [photograph(tab) for tab in "abc"]
    for one in ones:
        held.put(one)
    assert kept(held, ones) == [False, True, True]
    large = photograph("d", 100)
    held.put(large)
    assert kept(held, [*ones, large]) == [False, False, False, True]


def points():
    """68 landmarks of a face in a picture of 900 x 600, its eyes tilted by some degrees."""
    marks = np.random.default_rng(0).uniform((330, 260), (520, 420), (68, 2))
    marks[36:42], marks[42:48] = (360, 250), (480, 262)
    return marks


def test_a_view_shows_the_pasted_pixels_of_the_photograph(monkeypatch):
    """Pasting into a view of the same scale gives the photograph's pixels, and a smaller view their means."""
    import torch

    random = np.random.default_rng(1)
    coarse = random.integers(60, 200, (12, 18, 3), dtype=np.uint8)
    seen = np.asarray(pictures.Image.fromarray(coarse).resize((900, 600), 3))
    face = Face(np.array([300.0, 180, 540, 460]), 0.9, points())
    one = OpenPhotograph("a", "photo.png", Photograph(seen, STORED, ()), (face,))
    frame = framed(seen, face, 64)
    after = (
        frame.before + 0.1 * torch.rand(3, 8, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)
    ).clamp(0, 1)
    edit = NewFace(after, np.random.default_rng(2).uniform(10, 50, (68, 2)))
    whole = pasted(seen, [frame], [edit])
    for most, allowed in ((2000, 0), (150, 4)):
        monkeypatch.setattr(shelf, "CLOSE", most)
        one._views.clear()
        near = one.close(0, 64)
        left, top, right, bottom = near.box
        shown = pasted(near.pixels, [frame.seen_through(near.scale, near.corner)], [edit])
        expected = shelf.view(whole, near.box, most).pixels
        assert max(shown.shape) == min(most, max(right - left, bottom - top))
        assert np.abs(shown.astype(int) - expected).max() <= allowed + (most == 2000)
        assert np.abs(shown.astype(int) - near.pixels).max() > 8


GOOD = {"photo": "x", "method": "smit", "emotion": "sad"}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"photo": None}, "photo must be a text: None"),
        ({"method": 3}, "method must be a text: 3"),
        ({"emotion": ["sad"]}, "emotion must be a text"),
        ({"code": 1}, "code must be a text"),
        ({"face": "1"}, "face must be a whole number"),
        ({"face": True}, "face must be a whole number"),
        ({"seed": 1.0}, "seed must be a whole number"),
        ({"seed": -1}, "seed is out of range"),
        ({"seed": 2**32}, "seed is out of range"),
        ({"intensity": 1.5}, "intensity must be a number from 0 to 1"),
        ({"intensity": float("nan")}, "intensity must be a number from 0 to 1"),
        ({"intensity": True}, "intensity must be a number from 0 to 1"),
        ({"code": "0,0"}, "one goal"),
        ({"emotion": None}, "one goal"),
        (
            {"emotion": None, "code": "0,0", "intensity": 0.5},
            "intensity is the share of an emotion",
        ),
        ({"checkpoint": "/etc/passwd"}, "unknown field: 'checkpoint'"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(change, line):
    with pytest.raises(BadInput, match=line):
        Wish.parse(GOOD | change)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"emotion": "all"}, "one emotion"),
        ({"emotion": "joy"}, "unknown emotion"),
        ({"emotion": None, "code": "2,0"}, "outside the conditional plane"),
        ({"emotion": None, "code": "1"}, "no code of two numbers"),
    ],
)
def test_a_goal_that_a_method_lacks_is_refused(change, line, tiny_method):
    with pytest.raises(BadInput, match=line):
        Wish.parse(GOOD | change).goal(tiny_method("gaussian"))


def test_names_of_files_stay_where_they_can():
    assert file_name("Holiday (2)'s.jpg") == "Holiday (2)'s.jpg"
    assert file_name("/etc/../photo.png") == "photo.png"
    assert file_name("C:\\me\\photo.png") == "photo.png"
    assert file_name("a\n\u202eb.png") == "ab.png"
    assert file_name("") == file_name("..") == file_name("a/..") == "photograph"
    assert len(file_name("ä" * 400 + ".jpg").encode()) <= 200
    assert file_name("ä" * 400 + ".jpg").endswith(".jpg")
