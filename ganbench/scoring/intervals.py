"""The intervals of records: from edits and images to the fields ``low``, ``high`` and ``interval``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics import Interval, assign_groups, jackknife, ratio_interval
from ganbench.metrics.intervals import NO_INFLUENCE, Statistic
from ganbench.records import Record

# How an interval was made, as in ``Record.interval``.
MEAN, SHARE, HALVES = "jackknife of images", "wilson of images", "halves of images"


def ends(interval: Interval | None, how: str, scale: float = 1.0) -> dict[str, Any]:
    """The fields of a record that hold a 95 % interval; none without an interval.

    Args:
        interval: in the unit of the metric's function.
        how: the interval was made, e.g. ``MEAN``.
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
    values: NDArray[np.float64], known: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """The fields of the interval of the mean of ``values`` [N, edits], of those that are ``known``."""
    chosen = np.ones(values.shape, np.bool_) if known is None else known
    sums = np.where(chosen, values, 0).sum(axis=1)
    return ends(ratio_interval(sums, chosen.sum(axis=1)), MEAN)


def ratio_over_images(
    edited: NDArray[np.float64], unedited: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """The fields of the interval of ``relative_distance`` of the ``chosen`` edits; all [N, edits]."""
    known = chosen & ~(np.isnan(edited) | np.isnan(unedited))
    sums, totals = (np.where(known, d, 0).sum(axis=1) for d in (edited, unedited))
    return ends(ratio_interval(sums, totals), MEAN)


def over_groups(
    images: int, statistic_of: Callable[[NDArray[np.int64]], Statistic]
) -> dict[str, Any]:
    """The fields of the interval of a statistic of all images, from the jackknife of groups of images.

    Args:
        images: how many there are.
        statistic_of: the statistic, from the group of each image, int64 [images].

    Returns:
        No fields with fewer than four images, or where some groups alone have no value.
    """
    groups = assign_groups(images)
    count = len(np.unique(groups))
    if count < 4:
        return {}
    interval = jackknife(statistic_of(groups), count)
    return ends(interval, f"jackknife of {count} groups") if np.isfinite(interval.low) else {}
