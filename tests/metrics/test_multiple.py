import numpy as np
import pytest
from scipy.stats import studentized_range

from ganbench.metrics import Interval, difference, multiple, ratio_interval
from ganbench.metrics.multiple import (
    column_constant,
    rank_ranges,
    simultaneous_differences,
    tied_with_best,
)


def means(random, methods, n=200, shift=0.0):
    x = random.standard_normal((methods, n)) + random.standard_normal(n)
    x[0] += shift
    return [ratio_interval(row, np.ones(n)) for row in x]


def test_the_constant_of_normal_values_is_tukeys():
    moves = np.random.default_rng(0).standard_normal((6, 1000))
    moves -= moves.mean(axis=1, keepdims=True)
    tukey = studentized_range.ppf(0.96, 6, np.inf) / np.sqrt(2)
    assert column_constant(moves) == pytest.approx(tukey, rel=0.05)
    assert column_constant(moves[:2]) < 2.3
    assert column_constant(np.zeros((3, 9))) == 0


def test_two_methods_have_the_interval_of_their_difference():
    a, b = means(np.random.default_rng(0), 2)
    assert tuple(simultaneous_differences([a, b])[0, 1]) == tuple(difference(a, b))


def test_the_intervals_of_several_methods_are_widened_by_one_factor():
    column = means(np.random.default_rng(1), 6)
    found = simultaneous_differences(column)
    assert len(found) == 15
    factors = [
        (gap.high - gap.low) / (lambda d: d.high - d.low)(difference(column[i], column[j]))
        for (i, j), gap in found.items()
    ]
    assert min(factors) > 1.3
    assert max(factors) == pytest.approx(min(factors), rel=0.05)


def test_values_without_influence_values_get_bonferronis_intervals():
    column = [Interval(v, v - 1, v + 1) for v in (0.0, 1.0, 5.0)]
    gap = simultaneous_differences(column)[0, 2]
    assert gap.low == pytest.approx(-5 - np.sqrt(2) * 2.394 / 1.96, rel=1e-3)


def test_ties_are_those_than_which_no_other_is_shown_to_be_better():
    gaps = {(0, 1): (-1, 1), (0, 2): (0.5, 2), (1, 2): (-0.5, 2)}
    assert tied_with_best(gaps, 3, higher=True) == [True, True, False]
    assert tied_with_best(gaps, 3, higher=False) == [False, True, True]
    floats = {pair: tuple(map(np.float64, ends)) for pair, ends in gaps.items()}
    assert tied_with_best(floats, 3, higher=True) == [True, True, False]


@pytest.mark.slow
def test_six_equal_methods_are_rarely_told_apart_and_a_better_one_often_is():
    random, false, true = np.random.default_rng(2), 0, 0
    for _ in range(300):
        for shift in (0.0, 0.5):
            column = means(random, 6, shift=shift)
            gaps = {k: (g.low, g.high) for k, g in simultaneous_differences(column).items()}
            tied = tied_with_best(gaps, 6, higher=True)
            if shift:
                true += tied[0] and not any(tied[1:])
            else:
                false += not all(tied)
    assert false / 300 <= 0.08
    assert true / 300 >= 0.8


def test_ranks_count_who_is_shown_to_be_better_and_worse():
    gaps = {(0, 1): (-1, 1), (0, 2): (0.5, 2), (1, 2): (-0.5, 2)}
    assert rank_ranges(gaps, 3, higher=True) == [(1, 2), (1, 3), (2, 3)]
    assert rank_ranges(gaps, 3, higher=False) == [(2, 3), (1, 3), (1, 2)]
    assert rank_ranges({}, 2, higher=True) == [(1, 2), (1, 2)]


def test_many_methods_have_the_constant_of_all_pairs(monkeypatch):
    """Draws of blocks of pairs are those of all pairs."""
    moves = np.random.default_rng(4).standard_normal((9, 60))
    whole = column_constant(moves)
    monkeypatch.setattr(multiple, "BLOCK", 7)
    assert column_constant(moves) == pytest.approx(whole, rel=1e-12)


@pytest.mark.slow
def test_all_ranges_of_a_column_cover_the_ranks():
    """Six methods with known expected values: in 95 of 100 draws no range misses its rank."""
    random, right, draws = np.random.default_rng(3), 0, 300
    shifts = np.array([0.0, 0.0, 0.15, 0.3, 0.3, 0.6])
    for _ in range(draws):
        x = random.standard_normal((6, 200)) + random.standard_normal(200) + shifts[:, None]
        column = [ratio_interval(row, np.ones(200)) for row in x]
        gaps = {pair: (gap.low, gap.high) for pair, gap in simultaneous_differences(column).items()}
        ranges = rank_ranges(gaps, 6, higher=True)
        # Methods of equal expected values share the ranks between them.
        best = [1 + (shifts > shift).sum() for shift in shifts]
        worst = [6 - (shifts < shift).sum() for shift in shifts]
        right += all(
            low <= first and high >= last
            for (low, high), first, last in zip(ranges, best, worst, strict=True)
        )
    assert right / draws >= 0.93
