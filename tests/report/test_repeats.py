"""Edits that are all one picture are one point of the map, with their number, and do not bend it."""

from __future__ import annotations

import numpy as np

from ganbench.evaluation.samples import Cloud
from ganbench.figures import feature_map

K = 7


def clouds(same: bool) -> list[Cloud]:
    random = np.random.default_rng(0)
    labels = np.arange(70) % K
    real = random.normal(size=(70, 12)).astype(np.float32) + 3 * labels[:, None]
    one = np.repeat(real[:1] + 0.5, 70, axis=0)
    # The same picture in other batches: other last bits.
    noise = 1e-6 * random.normal(size=one.shape).astype(np.float32)
    edits = one + noise if same else random.normal(size=(70, 12)).astype(np.float32)
    return [Cloud("real", "", "Real", real, labels), Cloud("x", "anchor", "X", edits, labels)]


def test_one_picture_is_one_point():
    made = clouds(same=True)
    real, edits = feature_map.place(made)
    assert len(np.unique(edits, axis=0)) == 1
    ((_, _, n),) = feature_map.shared_places(edits)
    assert n == 70
    assert "70 of 70 edits have the same features as another edit, and the edits lie at 1 place." in feature_map.shared_places_note(edits)  # fmt: skip
    # The map of the others is the one with a single edit.
    alone, _ = feature_map.place([made[0], made[1].take(np.array([0]))])
    assert np.ptp(alone - real, axis=0).max() < 2  # but for the mean, which is subtracted
    figure = feature_map.draw_method(
        (made[0], real), (made[1], edits), np.concatenate([real, edits])
    )
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["x 70", "x 70"]


def test_different_pictures_are_left_alone():
    made = clouds(same=False)
    features = np.concatenate([cloud.features for cloud in made]).astype(np.float64)
    assert (feature_map.representatives(features) == np.arange(140)).all()
    _, edits = feature_map.place(made)
    assert feature_map.shared_places(edits) == []
    assert feature_map.shared_places_note(edits) == ""


def test_hardly_any_different_points():
    labels = np.arange(14) % K
    flat = Cloud("real", "", "Real", np.ones((14, 5), np.float32), labels)
    other = Cloud("x", "anchor", "X", np.zeros((14, 5), np.float32), labels)
    real, edits = feature_map.place([flat, other])
    assert len(np.unique(np.concatenate([real, edits]), axis=0)) == 2
    assert np.isfinite(real).all()
