"""The intervals of records: from edits and images to the fields ``low``, ``high`` and ``interval``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import Interval, ratio_interval, strata_of, variance_counted
from ganbench.metrics.intervals import NO_INFLUENCE
from ganbench.records import Record

# How an interval was made, as in ``Record.interval``: the name of the procedure.
HALL, SHARE, CELL, HALVES = "Hall", "mid-p", "mid-p", "halves"


def how(procedure: str, strata: NDArray[np.int64]) -> str:
    """The procedure and the variance that it counts: ``Hall within classes``."""
    return f"{procedure} {variance_counted(strata)}"


def ends(interval: Interval | None, how: str, scale: float = 1.0) -> dict[str, Any]:
    """The fields of a record that hold a 95 % interval; none without an interval.

    Args:
        interval: in the unit of the metric's function.
        how: the interval was made, e.g. ``"Hall over images"``.
        scale: from that unit to the unit of the record.
    """
    if interval is None:
        return {}
    return {
        "low": scale * interval.low,
        "high": scale * interval.high,
        "interval": f"{how} 95%",
        "influence": interval.influence.scaled(scale),
    }


def interval_of(record: Record) -> Interval:
    """The interval that a record with ``low`` and ``high`` holds."""
    assert record.value is not None
    assert record.low is not None
    assert record.high is not None
    return Interval(record.value, record.low, record.high, record.influence or NO_INFLUENCE)


def over_images(
    labels: NDArray[np.int64],
    values: NDArray[np.float64],
    known: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """The fields of the interval of the mean of ``values`` [n, edits], of those that are ``known``.

    Args:
        labels: int64 [N], the emotions of the images; the values are those of the first n images.
    """
    chosen = np.ones(values.shape, np.bool_) if known is None else known
    sums = np.where(chosen, values, 0).sum(axis=1)
    return _ratio(labels, sums, chosen.sum(axis=1))


def ratio_over_images(
    labels: NDArray[np.int64],
    edited: NDArray[np.float64],
    unedited: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> dict[str, Any]:
    """The fields of the interval of ``relative_distance`` of the ``chosen`` edits; all [n, edits].

    Args:
        labels: int64 [N], the emotions of the images; the distances are those of the first n images.
    """
    known = chosen & ~(np.isnan(edited) | np.isnan(unedited))
    sums, totals = (np.where(known, d, 0).sum(axis=1) for d in (edited, unedited))
    return _ratio(labels, sums, totals)


def _ratio(
    labels: NDArray[np.int64], sums: NDArray[np.float64], totals: NDArray[np.float64]
) -> dict[str, Any]:
    strata = strata_of(labels[: len(sums)])
    return ends(ratio_interval(sums, totals, strata), how(HALL, strata))
