"""Identity, landmarks and found faces, from arrays made by hand."""

import numpy as np
import pytest

from ganbench.emotions import EMOTIONS
from ganbench.faces_in_photos.whitening import load_whitening
from ganbench.scoring import REAL, TRUTH, FaceArrays, MetricInputs
from ganbench.scoring.faces import OF_MEANS, Found, HarmonicScore, Identity, LandmarkError

K = len(EMOTIONS)
N, FEW = 28, 14


def shape(emotion):
    """Points whose mouth is as wide as the emotion's number, in steps of a hundredth."""
    points = np.tile(np.linspace(0.2, 0.8, 68)[:, None], (1, 2))
    points[36], points[45] = (0.3, 0.3), (0.7, 0.3)
    points[48:68, 0] += 0.01 * emotion
    return points


def described(random, who, emotion):
    """Descriptors of persons whose whitened descriptors are those of ``who``, with a little noise."""
    mean, matrix, _ = load_whitening()
    descriptor = np.linalg.solve(matrix, who + 0.1 * random.normal(size=who.shape)) + mean
    return shape(emotion), descriptor


def arrays(right=True, swapped=False, found=True, known=True):
    """The arrays of 14 persons; their edits are true edits, untouched inputs, or of the next person."""
    random = np.random.default_rng(0)
    persons = random.normal(size=(FEW, 128))
    labels = np.arange(N) % K
    real = [described(random, p, labels[i]) for i, p in enumerate(persons)]

    def edits(right, who):
        made = [
            [described(random, p, e if right else labels[i]) for e in range(K)]
            for i, p in enumerate(who)
        ]
        return {
            "points": np.array([[x for x, _ in row] for row in made], np.float32),
            "descriptor": np.array([[d for _, d in row] for row in made], np.float32),
            "found": np.full((FEW, K), found),
        }

    inputs = {
        "points": np.array([x for x, _ in real], np.float32),
        "descriptor": np.array([d for _, d in real], np.float32),
        "found": np.full(FEW, True),
    }
    truth = edits(True, persons)
    who = np.roll(persons, 1, axis=0) if swapped else persons
    return labels, FaceArrays(inputs, edits(right, who), truth if known else None)


def records(metric, source="m", **given):
    labels, faces = arrays(**given)
    if source == TRUTH:
        faces = FaceArrays(faces.inputs, faces.true_edits)
    logits = np.zeros((N, K, K))
    sets = {} if source == REAL else {"anchor": {"logits": logits}}
    inputs = MetricInputs(source, labels, {"logits": logits[:, 0]}, sets, faces=faces)
    return {r.variant: r for r in metric().score(inputs)}


def test_the_same_person_is_one_and_another_is_none():
    same, other = records(Identity), records(Identity, swapped=True)
    assert same[""].value > 0.95
    assert abs(other[""].value) < 0.1
    assert same["found again"].value == 100
    assert other["found again"].value == 0
    assert same["found again"].note == "among 14 test persons"
    assert same["found again"].unit == "%"
    assert same[""].n == FEW * K
    assert same[""].low < same[""].value < same[""].high
    assert abs(same["beyond the true edit"].value) < 0.01
    assert other["beyond the true edit"].value == pytest.approx(-0.98, abs=0.05)
    # What papers report tells them apart, too, but is only reported: expressions move it as much.
    assert same["euclidean"].value < other["euclidean"].value
    assert {r.direction for r in (same["euclidean"], same["beyond the true edit"])} == {"reported"}
    assert same[""].version == 3


def harmonic(expression, **given):
    """The records of HES of edits whose probability of the target is ``expression`` [14, 7]."""
    labels, faces = arrays(**given)
    p = np.full((N, K, K), 1e-12)
    targets = np.arange(K)
    p[:FEW, targets, targets] = np.clip(expression, 1e-12, 1 - 1e-9)
    p[:FEW] += np.eye(K)[(targets + 1) % K] * (1 - p[:FEW, targets, targets])[..., None]
    logits = np.log(p)
    inputs = MetricInputs("m", labels, {"logits": logits[:, 0]}, {"anchor": {"logits": logits}}, faces=faces)  # fmt: skip
    return {r.variant: r for r in HarmonicScore().score(inputs)}


def test_the_harmonic_score_needs_the_emotion_and_the_person():
    same = records(Identity)[""].value
    right = harmonic(np.ones((FEW, K)))
    assert right[""].value == pytest.approx(2 * same / (1 + same), abs=0.01)
    assert right[OF_MEANS].value == pytest.approx(right[""].value, abs=0.001)
    lazy, swapped = harmonic(np.zeros((FEW, K))), harmonic(np.ones((FEW, K)), swapped=True)
    for variant in ("", OF_MEANS):
        assert lazy[variant].value == pytest.approx(0, abs=1e-6)
    assert swapped[""].value < 0.2
    # Edits to the emotion of the input do not count: there, doing nothing shows the emotion.
    labels = np.arange(FEW) % K
    own = labels[:, None] == np.arange(K)
    assert harmonic(own.astype(float))[""].value == pytest.approx(0, abs=1e-6)
    assert (right[""].n, right[""].interval) == (FEW * (K - 1), "Hall within classes 95%")
    assert right[""].low < right[""].value < right[""].high
    assert (right[""].direction, right[""].unit, right[""].version) == ("higher", "ratio", 1)


def test_both_must_hold_for_the_same_edit():
    """Half of the edits show all of the emotion: the mean over edits is half, that of the means is more."""
    half = (np.arange(FEW)[:, None] // K + np.zeros((1, K))) % 2
    found = harmonic(half)
    assert found[""].value == pytest.approx(0.5, abs=0.02)
    assert found[OF_MEANS].value == pytest.approx(2 / 3, abs=0.02)
    assert found[OF_MEANS].low < found[OF_MEANS].value < found[OF_MEANS].high


def test_the_true_edits_have_an_identity_of_their_own():
    found = records(Identity, source=TRUTH)
    assert found[""].value > 0.95
    assert "beyond the true edit" not in found


def test_the_right_shape_has_no_error_and_the_untouched_one_that_of_the_change():
    right, lazy = records(LandmarkError), records(LandmarkError, right=False)
    assert right[""].value == pytest.approx(0, abs=1e-6)
    assert right["nearer than the input"].value == 100
    # Every emotion is as far from another as their numbers, in steps of 0.01 / 0.4 eye distances.
    labels = np.arange(FEW) % K
    steps = np.abs(labels[:, None] - np.arange(K))
    mean = steps[steps > 0].mean() * 0.025
    assert lazy["mouth"].value == pytest.approx(mean, rel=1e-5)
    assert lazy[""].value == pytest.approx(mean * 20 / 47, rel=1e-5)
    assert lazy["brows"].value == lazy["jaw"].value == 0
    assert lazy["nearer than the input"].value == 0
    assert lazy["change"].value == 0
    assert right["change: mouth"].value == pytest.approx(mean, rel=1e-5)
    assert lazy[""].n == FEW * (K - 1)  # edits to the emotion of the input are left out
    assert lazy[""].low < lazy[""].value < lazy[""].high
    assert {lazy[part].direction for part in ("eyes", "nose", "change")} == {"reported"}
    assert {lazy[part].direction for part in ("", "brows", "mouth", "jaw")} == {"lower"}


def test_photographs_have_a_change_and_no_error():
    found = records(LandmarkError, known=False)
    assert found[""].value is None
    assert found[""].note == "photographs have no true edits"
    assert "mouth" not in found
    assert found["change: mouth"].value > 0
    assert "beyond the true edit" not in records(Identity, known=False)


def test_the_change_of_the_true_edits_is_what_doing_nothing_costs():
    truth, lazy = records(LandmarkError, source=TRUTH), records(LandmarkError, right=False)
    assert truth["change"].value == pytest.approx(lazy[""].value)
    assert "" not in truth


def test_faces_are_found():
    (found,) = records(Found).values()
    assert (found.value, found.n, found.unit) == (100, FEW * K, "%")
    assert 70 < found.low < 90  # 14 images that do not differ count as 14 trials
    (lost,) = records(Found, found=False).values()
    assert lost.value == 0
    (inputs,) = records(Found, source=REAL, found=False).values()
    assert (inputs.value, inputs.n) == (100, FEW)


def test_small_pictures_have_a_note_instead_of_a_value():
    edits = {"anchor": {"logits": np.zeros((N, K, K))}}
    made = MetricInputs("m", np.arange(N) % K, {}, edits)
    for metric in (Identity, LandmarkError, Found):
        (record,) = metric().score(made)
        assert record.value is None
        assert "too small" in record.note
