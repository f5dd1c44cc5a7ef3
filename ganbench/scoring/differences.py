"""Differences of the values of two methods on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from ganbench.metrics import difference, paired
from ganbench.records import MINUS, Record
from ganbench.scoring.intervals import interval_of


def differences(records: Sequence[Record], methods: Sequence[str]) -> list[Record]:
    """Records of the differences of every two methods, for every headline with an interval.

    A record holds its ``method`` minus the method that the variant names, in the unit of the metric.
    Each interval has a coverage of 95 %, so one of twenty differences of equal methods excludes 0.
    Intervals are paired, or independent where a value has no influence values, as those of some
    plug-ins. Values of different numbers of edits have no difference.

    Args:
        records: those of methods on the same images.
        methods: names; the earlier one of two is the minuend.
    """
    headlines = {(r.metric, r.method): r for r in records if r.headline and r.low is not None}
    of_pairs = []
    for metric in dict.fromkeys(metric for metric, _ in headlines):
        for name, other in combinations(methods, 2):
            a, b = headlines.get((metric, name)), headlines.get((metric, other))
            if a is None or b is None or a.n != b.n:
                continue
            x, y = interval_of(a), interval_of(b)
            value, low, high = difference(x, y)
            of_pairs.append(
                replace(
                    a,
                    variant=MINUS + other,
                    value=value,
                    low=low,
                    high=high,
                    direction="reported",
                    interval="paired 95%" if paired(x, y) else "independent 95%",
                    note="",
                    influence=None,
                )
            )
    return of_pairs
