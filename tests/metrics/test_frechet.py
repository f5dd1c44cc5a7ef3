import runpy
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import frechet, frechet_distance, frechet_interval, strata_of
from ganbench.metrics.frechet import (
    _of_groups,
    frechet_from_moments,
    frechet_influence,
)
from ganbench.metrics.frechet_large import large_influence, leading, moments, overlap


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


def editor(random, n=60, d=4, edits=2):
    """Real images, edits of each, and the image of each edit."""
    real, image = random.standard_normal((n, d)), np.repeat(np.arange(n), edits)
    return real, real[image] + 0.5 * random.standard_normal((n * edits, d)) + 0.3, image


@pytest.mark.parametrize(("n", "d"), [(200, 4), (40, 60)])  # more images than features, and fewer
def test_influence_is_what_fed_loses_without_each_image(n, d):
    real, fake, image = editor(np.random.default_rng(0), n, d)
    order = np.random.default_rng(1).permutation(len(fake))
    fake, image = fake[order], image[order]
    found = frechet_influence(real, fake, image)
    whole = frechet_distance(real, fake)
    lost = np.array(
        [
            whole - frechet_distance(np.delete(real, i, axis=0), fake[image != i])
            for i in range(len(real))
        ]
    )
    found -= found.mean()
    slope = (found @ (lost - lost.mean())) / (found @ found)
    if n > d:
        assert np.corrcoef(found, lost)[0, 1] > 0.999
        assert slope == pytest.approx(1, abs=0.02)
    else:  # a deletion is no small change here, and the intervals are scaled by the slope
        assert np.corrcoef(found, lost)[0, 1] > 0.8
        assert 0.25 < slope < 1.1


def test_kept_groups_give_the_distance_of_their_features():
    # Some features never fire, and some only in one group, so that covariances are singular.
    real, fake, image = editor(np.random.default_rng(1), d=8)
    of_real = np.arange(60) % 20
    of_fake = of_real[image]
    for x in (real, fake):
        x[:, 0] = 3
        x[:, 1:3] = 0
    real[of_real == 0, 1] = 1
    fake[of_fake == 0, 2] = 1
    value = _of_groups(real + 9, fake + 9, of_real, of_fake)
    for keep in (np.ones(20, bool), np.arange(20) > 0, np.arange(20) % 3 > 0):
        expected = frechet_distance(real[keep[of_real]], fake[keep[of_fake]])
        assert value(keep) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("n", "d"), [(60, 4), (20, 30), (5, 3)])
def test_an_interval_lies_around_its_value(n, d):
    real, fake, image = editor(np.random.default_rng(2), n, d)
    found = frechet_interval(real, fake, image, strata_of(np.arange(n) % 3))
    assert found.value == frechet_distance(real, fake)
    assert 0 <= found.low < found.value < found.high
    assert len(found.influence.parts) == n
    with pytest.raises(BadInput, match="group"):
        frechet_interval(real, fake, image[1:], np.zeros(n, np.int64))


def test_equal_sets_and_few_images_have_an_interval_or_none():
    real = np.random.default_rng(0).standard_normal((30, 4))
    same = frechet_interval(real, real, np.arange(30), np.zeros(30, np.int64))
    assert same.value == pytest.approx(0, abs=1e-9)
    assert np.isfinite([same.low, same.high]).all()
    flat = frechet_interval(np.ones((9, 2)), np.ones((9, 2)), np.arange(9), np.zeros(9, np.int64))
    assert tuple(flat) == (0, 0, 0)
    assert frechet_interval(real[:3], real[:3], np.arange(3), np.zeros(3, np.int64)) is None


@pytest.mark.slow
def test_classes_that_the_protocol_balances_do_not_widen_an_interval():
    values, widths, hits = [], {"within": [], "over": []}, 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        labels = np.arange(140) % 7
        image = np.repeat(np.arange(140), 2)
        real = random.standard_normal((140, 4)) + 3 * np.eye(7)[labels][:, :4]
        fake = 0.5 * real[image] + random.standard_normal((280, 4))
        within = frechet_interval(real, fake, image, strata_of(labels))
        over = frechet_interval(real, fake, image, np.zeros(140, np.int64))
        values.append(tuple(within))
        widths["within"].append(within.high - within.low)
        widths["over"].append(over.high - over.low)
    value, low, high = np.array(values).T
    hits = ((low <= value.mean()) & (value.mean() <= high)).mean()
    ideal = 3.92 * value.std()
    assert 0.9 <= hits <= 0.99
    assert np.mean(widths["within"]) < 1.15 * ideal < np.mean(widths["over"])


LARGE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/frechet.py"))


@pytest.mark.parametrize(("n", "d"), [(20, 40), (60, 12)])
def test_the_influence_with_many_features_is_the_influence(n, d):
    random, image = np.random.default_rng(0), np.repeat(np.arange(n), 2)
    a = random.standard_normal((n, d)) + 3
    b = a[image] + random.standard_normal((2 * n, d)) + 0.5
    both = moments(a), moments(b)
    x, y = a.astype(np.float32), b.astype(np.float32)
    found = large_influence(x, y, image, *both, overlap(*both))
    expected = frechet_influence(a, b, image)
    assert found == pytest.approx(expected, abs=2e-5 * abs(expected).max())


def test_the_leading_directions_hold_what_varies_most():
    random = np.random.default_rng(0)
    scale = np.array([5.0, 0.1, 3, 0.1, 0.1, 0.1])
    both = [moments(random.standard_normal((50, 6)) * scale) for _ in range(2)]
    assert abs(leading(*both, 2)[[0, 2]]).max(axis=1) == pytest.approx(1, abs=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("n", [350, 700])
def test_the_fast_interval_of_many_features_is_the_slow_one_to_three_per_cent(n):
    assert LARGE["off_the_slow_rule"](n, 256, 0) < 3


def test_a_fast_interval_has_the_exact_value():
    real, fake, y = LARGE["of_classes"](42, 16, 0)
    sets = real, fake, np.repeat(np.arange(42), 7), strata_of(y)
    slow, fast = frechet_interval(*sets), frechet_interval(*sets, full=0, directions=12)
    assert slow.value == frechet_distance(real, fake)
    assert fast.value == pytest.approx(slow.value, rel=1e-9)
    assert tuple(fast) == pytest.approx(tuple(slow), rel=0.05)
    same = frechet_interval(real, real, np.arange(42), strata_of(y), full=0, directions=12)
    assert same.value == pytest.approx(0, abs=1e-9)
