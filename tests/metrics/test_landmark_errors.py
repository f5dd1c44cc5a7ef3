"""Distances of landmarks, computed by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import nearer, part_distances
from ganbench.metrics.landmarks import PARTS, RELIABLE


def face(seed=0):
    points = np.random.default_rng(seed).uniform(size=(68, 2))
    points[36], points[45] = (0.3, 0.3), (0.7, 0.3)  # the outer corners of the eyes are 0.4 apart
    return points


def test_parts_cover_all_points_once():
    found = np.concatenate([np.arange(68)[part] for part in PARTS.values()])
    assert sorted(found) == list(range(68))


def test_a_part_that_moves_counts_for_itself_and_by_its_points_for_all():
    right = face()
    moved = right.copy()
    moved[PARTS["mouth"], 0] += 0.04
    found = part_distances(moved, right)
    assert found["mouth"] == pytest.approx(0.1)
    assert [found[part] for part in ("brows", "jaw", "eyes", "nose")] == [0] * 4
    assert found[""] == pytest.approx(0.1 * 20 / (10 + 20 + 17))


def test_eyes_and_nose_are_not_in_the_headline():
    right = face()
    for part in set(PARTS) - set(RELIABLE):
        moved = right.copy()
        moved[PARTS[part]] += 1
        moved[[36, 45]] = right[[36, 45]]
        assert part_distances(moved, right)[""] == 0


@given(st.integers(0, 99), st.floats(0.1, 50), st.floats(-3, 3))
def test_the_unit_is_the_faces_own(seed, scale, angle):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a, b = face(seed), face(seed + 1)
    before, after = part_distances(a, b), part_distances(a @ turn, b @ turn)
    for name, value in before.items():
        assert after[name] == pytest.approx(value, rel=1e-9)


def test_an_edit_that_hardly_differs_from_the_input_is_not_nearer():
    assert nearer([0.01, 0.0499999, 0.05, 0.06], [0.05] * 4).tolist() == [True, False, False, False]


def test_shapes_are_those_of_broadcasting_and_a_face_without_eyes_has_no_distance():
    edits = np.stack([[face(1)] * 7] * 3)
    right = np.stack([face(2)] * 3)[:, None]
    assert part_distances(edits, right)["jaw"].shape == (3, 7)
    assert np.isnan(part_distances(face(1), np.zeros((68, 2)))[""])
    with pytest.raises(BadInput, match="68"):
        part_distances(np.zeros((5, 2)), face())
