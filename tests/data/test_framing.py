"""One rule brings pictures, and their region maps, to a square."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import encoded, scene
from PIL import Image
from test_picture_reader import dataset

from ganbench.data import load_dataset
from ganbench.data.framing import framing_note, map_to_square, mismatch, to_square
from ganbench.data.listing import Listing
from ganbench.data.pictures import decode_map
from ganbench.data.table import TableDataset
from ganbench.errors import BadInput

SIDES = st.integers(1, 40)


@given(SIDES, SIDES, st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_the_centre_is_cut_out_and_resampled(width, height, size):
    picture = scene(width, height)
    pixels, side = np.asarray(picture), min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    middle = Image.fromarray(pixels[top : top + side, left : left + side].copy())
    expected = middle.resize((size, size), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(
        np.asarray(to_square(picture, size, "centre")), np.asarray(expected)
    )
    # Pixels outside of the square do not matter.
    painted = np.zeros_like(pixels)
    painted[top : top + side, left : left + side] = pixels[top : top + side, left : left + side]
    np.testing.assert_array_equal(
        np.asarray(to_square(Image.fromarray(painted), size, "centre")), np.asarray(expected)
    )
    stretched = picture.resize((size, size), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(
        np.asarray(to_square(picture, size, "stretch")), np.asarray(stretched)
    )


@given(st.integers(1, 40), st.sampled_from(["centre", "stretch"]))
@settings(max_examples=20, deadline=None)
def test_a_square_of_the_right_size_is_untouched(size, framing):
    picture = scene(size, size)
    assert to_square(picture, size, framing) is picture


@given(SIDES, SIDES, st.integers(1, 3), st.sampled_from(["centre", "stretch"]))
@settings(max_examples=60, deadline=None)
def test_a_region_map_is_cut_where_its_picture_is(width, height, factor, framing):
    size = min(width, height)
    values = np.random.default_rng(0).integers(0, 5, (height, width), dtype=np.uint8)
    labels = Image.fromarray(values)
    framed = np.asarray(map_to_square(labels, size, framing, (width, height)))
    if framing == "centre":
        np.testing.assert_array_equal(framed, np.asarray(to_square(labels, size, framing)))
    # A finer map of the same picture shows the same.
    fine = Image.fromarray(values.repeat(factor, 0).repeat(factor, 1))
    shown = np.asarray(map_to_square(fine, size, framing, (width, height)))
    if framing == "centre":
        np.testing.assert_array_equal(shown, framed)
    assert set(shown.ravel()) <= set(values.ravel())


def test_a_map_of_other_proportions_covers_its_picture():
    values = np.zeros((16, 16), np.uint8)
    values[:, :4] = 4  # the left quarter of the picture
    made = decode_map(encoded(Image.fromarray(values), "PNG"), 16, "centre", (32, 16))
    assert not made.any()  # the middle square does not show it
    whole = decode_map(encoded(Image.fromarray(values), "PNG"), 16, "stretch", (32, 16))
    np.testing.assert_array_equal(whole, values)


def photos(folder, **options):
    for name, extent in (("a.png", (32, 20)), ("b.png", (20, 20)), ("c.png", (10, 31))):
        scene(*extent).save(folder / name)
    return dataset(folder, ["a.png", "b.png", "c.png"], **options)


def test_framing_is_part_of_the_fingerprint_and_said(tmp_path):
    centre, stretch = photos(tmp_path), photos(tmp_path, framing="stretch")
    assert centre.framing == "centre"
    assert centre.fingerprint != stretch.fingerprint
    assert not np.array_equal(centre.images([0]), stretch.images([0]))
    assert np.array_equal(centre.images([1]), stretch.images([1]))
    assert centre.notes == [
        "2 images are not square, of 3: their middle square is cut out (--framing centre; or stretch)"
    ]
    assert "they are stretched to a square (--framing stretch; or centre)" in stretch.notes[0]
    assert framing_note(0, 3, "centre") == ""
    with pytest.raises(BadInput, match=r"unknown framing: 'crop'.*known: centre, stretch"):
        photos(tmp_path, framing="crop")
    with pytest.raises(BadInput, match="unknown framing"):
        load_dataset("faces", framing="fit")


def test_maps_and_pictures_stay_together(tmp_path):
    data = photos(tmp_path)
    values = np.zeros((20, 32), np.uint8)
    values[:, 16:] = 3
    (tmp_path / "regions").mkdir()
    Image.fromarray(values).save(tmp_path / "regions/a.png")
    frame = data.frame.iloc[:1].assign(regions="regions/a.png")
    listing = Listing("photos", "train", tmp_path, frame)
    for framing in ("centre", "stretch"):
        for keep_bytes in (0, 1 << 30):
            framed = TableDataset(listing, size=20, framing=framing, keep_bytes=keep_bytes)
            regions = framed.regions([0])[0]
            assert (regions[:, :10] == 0).all()
            assert (regions[:, 10:] == 3).all()


def test_a_checkpoint_of_another_framing_is_told(tmp_path):
    card = {"data": {"name": "photos", "framing": "stretch"}}
    assert "'stretch', and these are of framing 'centre': give --framing stretch" in mismatch(
        "StarGAN", card, "centre"
    )
    assert mismatch("StarGAN", card, "stretch") == ""
    assert mismatch("StarGAN", card, "") == ""
    before = {"data": {"name": "photos"}}  # a card of a version in which framing had no name
    assert "of framing 'stretch'" in mismatch("StarGAN", before, "centre")
    for unknown in ({}, {"data": {"name": "faces"}}, {"data": None}):
        assert mismatch("StarGAN", unknown, "centre") == ""
