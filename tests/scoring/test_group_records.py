"""Headlines by group, against the same metric of these images alone."""

import numpy as np
import pytest

from ganbench.data.faces import sample_face
from ganbench.data.faces.groups import groups_of
from ganbench.emotions import EMOTIONS
from ganbench.metrics import cosine_similarity, deviations
from ganbench.scoring import MetricInputs
from ganbench.scoring.features import FED, InputSimilarity
from ganbench.scoring.groups import LEAST, group_records
from ganbench.scoring.pixels import Background
from ganbench.scoring.predictions import Accuracy, Calibration

K, N = len(EMOTIONS), 70


def inputs(seed=0):
    random = np.random.default_rng(seed)
    edits = {
        "logits": random.normal(size=(N, K, K)),
        "features": random.normal(size=(N, K, 3)),
        "thumbnail": random.uniform(size=(N, K, 3, 4, 4)),
        "background": random.uniform(size=(N, K)),
        "shown": np.zeros((7, K, 3, 8, 8), np.uint8),  # of the first images only
    }
    real = {
        "logits": random.normal(size=(N, K)),
        "features": random.normal(size=(N, 3)),
        "thumbnail": random.uniform(size=(N, 3, 4, 4)),
    }
    return MetricInputs("m", np.arange(N) % K, real, {"anchor": edits})


def test_a_group_has_the_values_of_its_images_alone():
    made = inputs()
    side = np.where(np.arange(N) < 20, "left", "right")
    found = group_records([Accuracy(), Background()], made, {"side": side})
    assert {r.variant for r in found} == {"by side: left", "by side: right"}
    assert {r.group for r in found} == {("side", "left"), ("side", "right")}
    judged = made.edits["logits"].argmax(axis=-1)
    for record in found:
        rows = side == record.group[1]
        right = 100 * (judged[rows] == np.arange(K)).mean()
        values = {"accuracy": right, "background": made.edits["background"][rows].mean()}
        assert record.value == pytest.approx(values[record.metric])
        assert record.low < record.value < record.high
        assert not record.headline
        assert record.emotion is None
        assert record.influence is None


def test_input_similarity_keeps_the_mean_of_all_images():
    made = inputs()
    half = np.where(np.arange(N) < 35, "a", "b")
    found = group_records([InputSimilarity()], made, {"half": half})
    thumbs, edits = made.real["thumbnail"], made.edits["thumbnail"]
    cosines = cosine_similarity(deviations(thumbs, thumbs)[:, None], deviations(edits, thumbs))
    assert found[0].value == pytest.approx(cosines[:35].mean())
    assert found[1].value == pytest.approx(cosines[35:].mean())
    assert found[0].low < found[0].value < found[0].high


def test_small_groups_and_numbers_that_depend_on_their_size_have_no_records():
    made = inputs()
    rare = np.where(np.arange(N) < LEAST - 1, "rare", "usual")
    metrics = [Accuracy(), FED(), Calibration()]
    (record,) = group_records(metrics, made, {"how": rare})
    assert (record.metric, record.variant) == ("accuracy", "by how: usual")
    assert group_records(metrics, made, {}) == []


def test_the_groups_of_rendered_faces():
    faces = [sample_face(0, "test", i, EMOTIONS[i % K]) for i in range(140)]
    groups = groups_of(faces)
    assert list(groups) == ["age", "sex", "ancestry", "pose", "light"]
    for name, of_faces in groups.items():
        names, counts = np.unique(of_faces, return_counts=True)
        assert 2 <= len(names) <= 3, name
        assert counts.min() >= 14, (name, counts)
    turned = [abs(face.yaw) for face in faces]
    most = max(range(140), key=turned.__getitem__)
    assert groups["pose"][most] == "turned"
    assert groups["pose"][min(range(140), key=turned.__getitem__)] == "frontal"
    old = max(range(140), key=lambda i: faces[i].age)
    assert groups["age"][old] == "50 or more"
    assert groups["sex"][0] == ("male" if faces[0].male >= 0.5 else "female")
