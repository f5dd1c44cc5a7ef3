import io

import numpy as np
import pytest
from PIL import Image

from ganbench.evaluation.samples import Cloud, cloud
from ganbench.figures import feature_map
from ganbench.figures.grid import grid
from ganbench.figures.page import to_png


def blobs(n=8, seed=0):
    random = np.random.default_rng(seed)
    centres = 20 * np.random.default_rng(9).standard_normal((7, 5))
    labels = np.repeat(np.arange(7), n)
    features = centres[labels] + random.standard_normal((7 * n, 5))
    return features.astype(np.float32), labels


@pytest.fixture(scope="module")
def placed():
    clouds = [Cloud(name, "", name, *blobs(seed=i)) for i, name in enumerate(("real", "smit"))]
    return clouds, feature_map.place(clouds, seed=1)


def test_one_map_keeps_emotions_together_across_makers(placed):
    clouds, (real, edits) = placed
    assert real.shape == edits.shape == (56, 2)
    centres = np.array([real[clouds[0].labels == c].mean(0) for c in range(7)])
    nearest = np.linalg.norm(edits[:, None] - centres, axis=2).argmin(1)
    assert (nearest == clouds[1].labels).mean() > 0.95


def test_the_map_is_repeatable(placed):
    clouds, positions = placed
    again = feature_map.place(clouds, seed=1)
    assert all((a == b).all() for a, b in zip(positions, again, strict=True))


def test_maps_are_drawn(placed):
    clouds, positions = placed
    real, edits = zip(clouds, positions, strict=True)
    everything = np.concatenate(positions)
    for figure in (
        feature_map.draw_method(real, edits, everything),
        feature_map.draw_figure1(real, edits, edits, everything),
    ):
        with Image.open(io.BytesIO(to_png(figure))) as image:
            assert image.width == 1440


def test_clouds_are_thinned_evenly():
    features, labels = blobs(200)
    found = cloud("real", "", "Real", {"features": features}, labels, seed=0)
    assert np.bincount(found.labels).tolist() == [100] * 7
    thinned = feature_map.thin([found] * 10)
    assert sum(len(c.labels) for c in thinned) <= feature_map.BUDGET
    assert np.unique(np.bincount(thinned[0].labels)).size == 1


def test_clouds_of_edits_take_the_target_as_label():
    features = np.arange(14, dtype=np.float32).reshape(2, 7, 1)
    targets = np.broadcast_to(np.arange(7), (2, 7))
    found = cloud("smit", "anchor", "SMIT", {"features": features}, targets, seed=0)
    assert (found.features[:, 0] % 7 == found.labels).all()


def test_grids_show_every_face_crisp_and_in_its_place():
    random = np.random.default_rng(0)
    inputs = random.integers(0, 255, (2, 3, 1, 1), np.uint8).repeat(32, 2).repeat(32, 3)
    edits = random.integers(0, 255, (2, 7, 3, 1, 1), np.uint8).repeat(32, 3).repeat(32, 4)
    with Image.open(io.BytesIO(to_png(grid("SMIT", inputs, np.array([0, 3]), edits)))) as image:
        pixels = np.asarray(image.convert("RGB"))
    for i in range(2):
        for j, face in enumerate([inputs[i], *edits[i]]):
            y, x = 76 + 134 * i + 64, 40 + 134 * j + (12 if j else 0) + 64
            assert (
                abs(pixels[y - 50 : y + 50, x - 50 : x + 50].astype(int) - face[:, 0, 0]).max() <= 1
            )


def test_large_pictures_are_not_enlarged():
    big = np.zeros((1, 3, 256, 256), np.uint8)
    figure = grid("x", big, np.array([0]), big[:, None].repeat(7, 1))
    assert figure.get_figwidth() * figure.dpi == pytest.approx(40 + 8 * 262 + 12)
