"""Alignment and its inverse, and what pasting leaves alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.faces_in_photos import align, frame_matrix, inverse, paste_back, pasting
from ganbench.faces_in_photos.geometry import (
    FRAME,
    centres,
    moved,
    scale_of,
    similarity,
)
from ganbench.faces_in_photos.pasting import face_mask

SIZE = 64


def face_points(x=150.0, y=120.0, pupils=60.0, turn=0.0):
    """68 points around two eyes ``pupils`` apart and a mouth below them, turned about (x, y)."""
    random = np.random.default_rng(3)
    points = random.normal(0, 0.04, (68, 2))
    for part, place in ((slice(36, 42), (-0.5, 0)), (slice(42, 48), (0.5, 0)), (slice(48, 68), (0, 1.1))):  # fmt: skip
        points[part] += np.array(place) - points[part].mean(0)
        points[part] += random.normal(0, 0.05, points[part].shape)
    c, s = np.cos(turn), np.sin(turn)
    return points @ np.array([[c, s], [-s, c]]) * pupils + (x, y)


def smooth_picture(height=300, width=340):
    """A picture that interpolation reproduces: sums of slow waves, uint8 [H, W, 3]."""
    y, x = np.mgrid[:height, :width]
    waves = [
        np.sin(x / a + c) + np.cos(y / b - c) for a, b, c in ((31, 40, 0), (44, 29, 1), (37, 35, 2))
    ]
    return (np.stack(waves, -1) * 50 + 128).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-3, 3), st.floats(0.2, 6), st.floats(-200, 200), st.floats(-200, 200),
)  # fmt: skip
def test_a_similarity_is_found_again(turn, scale, x, y):
    points = face_points()
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[c, -s, x], [s, c, y]])
    found = similarity(points, moved(points, matrix))
    np.testing.assert_allclose(found, matrix, atol=1e-8 * max(1, scale))
    np.testing.assert_allclose(moved(moved(points, matrix), inverse(matrix)), points, atol=1e-8)
    assert scale_of(found) == pytest.approx(scale)


def test_eyes_come_to_their_places():
    points = face_points(turn=0.4)
    eyes = centres(moved(points, frame_matrix(points, SIZE)))[:2] / SIZE
    np.testing.assert_allclose(eyes, FRAME, atol=1e-9)


@pytest.mark.parametrize(("pupils", "turn"), [(15, 0.0), (19, 0.5), (60, -0.3)])
def test_pasting_undoes_aligning(pupils, turn):
    """The frame of another picture, pasted into a picture, shows the other one in the middle of the ellipse."""
    picture, other = smooth_picture(), smooth_picture()[::-1, ::-1].copy()
    points = face_points(pupils=pupils, turn=turn)
    result, matrix = pasted(
        picture, points, lambda _: align(other, frame_matrix(points, SIZE), SIZE)
    )
    x, y = np.meshgrid(np.arange(340) + 0.5, np.arange(300) + 0.5)
    shares = moved(np.stack([x.ravel(), y.ravel()], 1), matrix) / SIZE
    inside = face_mask(shares).reshape(300, 340) == 1
    assert inside.sum() > 2 * pupils**2
    assert np.abs(picture[inside].astype(int) - other[inside]).mean() > 20
    assert np.abs(result[inside].astype(int) - other[inside]).max() < 5


def test_aligning_is_sampling():
    """A frame with the picture's own pixels is the picture."""
    picture = smooth_picture()
    framed = align(picture, np.array([[1.0, 0, -20], [0, 1, -30]]), SIZE)
    same = framed.permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(same, picture[30 : 30 + SIZE, 20 : 20 + SIZE], atol=1e-3)


def pasted(picture, points, change):
    """The whole photograph after pasting; ``change`` maps the frame's input to its edit."""
    matrix = frame_matrix(points, SIZE)
    before = align(picture, matrix, SIZE)
    part, (left, top, right, bottom) = paste_back(
        picture, before, change(before), matrix, points[None]
    )
    result = picture.copy()
    result[top:bottom, left:right] = part
    return result, matrix


def test_an_edit_without_a_change_leaves_the_photograph_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (300, 340, 3), dtype=np.uint8)
    result, _ = pasted(picture, face_points(), lambda before: before.clone())
    np.testing.assert_array_equal(result, picture)


@pytest.mark.parametrize("turn", [0.0, 0.4])
@pytest.mark.parametrize("place", [(150, 120), (12, 20), (330, 290)])
def test_nothing_changes_outside_the_mask(place, turn):
    picture = np.random.default_rng(0).integers(0, 256, (300, 340, 3), dtype=np.uint8)
    points = face_points(*place, turn=turn)
    result, matrix = pasted(picture, points, lambda before: 1 - before)
    x, y = np.meshgrid(np.arange(340) + 0.5, np.arange(300) + 0.5)
    shares = moved(np.stack([x.ravel(), y.ravel()], 1), matrix) / SIZE
    mask = face_mask(shares).reshape(300, 340)
    np.testing.assert_array_equal(result[mask == 0], picture[mask == 0])
    assert (result[mask > 0.9] != picture[mask > 0.9]).mean() > 0.9


def test_skin_keeps_its_detail_and_a_changed_mouth_is_replaced():
    """The photograph's pattern of single pixels stays on the cheek and goes from the mouth."""
    points = face_points(pupils=80.0)
    y, x = np.mgrid[:300, :340]
    pattern = np.where((x + y) % 2, 40, -40)
    picture = np.repeat((128 + pattern)[..., None], 3, axis=2).astype(np.uint8)
    result, _ = pasted(picture, points, lambda before: before + 0.2)

    def contrast(place):
        x, y = (int(v) for v in place)
        return result[y - 5 : y + 5, x - 5 : x + 5].std()

    mouth = points[48:68].mean(0)
    cheek = points[36:42].mean(0) + np.array([0, 45])
    assert contrast(cheek) > 35
    assert contrast(mouth) < 8
    x, y = (int(v) for v in cheek)
    assert result[y - 5 : y + 5, x - 5 : x + 5].mean() == pytest.approx(128 + 51, abs=3)


def test_one_pixel_is_enough():
    picture = np.full((1, 1, 3), 7, np.uint8)
    points = face_points(0, 0)
    result, _ = pasted(picture, points, lambda before: before.flip(0))
    assert result.shape == (1, 1, 3)
    assert torch.isfinite(align(picture, frame_matrix(points, SIZE), SIZE)).all()


def test_bands_give_what_the_whole_gives(monkeypatch):
    picture, points = smooth_picture(), face_points(turn=0.2)
    whole, _ = pasted(picture, points, lambda before: 1 - before)
    monkeypatch.setattr(pasting, "BAND", 1000)
    bands, _ = pasted(picture, points, lambda before: 1 - before)
    assert np.abs(whole.astype(int) - bands).max() <= 1
