"""The shipped whitening: that it is what its tool makes, and that it tells rendered persons apart."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from ganbench.data.faces import render_many, sample_face
from ganbench.emotions import EMOTIONS
from ganbench.faces_in_photos import load_face_networks
from ganbench.faces_in_photos.framed import describe
from ganbench.faces_in_photos.whitening import FILE, load_whitening
from ganbench.metrics import cosine_similarity, fit_whitening, found_again, whitened

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def networks():
    return load_face_networks("cpu")


@pytest.fixture(scope="module")
def persons():
    """14 test persons."""
    return [sample_face(0, "test", i, EMOTIONS[i % 7]) for i in range(14)]


@pytest.fixture(scope="module")
def described(networks, persons):
    """What the networks say of each person as happy, as sad, and of the next person in the same scene."""
    others = [*persons[1:], persons[0]]
    pictures = [
        face
        for person, other in zip(persons, others, strict=True)
        for face in (
            person.with_emotion("happy"),
            person.with_emotion("sad"),
            person.with_person(other).with_emotion("happy"),
        )
    ]
    found = describe(networks, render_many(pictures, 64)[0])
    return {name: array.reshape(14, 3, *array.shape[1:]) for name, array in found._asdict().items()}


def tool():
    spec = importlib.util.spec_from_file_location("fit_whitening", ROOT / "tools/fit_whitening.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_tool_makes_the_shipped_file():
    shipped = load_whitening()
    mean, matrix = fit_whitening(tool().describe_persons())
    assert mean == pytest.approx(shipped.mean, abs=1e-4)
    # Another processor adds in another order.
    assert np.abs(matrix - shipped.matrix).max() < 1e-3 * np.abs(shipped.matrix).max()


def test_the_file_says_where_it_comes_from():
    with safe_open(ROOT / "ganbench/faces_in_photos" / FILE, "np") as file:
        assert "LICENSE_FACES" in file.metadata()["notice"]
    mean, matrix, fingerprint = load_whitening()
    assert (mean.shape, matrix.shape) == ((128,), (128, 128))
    assert np.abs(matrix - matrix.T).max() < 1e-5 * np.abs(matrix).max()
    text = (ROOT / "ganbench/faces_in_photos/LICENSE_FACES.md").read_text()
    assert fingerprint in text


def test_expression_counts_less_than_the_person(described):
    mean, matrix, _ = load_whitening()
    white = whitened(described["descriptor"], mean, matrix)
    same = cosine_similarity(white[:, 0], white[:, 1])
    other = cosine_similarity(white[:, 0], white[:, 2])
    assert (same[:, None] > other).mean() > 0.95
    assert same.mean() > 0.4
    assert abs(other.mean()) < 0.2
    assert found_again(white[:, 0], white[:, 1:2]).mean() > 0.9
    # The plain descriptors hardly tell them apart.
    plain = described["descriptor"]
    apart = [np.linalg.norm(plain[:, 0] - plain[:, k], axis=-1).mean() for k in (1, 2)]
    assert apart[1] < 1.6 * apart[0]


def test_points_move_with_the_expression_and_faces_are_found(described):
    points = described["points"]
    assert points.shape == (14, 3, 68, 2)
    assert ((points > 0) & (points < 1)).mean() > 0.95
    width = points[:, :, 54, 0] - points[:, :, 48, 0]  # corners of the mouth
    assert (width[:, 0] > width[:, 1]).mean() > 0.8  # a smile is wider
    assert described["found"].all()


def test_pictures_are_described_one_by_one(networks, persons):
    pictures = render_many(persons[:3], 64)[0]
    together = describe(networks, pictures)
    for i, picture in enumerate(pictures):
        alone = describe(networks, picture[None])
        for name, one in alone._asdict().items():
            assert one[0] == pytest.approx(getattr(together, name)[i], abs=2e-5)
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    found = describe(networks, noise)
    assert np.isfinite(found.descriptor).all()
    assert not found.found.any()
