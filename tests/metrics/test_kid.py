import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import kernel_distance, kernel_interval
from ganbench.metrics.kid import kernel_influence, kernel_sums


def by_pairs(a, b):
    """The definition, one pair at a time."""

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    def mean(x, y, same=False):
        return np.mean(
            [k(p, q) for i, p in enumerate(x) for j, q in enumerate(y) if not (same and i == j)]
        )

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b)


def test_by_hand():
    # In one dimension k(x, y) = (xy + 1)^3: k(0, 1) = 1 within each set, and across
    # k(0, 1) = k(0, 0) = k(1, 0) = 1, k(1, 1) = 8, of four pairs.
    assert kernel_distance([[0.0], [1.0]], [[0.0], [1.0]]) == pytest.approx(1 + 1 - 2 * 11 / 4)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_definition_in_any_order_rotation_and_block(n, m, d, seed):
    random = np.random.default_rng(seed)
    a, b = random.standard_normal((n, d)), random.standard_normal((m, d)) + 1
    near = pytest.approx(by_pairs(a, b), rel=1e-9, abs=1e-9)
    turn = np.linalg.qr(random.standard_normal((d, d)))[0]
    assert kernel_distance(a, b) == near
    assert kernel_distance(b, a) == near
    assert kernel_distance(random.permutation(a), random.permutation(b), memory=1) == near
    assert kernel_distance(a @ turn, b @ turn) == near


def editor(n=30, edits=3):
    random, image = np.random.default_rng(0), np.repeat(np.arange(n), edits)
    real = random.standard_normal((n, 3))
    fake = real[image] + random.standard_normal((n * edits, 3)) + 0.5
    order = random.permutation(len(fake))
    return real, fake[order], image[order]


@pytest.mark.parametrize("memory", [1, 2000, 2**28])
def test_influence_is_exactly_what_kid_loses_without_each_image(memory):
    real, fake, image = editor()
    found = kernel_influence(kernel_sums(real, fake, image, memory))
    without = [
        kernel_distance(np.delete(real, i, axis=0), fake[image != i]) for i in range(len(real))
    ]
    lost = np.mean(without) - np.array(without)
    assert found == pytest.approx(lost * (len(real) - 1) / len(real))


def test_an_interval_lies_around_its_value_and_reaches_farther_for_an_image_like_no_other():
    real, fake, image = editor()
    strata = np.arange(30) % 3
    found = kernel_interval(real, fake, image, strata)
    assert found.value == kernel_distance(real, fake)
    assert found.low < found.value < found.high
    fake[image == 4] += 4
    rare = kernel_interval(real, fake, image, strata)
    assert rare.high - rare.value > 1.5 * (rare.value - rare.low)
    assert kernel_interval(real[:3], real[:3], np.arange(3), strata[:3]) is None


def test_what_it_cannot_compare():
    with pytest.raises(BadInput, match="width"):
        kernel_distance(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(BadInput, match="group"):
        kernel_interval(np.zeros((5, 2)), np.zeros((5, 2)), np.arange(2), np.zeros(5, np.int64))
    with pytest.raises(BadInput, match="image without an edit"):
        kernel_sums(np.zeros((3, 2)), np.zeros((3, 2)), np.array([0, 0, 2]))
