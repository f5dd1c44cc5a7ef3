"""How much each method exceeds each other one, on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from ganbench.metrics import difference, paired
from ganbench.records import MINUS, Record
from ganbench.scoring.intervals import interval_of


def differences(records: Sequence[Record], methods: Sequence[str]) -> list[Record]:
    """The difference of every two methods in every value over all emotions with an interval.

    ``method`` minus the one that the variant names, in the unit of the metric. The intervals are of
    single differences, each 95 %: of twenty between equal methods one does not hold 0. They are paired,
    or independent where a value, as of a plug-in, has no influence values. Values of other numbers
    of edits have none.

    Args:
        records: of methods on the same images.
        methods: their names; the earlier one of two is the minuend.
    """
    headlines = {(r.metric, r.method): r for r in records if r.headline and r.low is not None}
    found = []
    for metric in dict.fromkeys(metric for metric, _ in headlines):
        for name, other in combinations(methods, 2):
            a, b = headlines.get((metric, name)), headlines.get((metric, other))
            if a is None or b is None or a.n != b.n:
                continue
            x, y = interval_of(a), interval_of(b)
            value, low, high = difference(x, y)
            found.append(
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
    return found
