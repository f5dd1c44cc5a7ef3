import io

import numpy as np
import pytest
from PIL import Image

from ganbench.evaluation.samples import Cloud, cloud
from ganbench.figures import feature_map
from ganbench.figures.page import to_png

K = 7


def blobs(name, n=8, seed=0):
    """A cloud of n points of each emotion around seven centres."""
    random = np.random.default_rng(seed)
    centres = 20 * np.random.default_rng(9).standard_normal((K, 5))
    labels = np.repeat(np.arange(K), n)
    features = centres[labels] + random.standard_normal((K * n, 5))
    return Cloud(name, "", name, features.astype(np.float32), labels)


@pytest.fixture(scope="module")
def placed():
    clouds = [blobs("real"), blobs("smit", seed=1)]
    return clouds, feature_map.place(clouds, seed=1)


def test_one_map_keeps_the_emotions_of_all_clouds_together(placed):
    clouds, (real, edits) = placed
    assert real.shape == edits.shape == (56, 2)
    centres = np.array([real[clouds[0].labels == c].mean(0) for c in range(K)])
    nearest = np.linalg.norm(edits[:, None] - centres, axis=2).argmin(1)
    assert (nearest == clouds[1].labels).mean() > 0.95


def test_the_map_is_repeatable(placed):
    clouds, positions = placed
    again = feature_map.place(clouds, seed=1)
    assert all((a == b).all() for a, b in zip(positions, again, strict=True))


def test_maps_are_drawn(placed):
    real, edits = zip(*placed, strict=True)
    everything = np.concatenate(placed[1])
    for figure in (
        feature_map.draw_method(real, edits, everything),
        feature_map.draw_figure1(real, edits, edits, everything),
    ):
        with Image.open(io.BytesIO(to_png(figure))) as image:
            assert image.width == 1440


def test_clouds_are_thinned_evenly():
    features, labels = blobs("real", 200).features, np.repeat(np.arange(K), 200)
    found = cloud("real", "", "Real", {"features": features}, labels, seed=0)
    assert np.bincount(found.labels).tolist() == [100] * K
    thinned = feature_map.thin([found] * 10)
    assert sum(len(c.labels) for c in thinned) <= feature_map.BUDGET
    assert np.unique(np.bincount(thinned[0].labels)).size == 1


def test_clouds_of_edits_take_the_target_as_label():
    features = np.arange(14, dtype=np.float32).reshape(2, K, 1)
    targets = np.broadcast_to(np.arange(K), (2, K))
    found = cloud("smit", "anchor", "SMIT", {"features": features}, targets, seed=0)
    assert (found.features[:, 0] % K == found.labels).all()


def test_edits_that_are_all_one_picture_are_one_point_and_do_not_bend_the_map():
    real = blobs("real", 10)
    noise = 1e-6 * np.random.default_rng(0).normal(size=real.features.shape)  # of other batches
    features = (real.features[:1] + 0.5 + noise).astype(np.float32)
    same = Cloud("x", "anchor", "X", features, real.labels)
    positions, edits = feature_map.place([real, same])
    assert len(np.unique(edits, axis=0)) == 1
    ((_, _, n),) = feature_map.shared_places(edits)
    assert n == 70
    note = " 70 of 70 edits have the same features as another edit, and the edits lie at 1 place."
    assert feature_map.shared_places_note(edits).startswith(note)
    # The map of the others is the one with a single edit, but for the mean that is subtracted.
    alone, _ = feature_map.place([real, same.take(np.array([0]))])
    assert np.ptp(alone - positions, axis=0).max() < 2
    everything = np.concatenate([positions, edits])
    figure = feature_map.draw_method((real, positions), (same, edits), everything)
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["x 70", "x 70"]


def test_different_pictures_are_different_points(placed):
    clouds, (_, edits) = placed
    features = np.concatenate([cloud.features for cloud in clouds]).astype(np.float64)
    assert (feature_map.representatives(features) == np.arange(112)).all()
    assert feature_map.shared_places(edits) == []
    assert feature_map.shared_places_note(edits) == ""


@pytest.mark.parametrize("different", [1, 2])
def test_a_map_of_hardly_any_different_points(different):
    labels = np.arange(14) % K
    ones = Cloud("real", "", "Real", np.ones((14, 5), np.float32), labels)
    other = Cloud("x", "anchor", "X", np.full((14, 5), 2 - different, np.float32), labels)
    positions = np.concatenate(feature_map.place([ones, other]))
    assert positions.shape == (28, 2)
    assert len(np.unique(positions, axis=0)) == different
    assert np.isfinite(positions).all()
