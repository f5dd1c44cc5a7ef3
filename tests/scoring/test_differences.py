"""Differences of two methods, from the intervals of their values."""

import pytest

from ganbench.metrics import METRICS
from ganbench.scoring import record as record_of
from ganbench.scoring.differences import differences


def test_values_that_do_not_tell_how_they_move_are_told_apart_as_independent_ones():
    a, b = (record_of(METRICS["fed"], name, 9.0, 7, low=8.0, high=10.0) for name in "ab")
    (apart,) = differences([a, b], ["a", "b"])
    assert (apart.method, apart.variant, apart.interval) == (
        "a",
        "minus b",
        "independent, all pairs together 95%",
    )
    assert (apart.low, apart.high) == pytest.approx((-(2**0.5), 2**0.5))
    assert (
        differences([a, record_of(METRICS["fed"], "b", 9.0, 6, low=8.0, high=10.0)], ["a", "b"])
        == []
    )
