from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import frechet, frechet_distance
from ganbench.metrics.frechet import frechet_from_moments


def gaussian(random, n, mean, scale):
    """A sample whose mean and unbiased covariance are exactly ``mean`` and diag(scale^2)."""
    x = random.standard_normal((n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x * scale + mean


def by_eigenvalues(a, b):
    """The textbook way: traces and eigenvalues of the product of the covariances."""
    sa, sb = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    roots = np.sqrt(np.maximum(np.linalg.eigvals(sa @ sb).real, 0))
    shift = a.mean(0) - b.mean(0)
    return shift @ shift + np.trace(sa) + np.trace(sb) - 2 * roots.sum()


def test_closed_form_of_two_gaussians():
    random = np.random.default_rng(0)
    m, s = np.array([1.0, -2.0, 0.5]), np.array([1.0, 2.0, 3.0])
    t, u = np.array([0.0, 1.0, 1.0]), np.array([2.0, 2.0, 0.5])
    expected = ((m - t) ** 2).sum() + ((s - u) ** 2).sum()
    assert frechet_distance(
        gaussian(random, 50, m, s), gaussian(random, 80, t, u)
    ) == pytest.approx(expected, rel=1e-12)


def test_moments_are_enough_for_eight_digits():
    random = np.random.default_rng(5)
    a, b = random.standard_normal((90, 8)), 2 * random.standard_normal((40, 8)) + 1
    moments = [x for s in (a, b) for x in (s.mean(0), np.cov(s, rowvar=False))]
    assert frechet_from_moments(*moments) == pytest.approx(frechet_distance(a, b), rel=1e-8)
    assert frechet_from_moments(*moments[:2] * 2) == pytest.approx(0, abs=1e-7)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_equals_the_eigenvalues_of_any_well_conditioned_sets(d, more_a, more_b, seed):
    random = np.random.default_rng(seed)
    a = random.standard_normal((4 * d + 2 + more_a, d)) * random.uniform(0.5, 2, d)
    b = random.standard_normal((4 * d + 2 + more_b, d)) + random.standard_normal(d)
    assert frechet_distance(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 9), st.lists(st.integers(1, 99), max_size=4))
def test_no_digit_depends_on_blocks_shards_or_their_order(block, panel, cuts):
    random = np.random.default_rng(6)
    a = (random.standard_normal((100, 6)) + 3).astype(np.float32)
    b = (2 * random.standard_normal((60, 6))).astype(np.float32)
    near = pytest.approx(frechet_distance(a.astype(np.float64), b.astype(np.float64)), rel=1e-9)
    shards = np.split(a, sorted(cuts))
    with mock.patch.multiple(frechet, BLOCK=block, PANEL=panel):
        assert frechet_distance(a, b) == near
        assert frechet_distance(np.concatenate(shards[::-1]), b) == near
        assert frechet_distance(a, a[::-1]) < 1e-9


@pytest.mark.parametrize(("n", "d"), [(100, 2048), (500, 16), (16, 16)])
def test_equal_sets_are_at_zero_in_any_order(n, d):
    a = np.random.default_rng(2).standard_normal((n, d)).astype(np.float32)
    assert frechet_distance(a, a) < 1e-9
    assert frechet_distance(a, a[::-1]) < 1e-9


def test_fewer_rows_than_columns_equals_the_same_data_in_its_own_span():
    random = np.random.default_rng(3)
    a, b = random.standard_normal((9, 4)), random.standard_normal((7, 4))
    wide = np.linalg.qr(random.standard_normal((200, 4)))[0].T  # 4 orthonormal rows in 200-d
    assert frechet_distance(a @ wide, b @ wide) == pytest.approx(frechet_distance(a, b), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_symmetric_and_blind_to_rotation_shift_and_order(n, m, d, seed):
    random = np.random.default_rng(seed)
    a, b = random.standard_normal((n, d)), 2 * random.standard_normal((m, d)) + 1
    expected = frechet_distance(a, b)
    turn = np.linalg.qr(random.standard_normal((d, d)))[0]
    shift = 10 * random.standard_normal(d)
    near = pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert frechet_distance(b, a) == near
    assert frechet_distance(a @ turn + shift, b @ turn + shift) == near
    assert frechet_distance(random.permutation(a), b) == near
    assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * expected, rel=1e-9, abs=1e-9)
    moved = frechet_distance(a, a + shift)
    assert moved == pytest.approx(shift @ shift, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((5, 3)), np.zeros((5, 4))),
        (np.zeros((1, 3)), np.zeros((5, 3))),
        (np.zeros(3), np.zeros((5, 3))),
        (np.full((5, 3), np.nan), np.zeros((5, 3))),
    ],
)
def test_what_it_cannot_compare(a, b):
    with pytest.raises(BadInput, match="features"):
        frechet_distance(a, b)
