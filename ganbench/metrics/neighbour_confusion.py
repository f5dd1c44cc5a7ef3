"""Confusion of neighbours: how often an edit shows the neighbour of the emotion that was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import index
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="neighbour_confusion",
    title="Confusion of neighbours",
    version=1,
    unit="%",
    direction="lower",
    digits=1,
    definition=(
        "The share of edits towards surprised, fearful, disgusted, angry, sad or neutral that the "
        "judge takes for its neighbour: surprised for fearful, disgusted for angry, sad for "
        "neutral, and each the other way round."
    ),
    ours=True,
)

NEIGHBOUR_PAIRS: tuple[tuple[str, str], ...] = (
    ("surprised", "fearful"),
    ("disgusted", "angry"),
    ("sad", "neutral"),
)


def neighbour_counts(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edits taken for the neighbouring emotion, and all edits towards the two, for each pair.

    Args:
        counts: [source, target, judged] of ``confusion``, in Table-1 order.

    Returns:
        Confused edits and trials, int64 [3] each, in the order of ``NEIGHBOUR_PAIRS``; the rate of all
        is the ratio of their sums.
    """
    judged = counts.sum(axis=0)
    pairs = np.array([[index(a), index(b)] for a, b in NEIGHBOUR_PAIRS])
    confused = judged[pairs, pairs[:, ::-1]].sum(axis=1)
    return confused.astype(np.int64), judged[pairs].sum(axis=(1, 2)).astype(np.int64)
