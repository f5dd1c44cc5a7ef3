import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import judge_calibration


def test_by_hand():
    p = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9]])
    found = judge_calibration(np.log(p), [0, 1, 1, 1], bins=2)
    assert found.ece == pytest.approx((0.15 + 0.15) / 2)
    assert found.brier.mean() == pytest.approx(2 * (0.4**2 + 0.7**2 + 0.2**2 + 0.1**2) / 4)
    assert found.nll.mean() == pytest.approx(-np.log([0.6, 0.3, 0.8, 0.9]).mean())


def test_the_first_bins_take_the_images_that_are_left_over():
    p = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    found = judge_calibration(np.log(p), [0, 1, 1], bins=2)
    assert found.ece == pytest.approx((2 * abs(0.5 - 0.65) + abs(1 - 0.8)) / 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_ranges_and_order(n, bins, seed):
    random = np.random.default_rng(seed)
    logits = random.integers(-3, 3, (n, 4)).astype(float)  # few values: many equal confidences
    labels = random.integers(0, 4, n)
    found = judge_calibration(logits, labels, bins)
    assert 0 <= found.ece <= 1
    assert ((found.brier >= 0) & (found.brier <= 2)).all()
    assert (found.nll >= 0).all()
    order = random.permutation(n)
    assert judge_calibration(logits[order], labels[order], bins).ece == pytest.approx(found.ece)


def test_true_probabilities_are_calibrated_and_sharpened_ones_are_not():
    random = np.random.default_rng(0)
    logits = 2 * random.standard_normal((20_000, 7))
    labels = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)  # a draw of the softmax
    true, sharp = judge_calibration(logits, labels), judge_calibration(3 * logits, labels)
    assert true.ece < 0.015
    assert sharp.ece > 0.1
    assert true.brier.mean() < sharp.brier.mean()
    assert true.nll.mean() < sharp.nll.mean()


def test_certain_and_wrong_is_finite():
    assert judge_calibration([[1e3, 0.0]], [1]).nll == pytest.approx(1e3)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(np.zeros((2, 3)), [0]), (np.zeros((0, 3)), []), (np.zeros((1, 3)), [3])],
)
def test_what_does_not_fit(logits, labels):
    with pytest.raises(BadInput):
        judge_calibration(logits, labels)
