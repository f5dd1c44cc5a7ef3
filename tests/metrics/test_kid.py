import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import kernel_distance
from ganbench.metrics.kid import kernel_sums


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


def test_any_groups_from_one_set_of_sums():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((9, 3)), random.standard_normal((18, 3)) + 1
    of_a = np.arange(9) % 3
    of_b = np.repeat(of_a, 2)
    keep = np.array([True, False, True])
    found = kernel_sums(a, b, of_a, of_b, memory=500).distance(keep)
    assert found == pytest.approx(kernel_distance(a[keep[of_a]], b[keep[of_b]]), rel=1e-9)


def test_what_it_cannot_compare():
    with pytest.raises(BadInput, match="width"):
        kernel_distance(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(BadInput, match="group"):
        kernel_sums(np.zeros((3, 2)), np.zeros((3, 2)), np.arange(3), np.arange(2))
