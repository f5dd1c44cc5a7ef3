"""Which methods of a run are tied: from the records of the differences of every two methods."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ganbench.metrics import MetricSpec, rank_ranges, tied_with_best
from ganbench.records import MINUS, Results

Gap = tuple[float, float, float]
"""The difference of two methods, and the ends of its interval."""


def difference_of(results: Results, metric: str, name: str, other: str) -> Gap | None:
    """The value of a method minus that of another method, from the record of either method."""
    for sign, a, b in ((1, name, other), (-1, other, name)):
        r = results.find(a, metric, variant=MINUS + b)
        if r is not None and r.value is not None and r.low is not None and r.high is not None:
            low, high = sorted((sign * r.low, sign * r.high))
            return sign * r.value, low, high
    return None


def known_ties(results: Results, spec: MetricSpec, names: Sequence[str]) -> list[bool]:
    """Which methods no other method is shown to be better than, by the differences that there are."""
    return tied_with_best(_gaps(results, spec, names), len(names), spec.direction == "higher")


def ties_of(results: Results, spec: MetricSpec, names: Sequence[str]) -> list[bool] | None:
    """Which methods no other method is shown to be better than; None if a pair has no difference, or one is alone."""
    pairs = list(combinations(names, 2))
    if not pairs or any(difference_of(results, spec.name, a, b) is None for a, b in pairs):
        return None
    return known_ties(results, spec, names)


def ranks_of(
    results: Results, spec: MetricSpec, names: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """The smallest and the largest rank of each method (``metrics.rank_ranges``) among those with a value.

    Empty for a metric that is only reported, and where fewer than two methods have a difference.
    """
    known = [
        name
        for name in names
        if any(difference_of(results, spec.name, name, other) for other in names if other != name)
    ]
    if spec.direction == "reported" or len(known) < 2:
        return {}
    gaps = _gaps(results, spec, known)
    return dict(zip(known, rank_ranges(gaps, len(known), spec.direction == "higher"), strict=True))


def _gaps(
    results: Results, spec: MetricSpec, names: Sequence[str]
) -> dict[tuple[int, int], tuple[float, float]]:
    """For pairs of positions the ends of the interval of their difference."""
    return {
        (i, j): gap[1:]
        for i, j in combinations(range(len(names)), 2)
        if (gap := difference_of(results, spec.name, names[i], names[j]))
    }
