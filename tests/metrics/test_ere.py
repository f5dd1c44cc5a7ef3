import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats

from ganbench.errors import BadInput
from ganbench.metrics import ere_distance, softmax, total_variation

logits = arrays(np.float64, (3, 7), elements=floats(-50, 50))


@given(logits, logits)
def test_total_variation_is_a_distance_of_distributions(a, b):
    p, q = softmax(a), softmax(b)
    assert p.sum(-1) == pytest.approx(np.ones(3))
    distance = total_variation(p, q)
    assert (distance >= 0).all()
    assert (distance <= 1 + 1e-12).all()
    assert distance == pytest.approx(np.maximum(p - q, 0).sum(-1))  # the largest gain of any event
    assert distance == pytest.approx(total_variation(q, p))
    assert total_variation(p, p).max() == 0


def test_one_hot_target_leaves_the_probability_of_all_else():
    scores = np.log([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]])
    assert ere_distance(scores, [[1, 0, 0], [0, 1, 0]]) == pytest.approx((0.3 + 0.75) / 2)


def test_huge_logits_do_not_overflow():
    assert softmax([1e4, 0.0]).tolist() == [1.0, 0.0]


def test_lengths_must_agree():
    with pytest.raises(BadInput):
        total_variation([0.5, 0.5], [1.0])
