"""Diversity, input similarity, expression gain, HES and mSCR (confusion of neighbours)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.emotions import EMOTIONS, index
from ganbench.errors import BadInput
from ganbench.metrics import (
    confusion,
    cosine_similarity,
    deviations,
    gt_gain,
    harmonic_score,
    neighbour_counts,
    noise_diversity,
    probability_gain,
    similarity_influence,
)
from ganbench.metrics.neighbour_confusion import NEIGHBOUR_PAIRS

seeds = st.integers(0, 2**32 - 1)


def test_diversity_by_hand():
    draws = np.array([[[0, 0], [3, 4], [0, 0]], [[1, 1], [1, 1], [1, 1]]])
    assert noise_diversity(draws) == pytest.approx([(5 + 5 + 0) / 3, 0])


@given(seeds, st.integers(2, 5))
def test_diversity_is_blind_to_order_and_shift_and_grows_with_scale(seed, k):
    random = np.random.default_rng(seed)
    draws = random.standard_normal((3, k, 4))
    found = noise_diversity(draws)
    assert found.shape == (3,)
    assert (found > 0).all()
    assert noise_diversity(draws[:, ::-1] + 5) == pytest.approx(found)
    assert noise_diversity(2 * draws) == pytest.approx(2 * found)


def test_one_draw_has_no_diversity():
    with pytest.raises(BadInput, match="two edits"):
        noise_diversity(np.zeros((3, 1, 4)))


def test_cosine_similarity_by_hand():
    found = cosine_similarity([[1, 0]], [[2, 0], [0, 3], [-1, 0], [1, 1], [0, 0]])
    assert found[:4] == pytest.approx([1, 0, -1, 0.5**0.5])
    assert np.isnan(found[4])


@given(seeds, st.floats(0.1, 10))
def test_cosine_similarity_is_symmetric_and_blind_to_scale(seed, scale):
    a, b = np.random.default_rng(seed).standard_normal((2, 5, 3))
    found = cosine_similarity(a, b)
    assert (np.abs(found) <= 1).all()
    assert cosine_similarity(b, scale * a) == pytest.approx(found)
    assert cosine_similarity(a, a) == pytest.approx(np.ones(5))


def pictures(seed, n=5, side=6):
    return np.random.default_rng(seed).random((n, 3, side, side))


def test_likeness_influence_is_what_the_mean_loses_without_each_image():
    random = np.random.default_rng(0)
    inputs = random.random((60, 3, 2, 2)) + 9
    edits = inputs[:, None] + 0.3 * random.standard_normal((60, 7, 3, 2, 2))
    found = similarity_influence(inputs, edits)

    def value(rows):
        start = deviations(inputs[rows], inputs[rows])[:, None]
        return cosine_similarity(start, deviations(edits[rows], inputs[rows])).mean()

    everything = np.arange(60)
    without = np.array([value(np.delete(everything, i)) for i in everything])
    lost = value(everything) - without
    assert np.corrcoef(found, lost)[0, 1] > 0.999
    assert (found @ lost) / (found @ found) == pytest.approx(1, abs=0.05)
    flat = np.zeros((4, 3, 2, 2))
    assert similarity_influence(flat, flat[:, None]) is None


def test_deviations_by_hand():
    inputs = np.array([[[[0.0, 2.0]]], [[[4.0, 2.0]]]])  # mean 2, 2
    assert deviations(inputs, inputs).tolist() == [[-2, 0], [2, 0]]
    edits = np.array([[[[[2.0, 3.0]]], [[[5.0, 2.0]]]]])  # two edits of one image
    assert deviations(edits, inputs).tolist() == [[[0, 1], [3, 0]]]


def likeness(inputs, edits):
    return cosine_similarity(deviations(inputs, inputs), deviations(edits, inputs))


@given(seeds)
def test_likeness_counts_neither_what_all_share_nor_contrast_nor_the_order_of_pixels(seed):
    inputs, edits, common = pictures(seed), pictures(seed + 1), pictures(seed + 2, 1)
    found = likeness(inputs, edits)
    assert found.shape == (5,)
    assert (np.abs(found) <= 1).all()
    assert likeness(inputs + common, edits + common) == pytest.approx(found)
    assert likeness(inputs / 3, edits / 3) == pytest.approx(found)
    assert likeness(inputs[..., ::-1], edits[..., ::-1]) == pytest.approx(found)
    assert likeness(inputs, inputs) == pytest.approx(np.ones(5))
    # The same person, seen against what all have in common, is not the plain cosine of pixels.
    plain = cosine_similarity(inputs.reshape(5, -1), edits.reshape(5, -1))
    assert (plain > found + 0.3).all()


def test_inputs_that_do_not_differ_have_no_likeness():
    assert np.isnan(likeness(np.full((3, 3, 2, 2), 0.3), pictures(0, 3, 2))).all()


def test_probability_gain_of_each_target():
    source, edit = np.array([0.7, 0.2, 0.1]), np.array([[0.1, 0.8, 0.1], [0.7, 0.2, 0.1]])
    assert probability_gain(source, edit, [1, 2]) == pytest.approx([0.6, 0])
    assert probability_gain(source, edit[0], 0) == pytest.approx(-0.6)


def test_gt_gain_tells_lazy_half_right_and_painted_apart():
    source, truth = np.array([1.0, 1.0, 1.0]), np.array([3.0, 1.0, 1.0])
    edits = {
        "lazy": ([1, 1, 1], 0, 0),
        "half": ([2, 1, 1], 0.5, 0),
        "right": ([3, 1, 1], 1, 0),
        "exaggerated": ([5, 1, 1], 2, 0),
        "painted": ([3, 1, 2], 1, 0.5),
        "backwards": ([0, 1, 1], -0.5, 0),
    }
    parallel, orthogonal = gt_gain(source, [e for e, *_ in edits.values()], truth)
    assert parallel == pytest.approx([a for _, a, _ in edits.values()])
    assert orthogonal == pytest.approx([c for *_, c in edits.values()])


def test_gt_gain_has_no_value_where_nothing_was_to_be_done():
    assert np.isnan(gt_gain([1.0, 2.0], [3.0, 4.0], [1.0, 2.0])).all()


def test_confusion_of_neighbours_counts_both_ways_of_each_pair():
    fear, surprise, sad, neutral = map(index, ("fearful", "surprised", "sad", "neutral"))
    targets = [fear, fear, surprise, surprise, surprise, sad, neutral, index("happy")]
    judged = [surprise, fear, fear, sad, surprise, sad, sad, sad]
    confused, n = neighbour_counts(confusion([0] * 8, targets, judged))
    assert confused.tolist() == [2, 0, 1]
    assert n.tolist() == [5, 0, 2]


def test_every_emotion_but_happy_has_one_neighbour():
    assert sorted(e for pair in NEIGHBOUR_PAIRS for e in pair) == sorted(set(EMOTIONS) - {"happy"})


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), max_size=40))
def test_confusion_of_neighbours_never_exceeds_its_trials(edits):
    confused, n = neighbour_counts(confusion(*([e[i] for e in edits] for i in range(3))))
    assert (confused >= 0).all()
    assert (confused <= n).all()
    assert n.sum() == sum(target != index("happy") for _, target, _ in edits)


@given(seeds)
def test_mscr_is_the_mean_of_the_pairs_and_blind_to_their_order(seed):
    """FFE-Bench's equations 1 and 2, from shares of the edits towards each emotion."""
    random = np.random.default_rng(seed)
    sources, judged = random.integers(0, 7, 12), random.integers(0, 7, (12, 7))
    counts = confusion(sources[:, None], np.arange(7), judged)
    share = counts.sum(axis=0) / counts.sum(axis=(0, 2))[:, None]
    pairs = [(index(a), index(b)) for a, b in NEIGHBOUR_PAIRS]
    expected = np.mean([(share[i, j] + share[j, i]) / 2 for i, j in pairs])
    confused, trials = neighbour_counts(counts)
    assert confused.sum() / trials.sum() == pytest.approx(expected)
    swap = np.arange(7)
    for i, j in pairs:
        swap[[i, j]] = j, i
    mirrored = confusion(sources[:, None], np.arange(7), swap[judged[:, swap]])
    assert (neighbour_counts(mirrored)[0] == confused).all()


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_harmonic_score_lies_between_both_and_is_symmetric(e, i):
    found = float(harmonic_score(e, i))
    assert found == pytest.approx(float(harmonic_score(i, e)))
    assert min(e, i) - 1e-12 <= found <= max(e, i) + 1e-12
    assert found <= 2 * min(e, i) + 1e-12  # a lazy editor has no expression, and no score
    assert float(harmonic_score(e, e)) == pytest.approx(e)


def test_harmonic_scores_by_hand():
    found = harmonic_score([1, 0, 1, 1, 0.5, 0], [1, 1, 0, -0.3, 1, 0])
    assert found == pytest.approx([1, 0, 0, 0, 2 / 3, 0])
    assert np.isnan(harmonic_score(1.0, np.nan))
    for bad in ((1.1, 0.5), (-0.1, 0.5), (0.5, 1.1), (0.5, -1.1)):
        with pytest.raises(BadInput, match="outside"):
            harmonic_score(*bad)
