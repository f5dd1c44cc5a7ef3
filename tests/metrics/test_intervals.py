import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from ganbench.metrics import (
    Influence,
    Interval,
    difference,
    frechet_interval,
    ratio_interval,
    share_interval,
    skewed_interval,
    strata_of,
)
from ganbench.metrics.intervals import spread

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 7), st.integers(3, 20))
def test_the_variance_of_a_mean_is_the_textbook_formula_of_stratified_samples(seed, classes, each):
    random = np.random.default_rng(seed)
    strata = np.arange(classes * each) % classes
    x = random.gamma(1, size=len(strata)) + 5 * strata
    n = len(x)
    by_class = [x[strata == c] for c in range(classes)]
    expected = sum((len(y) / n) ** 2 * y.var(ddof=1) / len(y) for y in by_class)
    found = spread(x / n, strata)
    assert found.variance == pytest.approx(expected)
    assert each - 1 <= found.freedom + 1e-6
    assert found.freedom <= n - classes + 1e-6


def test_the_third_cumulant_is_unbiased():
    # A sum of n exponential variables over n has the third cumulant 2 / n^2.
    random, strata = np.random.default_rng(0), np.arange(12) % 2
    found = [spread(random.exponential(size=12) / 12, strata).third for _ in range(20000)]
    assert np.mean(found) == pytest.approx(2 / 144, rel=0.1)


@given(seeds, st.integers(2, 30))
def test_a_symmetric_sample_gets_students_interval(seed, half):
    x = np.random.default_rng(seed).standard_normal(half)
    x = np.concatenate([x, -x])
    found = skewed_interval(3.0, x / len(x), np.zeros(len(x), np.int64))
    expected = t.interval(0.95, len(x) - 1, 3.0, x.std(ddof=1) / np.sqrt(len(x)))
    assert tuple(found)[1:] == pytest.approx(expected, rel=1e-6)


def test_the_long_side_of_an_interval_is_that_of_the_skew():
    x = np.random.default_rng(0).exponential(size=50)
    one = np.zeros(50, np.int64)
    found = skewed_interval(1.0, (x - x.mean()) / 50, one)
    assert found.high - 1 > 1.2 * (1 - found.low)
    turned = skewed_interval(1.0, -(x - x.mean()) / 50, one)
    assert (turned.low, turned.high) == pytest.approx((2 - found.high, 2 - found.low))
    # A distance is never skewed to the left, and its quadratic part skews it more to the right.
    distance = skewed_interval(1.0, -(x - x.mean()) / 50, one, quadratic=0.0)
    assert distance.high - 1 == pytest.approx(1 - distance.low)
    more = skewed_interval(1.0, (x - x.mean()) / 50, one, quadratic=0.3, added=0.3)
    assert more.high > found.high
    assert skewed_interval(0.1, x / 50, one, least=0.0).low >= 0


def test_influence_values_add_up_to_the_variance():
    random, strata = np.random.default_rng(0), np.arange(60) % 3
    u = random.standard_normal(60) + strata
    found = skewed_interval(1.0, u, strata).influence
    assert found.parts @ found.parts == pytest.approx(spread(u, strata).variance)
    v = random.standard_normal(60)
    both = found.parts @ skewed_interval(1.0, v, strata).influence.parts
    cross = (spread(u + v, strata).variance - spread(u - v, strata).variance) / 4
    assert both == pytest.approx(cross)


@pytest.mark.slow
@pytest.mark.parametrize("n", [140, 350])
def test_a_skewed_mean_is_covered_within_classes(n):
    strata, hits, widths, means = np.arange(n) % 7, 0, [], []
    for seed in range(1000):
        x = np.random.default_rng([seed, n]).lognormal(0, 1, n) * (1 + strata)
        found = ratio_interval(x, np.ones(n), strata)
        hits += found.low <= 4 * np.exp(0.5) <= found.high
        widths.append(found.high - found.low)
        means.append(found.value)
    assert 0.92 <= hits / 1000 <= 0.98
    assert np.mean(widths) < 1.5 * 3.92 * np.std(means)


@given(seeds)
def test_a_paired_difference_of_means_has_students_interval_of_the_differences(seed):
    a, noise = np.random.default_rng(seed).standard_normal((2, 30))
    b = a + noise + 1
    found = difference(*(ratio_interval(x, np.ones(30)) for x in (a, b)))
    expected = t.interval(0.95, 29, (a - b).mean(), (a - b).std(ddof=1) / np.sqrt(30))
    assert tuple(found)[1:] == pytest.approx(expected)


def test_the_classes_do_not_widen_a_difference():
    strata = np.arange(70) % 7
    a, b = np.random.default_rng(0).standard_normal((2, 70)) + strata
    within = difference(*(ratio_interval(x, np.ones(70), strata) for x in (a, 3 * b)))
    over = difference(*(ratio_interval(x, np.ones(70)) for x in (a, 3 * b)))
    assert within.value == over.value
    assert within.high - within.low < 0.8 * (over.high - over.low)


@given(seeds, st.integers(0, 9))
def test_a_difference_has_the_opposite_sign_the_other_way_round(seed, parts):
    random = np.random.default_rng(seed)
    a, b = (
        Interval(
            x, x - random.random(), x + random.random(), Influence(random.standard_normal(parts))
        )
        for x in random.random(2)
    )
    there, back = difference(a, b), difference(b, a)
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )
    assert there.low <= there.value <= there.high
    unpaired = difference(Interval(*a), Interval(*b))
    root = np.hypot(a.value - a.low, b.high - b.value)
    assert unpaired.value - unpaired.low == pytest.approx(root)


def test_two_methods_that_never_fail_may_differ_all_the_same():
    a, b = (share_interval(np.ones((50, 1)), np.ones((50, 1))) for _ in range(2))
    found = difference(a, b)
    assert found.low < 0 < found.high
    assert found.value == 0


def test_the_difference_of_a_method_to_itself_is_exactly_zero():
    random, image = np.random.default_rng(5), np.repeat(np.arange(40), 2)
    real = random.standard_normal((40, 4))
    fake = real[image] + random.standard_normal((80, 4))
    a = frechet_interval(real, fake, image, strata_of(np.arange(40) % 4))
    assert tuple(difference(a, a)) == (0, 0, 0)
