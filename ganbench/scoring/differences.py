"""Differences of the values of two methods on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganbench.metrics import paired, simultaneous_differences
from ganbench.records import MINUS, Record
from ganbench.scoring.intervals import interval_of


def differences(records: Sequence[Record], methods: Sequence[str]) -> list[Record]:
    """Records of the differences of every two methods, for every headline with an interval.

    A record holds its ``method`` minus the method that the variant names, in the unit of the metric. The
    intervals of one metric hold together: with 95 % probability all of them cover. They are paired,
    or independent where a value has no influence values, as those of some plug-ins. Values of
    different numbers of edits have no difference.

    Args:
        records: those of methods on the same images.
        methods: names; the earlier one of two is the minuend.
    """
    found = []
    headlines: dict[tuple[str, int], dict[str, Record]] = {}
    for r in records:
        if r.headline and r.low is not None and r.method in methods:
            headlines.setdefault((r.metric, r.n), {})[r.method] = r
    for by_method in headlines.values():
        column = [by_method[name] for name in methods if name in by_method]
        intervals = [interval_of(r) for r in column]
        for (i, j), gap in simultaneous_differences(intervals).items():
            pairing = "paired" if paired(intervals[i], intervals[j]) else "independent"
            found.append(
                replace(
                    column[i],
                    variant=MINUS + column[j].method,
                    value=gap.value,
                    low=gap.low,
                    high=gap.high,
                    direction="reported",
                    interval=f"{pairing}, all pairs together 95%",
                    note="",
                    influence=None,
                )
            )
    return found
