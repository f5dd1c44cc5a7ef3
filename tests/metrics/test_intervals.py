import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from ganbench.errors import BadInput
from ganbench.metrics import (
    Influence,
    Interval,
    assign_groups,
    difference,
    frechet_distance,
    frechet_statistic,
    jackknife,
    kernel_distance,
    kernel_statistic,
    ratio_interval,
    share_interval,
)

NONE = np.zeros(0)


def editor(random, n=60, d=4, edits=2):
    """Real images, edits of each, and their groups."""
    groups = assign_groups(n)
    real = random.standard_normal((n, d))
    fake = np.repeat(real, edits, axis=0) + 0.5 * random.standard_normal((n * edits, d)) + 0.3
    return real, fake, groups, np.repeat(groups, edits)


def test_groups_are_of_equal_size_and_repeatable():
    groups = assign_groups(67)
    assert set(np.bincount(groups)) == {3, 4}
    assert len(np.bincount(groups)) == 20
    assert (groups == assign_groups(67)).all()
    assert sorted(assign_groups(5)) == [0, 1, 2, 3, 4]


def test_a_mean_gets_students_interval():
    groups = np.arange(20)
    x = np.random.default_rng(0).standard_normal(20)
    value, low, high = jackknife(lambda keep: x[keep[groups]].mean())
    assert value == pytest.approx(x.mean())
    expected = t.interval(0.95, 19, x.mean(), x.std(ddof=1) / np.sqrt(20))
    assert (low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("statistic", "distance"),
    [(frechet_statistic, frechet_distance), (kernel_statistic, kernel_distance)],
)
def test_kept_groups_give_the_distance_of_their_features(statistic, distance):
    real, fake, of_real, of_fake = editor(np.random.default_rng(1))
    value = statistic(real + 9, fake + 9, of_real, of_fake)
    for keep in (np.ones(20, bool), np.arange(20) % 3 > 0):
        expected = distance(real[keep[of_real]] + 9, fake[keep[of_fake]] + 9)
        assert value(keep) == pytest.approx(expected, rel=1e-7)


def test_features_that_never_or_hardly_ever_fire():
    # As a judge's do, so that covariances are singular, some only without a certain group.
    real, fake, of_real, of_fake = editor(np.random.default_rng(1), d=8)
    for x in (real, fake):
        x[:, 0] = 3
        x[:, 1:3] = 0
    real[of_real == 0, 1] = 1
    fake[of_fake == 0, 2] = 1
    value = frechet_statistic(real, fake, of_real, of_fake)
    for keep in (np.ones(20, bool), np.arange(20) > 0, np.arange(20) > 9):
        expected = frechet_distance(real[keep[of_real]], fake[keep[of_fake]])
        assert value(keep) == pytest.approx(expected, rel=1e-8)


def test_fewer_images_than_features_have_an_interval():
    value, low, high = jackknife(frechet_statistic(*editor(np.random.default_rng(2), n=20, d=30)))
    assert np.isfinite([low, high]).all()
    assert low < value < high


def by_definition(statistic, groups):
    """Value, V_1 and V_2 of the module's docstring, one deletion at a time."""
    everything = set(range(groups))

    def without(*left_out):
        return statistic(np.isin(np.arange(groups), list(everything - set(left_out))))

    whole, one = without(), [without(g) for g in range(groups)]
    pairs = [
        groups * whole - (groups - 1) * (one[g] + one[h]) + (groups - 2) * without(g, h)
        for g in range(groups)
        for h in range(g)
    ]
    first = (groups - 1) / groups * sum((x - np.mean(one)) ** 2 for x in one)
    second = sum((q - np.mean(pairs)) ** 2 for q in pairs) / (groups * (groups - 1))
    return whole, first, second


@pytest.mark.parametrize("shift", [0, 0.02, 30])  # the quadratic part rules, or the linear one
@pytest.mark.parametrize("groups", [4, 12])
def test_the_interval_is_that_of_the_definition(shift, groups):
    x = np.random.default_rng(3).standard_normal((groups, 2))
    x += shift - x.mean(axis=0)

    def statistic(keep):
        return float(np.square(x[keep].mean(axis=0)).sum())

    value, low, high = jackknife(statistic, groups)
    whole, first, second = by_definition(statistic, groups)
    ratio = min(second / first, 0.5)
    half = t.ppf(0.975, groups - 1) * np.sqrt(first)
    assert value == pytest.approx(whole)
    assert value - low == pytest.approx(half * np.sqrt(1 - 2 * ratio**2))
    assert high - value == pytest.approx(half * np.sqrt(1 - 1.5 * ratio**2))
    assert ratio == pytest.approx(0.5 if shift == 0 else ratio)
    assert ratio < 0.05 or shift < 30


def test_the_difference_of_a_method_to_itself_is_exactly_zero():
    a = jackknife(frechet_statistic(*editor(np.random.default_rng(5))))
    assert tuple(difference(a, a)) == pytest.approx((0, 0, 0), abs=1e-6 * a.value)


def test_pairing_on_common_images_narrows_a_difference():
    random = np.random.default_rng(6)
    real, fake, of_real, of_fake = editor(random)
    near = fake + 0.05 * random.standard_normal(fake.shape) + 0.05
    statistics = [frechet_statistic(real, x, of_real, of_fake) for x in (fake, near)]
    a, b = map(jackknife, statistics)
    paired, direct = (
        difference(b, a),
        jackknife(lambda keep: np.diff([s(keep) for s in statistics])[0]),
    )
    assert paired.value == pytest.approx(frechet_distance(real, near) - a.value)
    assert paired.high - paired.low < 0.5 * (a.high - a.low)
    assert paired.low > 0
    # It is the jackknife of the difference itself, at the end that does not ask which one is skewed.
    assert paired.high == pytest.approx(direct.high)
    back = difference(a, b)
    assert (back.low, back.high) == pytest.approx((-paired.high, -paired.low))


@given(st.integers(0, 2**32 - 1))
def test_a_paired_difference_of_means_has_students_interval_of_the_differences(seed):
    a, noise = np.random.default_rng(seed).standard_normal((2, 30))
    b = a + noise + 1
    found = difference(*(ratio_interval(x, np.ones(30)) for x in (a, b)))
    expected = t.interval(0.95, 29, (a - b).mean(), (a - b).std(ddof=1) / np.sqrt(30))
    assert tuple(found)[1:] == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_a_difference_has_the_opposite_sign_the_other_way_round(seed, parts):
    random = np.random.default_rng(seed)
    a, b = (
        Interval(
            x,
            x - random.random(),
            x + random.random(),
            Influence(random.standard_normal(parts), NONE),
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


def test_what_has_no_interval():
    with pytest.raises(BadInput, match="four groups"):
        jackknife(lambda keep: 0.0, groups=3)
    with pytest.raises(BadInput, match="group"):
        frechet_statistic(np.zeros((3, 2)), np.zeros((3, 2)), np.arange(3), np.arange(2))
