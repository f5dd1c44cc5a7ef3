import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from ganbench.errors import BadInput
from ganbench.metrics import binomial_ends, ratio_interval, share_interval

seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_a_ratio_does_not_depend_on_order_or_on_images_that_add_nothing(seed):
    random = np.random.default_rng(seed)
    a, b = random.random((2, 12))
    found = ratio_interval(a, b)
    assert found.value == pytest.approx(a.sum() / b.sum())
    assert found.low < found.value < found.high
    order = random.permutation(12)
    assert tuple(ratio_interval(a[order], b[order])) == pytest.approx(tuple(found))
    longer = ratio_interval([*a, 0, 0], [*b, 0, 0])
    assert tuple(longer) == pytest.approx(tuple(found))
    assert longer.influence.parts == pytest.approx([*found.influence.parts, 0, 0])
    assert tuple(ratio_interval(3 * b, b)) == pytest.approx((3, 3, 3))


def test_a_ratio_of_few_images_is_covered():
    random, hits = np.random.default_rng(0), 0
    for _ in range(2000):
        b = random.gamma(2, size=40)
        a = b * (0.5 + 0.3 * random.standard_normal(40))
        found = ratio_interval(a, b)
        hits += found.low <= 0.5 <= found.high
    assert 0.925 <= hits / 2000 <= 0.96  # the error of a share is 0.6 points


def test_too_few_images_have_no_interval():
    assert ratio_interval([1.0], [2.0]) is None
    assert ratio_interval([1.0, 0.0], [2.0, 0.0]) is None
    assert share_interval([[1]], [[1]]) is None
    assert share_interval([[0], [0]], [[0], [0]]) is None
    with pytest.raises(BadInput):
        ratio_interval([1.0, np.nan], [1.0, 1.0])
    with pytest.raises(BadInput):
        share_interval([[1], [1]], [[1, 1], [1, 1]])


@given(seeds, st.floats(0, 1))
def test_shares_of_independent_images_get_about_the_interval_of_a_proportion(seed, p):
    hits = np.random.default_rng(seed).random((400, 1)) < p
    found = share_interval(hits, np.ones((400, 1)))
    assert tuple(found)[1:] == pytest.approx(binomial_ends(int(hits.sum()), 400, 0.025), abs=2e-3)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_edits_that_stand_or_fall_together_count_once():
    right = np.random.default_rng(0).random((300, 1)) < 0.6
    together = share_interval(np.repeat(right, 7, axis=1), np.ones((300, 7)))
    assert tuple(together) == pytest.approx(tuple(share_interval(right, np.ones((300, 1)))))
    # Where nothing ever differs nothing tells seven edits from one.
    sure = share_interval(np.ones((300, 7)), np.ones((300, 7)))
    assert sure.high == 1
    assert 0.98 < sure.low < 1


@pytest.mark.parametrize(("mean", "sure"), [(0.5, 5), (0.97, 5), (0.9, 0.5)])
def test_the_mean_of_cells_is_covered_however_alike_an_images_edits_are(mean, sure):
    random, hits = np.random.default_rng(1), 0
    for _ in range(300):
        p = beta.rvs(mean * sure, (1 - mean) * sure, size=(100, 1), random_state=random)
        right = random.random((100, 7)) < p
        found = share_interval(right, np.ones((100, 7)))
        hits += found.low <= mean <= found.high
    assert hits / 300 >= 0.92


def test_cells_of_unequal_size_count_alike():
    emotions = np.repeat([0, 1], [90, 10])
    trials = np.eye(2)[emotions]
    hits = trials * (np.arange(100) % 2 == 0)[:, None] * [1, 0]
    found = share_interval(hits, trials)
    assert found.value == pytest.approx((0.5 + 0) / 2)


def test_a_class_that_always_fails_does_not_widen_the_mean():
    strata = np.arange(140) % 7
    hits = np.random.default_rng(0).random((140, 7)) < np.where(strata == 3, 0.02, 0.97)[:, None]
    over = share_interval(hits, np.ones((140, 7)))
    within = share_interval(hits, np.ones((140, 7)), strata)
    assert within.high - within.low < 0.5 * (over.high - over.low)


def test_images_that_count_for_nothing_are_not_images_of_their_class():
    strata = np.arange(28) % 7
    random = np.random.default_rng(0)
    a, b = random.random((2, 28)) + 1
    b[strata == 2] = a[strata == 2] = 0
    found = ratio_interval(a, b, strata)
    rest = ratio_interval(a[strata != 2], b[strata != 2], strata[strata != 2])
    assert tuple(found) == pytest.approx(tuple(rest))
    assert (found.influence.parts[strata == 2] == 0).all()
