"""Confusion of neighbours (mSCR): how often an edit shows the emotion that is easily mistaken for its target.

FFE-Bench (arXiv 2603.25728, equations 1 and 2) calls it the mean structural confusion rate. With the share
C(i -> j) of the edits towards i that the judge assigns to j,

    mSCR = mean over the pairs (i, j) of (C(i -> j) + C(j -> i)) / 2

Every image is edited towards every emotion, so all emotions have as many edits, and this mean is the ratio of
all confused edits to all edits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import index
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="neighbour_confusion",
    title="mSCR (confusion of neighbours)",
    version=1,
    unit="%",
    direction="lower",
    digits=1,
    definition=(
        "Share of edits towards surprised, fearful, disgusted, angry, sad or neutral that the judge "
        "assigns to the neighbouring emotion: surprised for fearful, disgusted for angry, sad for "
        "neutral, and each the other way round. It is the mSCR of FFE-Bench (arXiv 2603.25728) for these "
        "three pairs; the variant 'FFE-Bench' has the first two, which that paper names."
    ),
)

NEIGHBOUR_PAIRS: tuple[tuple[str, str], ...] = (
    ("surprised", "fearful"),
    ("disgusted", "angry"),
    ("sad", "neutral"),
)

# The pairs that FFE-Bench names as examples; it does not list all of them.
FFE_BENCH_PAIRS = NEIGHBOUR_PAIRS[:2]


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
