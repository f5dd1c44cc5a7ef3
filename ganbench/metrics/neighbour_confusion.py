"""Confusion of neighbours: how often an edit shows the emotion that is easily mistaken for its target."""

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
        "Share of edits towards surprised, fearful, disgusted, angry, sad or neutral that the judge "
        "assigns to the neighbouring emotion: surprised for fearful, disgusted for angry, sad for "
        "neutral, and each the other way round. With as many edits to each emotion it is the mSCR of "
        "FFE-Bench for these pairs."
    ),
    ours=True,
)

NEIGHBOUR_PAIRS: tuple[tuple[str, str], ...] = (
    ("surprised", "fearful"),
    ("disgusted", "angry"),
    ("sad", "neutral"),
)


def neighbour_counts(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Confused edits and all edits towards the two emotions of each pair.

    Args:
        counts: [source, target, judged] from ``confusion``, in Table-1 order.

    Returns:
        Confused edits and trials, int64 [3] each, in the order of ``NEIGHBOUR_PAIRS``. The rate over all
        pairs is the ratio of the sums.
    """
    judged = counts.sum(axis=0)
    pairs = np.array([[index(a), index(b)] for a, b in NEIGHBOUR_PAIRS])
    confused = judged[pairs, pairs[:, ::-1]].sum(axis=1)
    return confused.astype(np.int64), judged[pairs].sum(axis=(1, 2)).astype(np.int64)
