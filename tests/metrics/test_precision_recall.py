import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ganbench.errors import BadInput
from ganbench.metrics import prdc


def by_definition(a, b, k):
    """All distances at once, balls as in the papers."""
    distances = cdist(a, b)
    ball_a, ball_b = (np.sort(cdist(x, x), axis=1)[:, k] for x in (a, b))
    within = distances <= ball_a[:, None]
    return (
        within.any(0).mean(),
        (distances <= ball_b).any(1).mean(),
        within.sum() / (k * len(b)),
        within.any(1).mean(),
    )


def test_by_hand():
    # Balls with k = 1: radius 1 around 0, 1 and 2, radius 8 around 10.
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    # Balls: radius 0.5 around 1.5 and 2, radius 28 around 30.
    fake = np.array([[1.5], [2.0], [30.0]])
    precision, recall, density, coverage = prdc(real, fake, neighbours=1)
    assert precision == pytest.approx(2 / 3)  # 30 is no one's neighbour
    assert recall == pytest.approx(3 / 4)  # 0 is 30 away from 30 and 1.5 from the next
    assert density == pytest.approx(5 / 3)  # 1.5 in those of 1, 2; 2 in those of 1, 2, 10
    assert coverage == pytest.approx(3 / 4)  # nothing within 1 of 0


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 20), st.integers(4, 20), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_the_definition_in_any_order_rotation_and_block(n, m, k, seed):
    random = np.random.default_rng(seed)
    a, b = random.standard_normal((n, 3)), random.standard_normal((m, 3)) + 0.5
    turn = np.linalg.qr(random.standard_normal((3, 3)))[0]
    expected = pytest.approx(by_definition(a, b, k))
    found = prdc(a, b, k)
    assert found == expected
    assert prdc(a, b, k, memory=1) == expected
    assert prdc(random.permutation(a), random.permutation(b), k) == expected
    assert prdc(a @ turn + 3, b @ turn + 3, k) == expected
    other = prdc(b, a, k)
    assert (other.precision, other.recall) == (found.recall, found.precision)
    assert min(found) >= 0
    assert max(found.precision, found.recall, found.coverage) <= 1


def test_a_copy_is_perfect():
    real = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    found = prdc(real, real[::-1])
    assert found.precision == found.recall == found.coverage == 1
    assert found.density >= 1


def test_a_collapsed_generator_is_precise_but_misses_most():
    random = np.random.default_rng(1)
    real = random.standard_normal((200, 4))
    found = prdc(real, real[7] + 1e-3 * random.standard_normal((200, 4)))
    assert found.precision == 1
    assert found.recall < 0.05
    assert found.coverage < 0.1


def test_what_is_far_away_is_neither_precise_nor_covering():
    real = np.random.default_rng(2).standard_normal((50, 4))
    found = prdc(real, real + 100)
    assert (found.precision, found.density, found.coverage) == (0, 0, 0)


def test_too_few_for_a_neighbourhood():
    with pytest.raises(BadInput, match="n >= 6"):
        prdc(np.zeros((5, 2)), np.zeros((9, 2)))
