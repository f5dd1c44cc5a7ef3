import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from ganbench.errors import BadInput
from ganbench.metrics import (
    binomial_ends,
    calibration_interval,
    judge_calibration,
    prdc,
    prdc_intervals,
)
from ganbench.metrics.halves import amount_from_halves, group_count, share_from_halves, splits
from ganbench.metrics.precision_recall import _of_subsets

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("groups", [4, 16, 64])
def test_halves_are_balanced_and_orthogonal_and_quarters_make_them_up(groups):
    halves, quarters = splits(groups)
    assert (halves.sum(axis=2) == groups / 2).all()
    assert (halves[0] != halves[1]).all()
    signs = 2.0 * halves[0] - 1
    assert np.array_equal(signs @ signs.T, groups * np.eye(3 * groups // 4))
    assert (quarters.sum(axis=2) == groups / 4).all()
    # Each four groups are halved by every split, and have one group in each quarter.
    assert (halves.reshape(2, -1, 4, groups // 4).sum(axis=2) == 2).all()
    assert (quarters.reshape(4, -1, 4, groups // 4).sum(axis=2) == 1).all()
    assert np.array_equal(quarters[0] | quarters[1], halves[0])
    assert np.array_equal(quarters[2] | quarters[3], halves[1])


@pytest.mark.parametrize("groups", [0, 2, 12])
def test_what_has_no_halves(groups):
    with pytest.raises(BadInput, match="power of two"):
        splits(groups)


@given(st.integers(4, 1000))
def test_groups_are_as_many_as_the_images_fill(images):
    groups = group_count(images)
    assert groups == 64 if images >= 64 else groups <= images < 2 * groups


@given(seeds)
def test_a_mean_far_from_0_has_students_interval_and_one_near_0_stays_there(seed):
    x = np.random.default_rng(seed).standard_normal(16)
    halves = (splits(16).halves * x).sum(axis=2) / 8
    within = np.sqrt(x.reshape(4, 4).var(axis=0, ddof=1).mean())
    found = amount_from_halves(1e6 + x.mean(), 1e6 + halves)
    expected = t.interval(0.95, 12, x.mean(), within / 4)
    assert [end - 1e6 for end in found] == pytest.approx((x.mean(), *expected), abs=1e-3)
    near = amount_from_halves(0.01, 0.01 + halves)
    assert 0 <= near.low <= near.value <= near.high
    assert np.sqrt(near.high) - 0.1 == pytest.approx((found.high - found.value) / 0.2, rel=1e-3)
    assert amount_from_halves(0.0, 0.1 + halves).high > 0


def test_a_variance_that_falls_more_slowly_than_by_half_is_followed_up_to_twice():
    random = np.random.default_rng(0)
    halves = random.standard_normal((2, 63))
    halves -= halves.mean()
    plain = amount_from_halves(1e6, 1e6 + halves)

    def widened(scale):
        quarters = scale * random.standard_normal((4, 63))
        found = amount_from_halves(1e6, 1e6 + halves, quarters)
        return ((found.high - 1e6) / (plain.high - 1e6)) ** 2

    assert widened(2) == pytest.approx(1, rel=1e-4)  # more slowly than it should: never narrower
    assert 1.2 < widened(1.15) < 1.8
    assert widened(0.1) == pytest.approx(2, rel=1e-4)
    # Of a number of events the variance also follows the mean, here half of that of the halves.
    fewer = amount_from_halves(5e5, 1e6 + halves, 2 * random.standard_normal((4, 63)))
    assert ((fewer.high - 5e5) / (plain.high - 1e6)) ** 2 == pytest.approx(0.5, rel=1e-2)


@given(seeds, st.floats(0, 1))
def test_a_share_of_independent_rows_has_about_the_interval_of_a_proportion(seed, p):
    hits = np.random.default_rng(seed).random(640) < p
    halves = splits(64).halves
    parts = (halves * hits.reshape(64, 10).mean(axis=1)).sum(axis=2) / 32
    found = share_from_halves(hits.mean(), parts, 640, 64)
    low, high = binomial_ends(int(hits.sum()), 640)
    assert 0.99 * (high - low) < found.high - found.low
    if 9 < hits.sum() < 631:  # fewer tell little of how they vary
        assert found.high - found.low < 1.7 * (high - low)
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_share_that_never_varies_has_as_many_trials_as_images(value):
    found = share_from_halves(value, np.full((2, 63), value), 1400, 200)
    low, high = binomial_ends(200 * value, 200)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-3)


def features(seed=0, n=70, edits=2):
    random = np.random.default_rng(seed)
    real = random.standard_normal((n, 3))
    fake = np.repeat(real, edits, axis=0) + 0.7 * random.standard_normal((n * edits, 3))
    return real, fake, np.repeat(np.arange(n), edits)


def test_subsets_have_the_values_of_their_rows():
    real, fake, image = features()
    half = np.random.default_rng(1).random((5, len(real))) < 0.6
    found = _of_subsets(real, fake, half, half[:, image], 5, 32, 2**20)
    for rows, values in zip(half, found.T, strict=True):
        assert values == pytest.approx(prdc(real[rows], fake[rows[image]]))


def test_the_four_have_intervals_around_their_values_whatever_the_memory():
    real, fake, image = features()
    found = prdc_intervals(real, fake, image)
    assert [i.value for i in found] == pytest.approx(prdc(real, fake))
    for name, interval in found._asdict().items():
        assert interval.low < interval.value <= interval.high, name
        assert name == "density" or 0 <= interval.low <= interval.high <= 1
        assert interval.influence.parts.shape == (48,)
    again = prdc_intervals(real, fake, image, memory=1)
    assert [tuple(i) for i in again] == [tuple(i) for i in found]


def test_edits_of_an_image_stand_or_fall_with_it():
    real, fake, image = features(edits=1)  # copies of its one edit say nothing new
    once = prdc_intervals(real, fake, image)
    copied = prdc_intervals(real, np.repeat(fake, 4, axis=0), np.repeat(image, 4))
    assert copied.precision.value == pytest.approx(once.precision.value, abs=1e-9)
    width = copied.precision.high - copied.precision.low
    assert width > 0.9 * (once.precision.high - once.precision.low)


def test_too_few_images_have_no_interval():
    real, fake, image = features(n=20)
    assert prdc_intervals(real, fake, image) is None
    assert calibration_interval(np.eye(7), np.arange(7)) is None
    with pytest.raises(BadInput, match="group"):
        prdc_intervals(real, fake, image[1:])


@given(seeds, st.integers(8, 200))
def test_the_calibration_error_has_an_interval_around_it(seed, n):
    random = np.random.default_rng(seed)
    logits, labels = 3 * random.standard_normal((n, 7)), random.integers(0, 7, n)
    found = calibration_interval(logits, labels)
    assert found.value == pytest.approx(judge_calibration(logits, labels).ece, abs=1e-12)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("scale", [0.1, 10])
def test_dense_and_sparse_pairs_give_the_same(monkeypatch, scale):
    real, fake, image = features()
    found = {}
    for dense in (0, 1):
        monkeypatch.setattr("ganbench.metrics.precision_recall.DENSE", dense)
        found[dense] = [tuple(i) for i in prdc_intervals(real, scale * fake, image)]
    assert found[0] == found[1]


def test_a_calibration_error_stays_within_0_and_1():
    worst = calibration_interval(50 * np.eye(7)[np.arange(20) % 7], (np.arange(20) + 1) % 7)
    assert worst.high <= 1
    best = calibration_interval(900 * np.eye(7)[np.arange(70) % 7], np.arange(70) % 7)
    assert (best.value, best.low) == (0, 0)
