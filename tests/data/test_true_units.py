"""The same face with one action unit at another intensity: the inverse of expressions.action_units."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.data import load_dataset
from ganbench.data.action_units import AU_COLUMNS
from ganbench.data.dataset import Dataset, Subset
from ganbench.data.faces import FacesConfig, sample_face
from ganbench.data.faces.dataset import LazyFaces
from ganbench.data.faces.expressions import (
    ACTION_UNITS,
    LIMITS,
    action_units,
    limits,
    unit_index,
    with_action_unit,
)
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput, Unsupported

HIGHEST = {"AU26_r": LIMITS["jawOpen"]}


def test_units_are_those_of_openface_in_its_order():
    assert tuple(ACTION_UNITS) == AU_COLUMNS


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(AU_COLUMNS), st.floats(0, 1))
def test_a_face_shows_the_intensity_that_was_asked_for_and_nothing_else_moves(
    number, action, share
):
    value = share * HIGHEST.get(action, 1)
    face = sample_face(3, "test", number, EMOTIONS[number % 7])
    moved = face.with_action_unit(action, value)
    assert action_units(moved.units)[action] / 5 == pytest.approx(value, abs=2e-4)
    before, after = (np.array(list(one.units.values())) for one in (face, moved))
    assert (after <= limits() + 1e-4).all()
    behind = [i for part in ACTION_UNITS[action] for i in unit_index(part)]
    others = np.ones(len(before), bool)
    others[behind] = False
    assert (after[others] == before[others]).all()
    # The person and the scene are the same.
    assert moved.with_emotion("neutral") == face.with_emotion("neutral")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(AU_COLUMNS))
def test_a_face_that_shows_the_intensity_already_stays_as_it_is(number, action):
    face = sample_face(3, "test", number, EMOTIONS[number % 7])
    weights = np.array(list(face.units.values()))
    means = [weights[unit_index(part)].mean() for part in ACTION_UNITS[action]]
    assert (with_action_unit(weights, action, min(max(means), 1)) == weights).all()


def test_what_is_lopsided_stays_lopsided_within_the_limits():
    weights = np.zeros(52)
    left, right = unit_index("mouthSmile")
    weights[left], weights[right] = 0.5, 0.3
    for value, expected in ((0.6, (0.7, 0.5)), (0.05, (0.1, 0.0)), (0.0, (0.0, 0.0))):
        found = with_action_unit(weights, "AU12_r", value)
        assert found[[left, right]] == pytest.approx(expected)
    weights[left], weights[right] = 1.7, 0.1
    assert with_action_unit(weights, "AU12_r", 1.0)[[left, right]] == pytest.approx((1.7, 0.3))


def test_intensities_of_tensors_reach_the_limit():
    highest = float(torch.tensor(0.8))
    assert highest > 0.8
    weights = with_action_unit(np.zeros(52), "AU26_r", highest)
    assert weights[unit_index("jawOpen")] == 0.8


def test_lips_part_by_the_lower_lip_and_close_by_all_that_opens_them():
    weights = np.zeros(52)
    lips = unit_index("mouthLowerDown")
    assert np.flatnonzero(with_action_unit(weights, "AU25_r", 0.4)).tolist() == lips
    weights[unit_index("jawOpen")] = 0.6
    weights[unit_index("mouthUpperUp")] = 0.3
    closed = with_action_unit(weights, "AU25_r", 0.2)
    assert closed[unit_index("jawOpen")] == pytest.approx(0.2)
    assert closed[unit_index("mouthUpperUp")] == pytest.approx(0.2)
    assert (closed[lips] == 0).all()


@pytest.mark.parametrize(
    ("action", "value", "said"),
    [
        ("AU26_r", 0.9, "AU26_r must be in 0 to 0.8 for a rendered face: 0.9"),
        ("AU12_r", -0.1, "0 to 1"),
        ("AU12_r", float("nan"), "0 to 1"),
        ("AU99_r", 0.5, "AU99_r"),
    ],
)
def test_what_no_face_shows_is_refused(action, value, said):
    with pytest.raises(BadInput, match=said):
        sample_face(0, "test", 0, "sad").with_action_unit(action, value)


def test_data_sets_render_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    faces = load_dataset("faces", "test", size=16, train=7, test=7)
    lazy = LazyFaces("test", FacesConfig(size=16, train=7, test=7))
    torch.testing.assert_close(lazy.action_units(range(7)), faces.action_units(range(7)))
    rows = np.array([4, 2])
    for data, indices in ((faces, rows), (lazy, rows), (Subset(faces, rows, "x", ""), [0, 1])):
        assert data.has_true_units
        images, regions = data.true_units(indices, AU_COLUMNS.index("AU26_r"), 0.8)
        assert images.shape == (2, 3, 16, 16)
        assert regions.shape == (2, 16, 16)
        known = faces.true_units(rows, AU_COLUMNS.index("AU26_r"), 0.8)
        assert torch.equal(images, known[0])
    assert (images - faces.images(rows)).abs().amax((1, 2, 3)).min() > 0.05
    for unit in (-1, 17):
        with pytest.raises(BadInput, match="must be 0 to 16"):
            faces.true_units([0], unit, 0.5)


def test_photographs_have_none(tiny_faces):
    photographs: Dataset = tiny_faces(7)
    assert not photographs.has_true_units
    with pytest.raises(Unsupported, match="only rendered faces know them"):
        photographs.true_units([0], 0, 0.5)
