"""The independent judge against the runtime it was published for."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.emotions import EMOTIONS
from ganbench.judges import load_judge

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def judge():
    return load_judge("face-api", device="cpu")


@pytest.fixture(scope="module")
def published():
    return json.loads((GOLDEN / "face_api.json").read_text())


@pytest.fixture(scope="module")
def images():
    """A photograph and three fields of noise, float32 [4, 3, 112, 112]."""
    random = np.random.default_rng(0)
    pictures = [np.asarray(Image.open(GOLDEN / "astronaut_face.png"))]
    pictures += [random.integers(0, 256, (112, 112, 3)) for _ in range(3)]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def test_equals_the_published_runtime(judge, images, published):
    judged = judge.judge(images)
    order = [published["order"].index(emotion) for emotion in EMOTIONS]
    expected = np.array(published["logits"])[:, order]
    np.testing.assert_allclose(judged.logits.numpy(), expected, atol=1e-5)
    features = published["features of the photo"]
    np.testing.assert_allclose(judged.features[0].numpy(), features, atol=1e-5)
    assert EMOTIONS[int(judged.logits[0].argmax())] == "happy"


def test_other_sizes_are_resampled(judge, images):
    large = torch.nn.functional.interpolate(images, scale_factor=2, mode="nearest")
    same = judge.judge(large).logits  # halving undoes doubling but for the filter's reach
    assert same.shape == (4, 7)
    assert EMOTIONS[int(same[0].argmax())] == "happy"


def test_takes_no_part_in_training(judge):
    assert not hasattr(type(judge.model), "trainer")
    assert not any(p.requires_grad for p in judge.model.parameters())


def test_identity(judge):
    spec = judge.spec
    assert (spec.name, spec.emotions, spec.dimension, spec.licence) == (
        "face-api",
        EMOTIONS,
        256,
        "MIT",
    )
    assert spec.fingerprint != load_judge_fingerprint("vgg")


def load_judge_fingerprint(name):
    return load_judge(name, device="cpu").spec.fingerprint
