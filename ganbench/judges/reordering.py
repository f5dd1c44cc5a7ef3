"""Labels that are numbered in another order than assumed; a judge that did not learn from them finds it.

A judge that understands the images agrees with most of their labels. If the labels' numbers follow another
order, the judge agrees with few labels, and with most of them after one permutation of the labels. That
permutation is the assignment of labels to answers that agrees with most answers (Kuhn, 1955).

A judge that does not understand the images must not cause an alarm. Its answers hardly depend on the
image, so that no permutation fits them: each answer can be assigned to one label only. A permutation is
therefore reported only if three conditions hold: it fits a good share of the images, in the mean over
labels; the images of the labels that it moves fit it three times as often as they fit the labels as they
are; and chance among all permutations that move as many labels does not explain that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from ganbench.emotions import EMOTIONS

K = len(EMOTIONS)

# Labels with fewer images are left out; at least this many labels must remain.
LEAST_IMAGES = 5
LEAST_LABELS = 4
# Mean over labels of the share of images that must fit the permutation, or the labels as they are.
UNDERSTOOD = 0.45
# Images of moved labels must fit the permutation this many times as often as the labels as they are.
TIMES = 3
# Largest probability that chance explains the fit.
CHANCE = 1e-4


@dataclass(frozen=True)
class Reordering:
    """A permutation of the labels that fits a judge's answers far better than the labels as they are.

    Attributes:
        shown: for each label, in Table-1 order, the emotion that the judge sees in its images.
        images: number of judged images.
        before, after: share of the images that the judge agrees with, as labelled and permuted.
    """

    shown: tuple[int, ...]
    images: int
    before: float
    after: float

    @property
    def moved(self) -> dict[int, int]:
        """The labels that the permutation moves, and the emotions that their images show."""
        return {label: shown for label, shown in enumerate(self.shown) if label != shown}


def counts(labels: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each label in [0, 7) got each answer: int64 [7, 7]; other labels are left out."""
    known = labels < K
    table = np.zeros((K, K), np.int64)
    np.add.at(table, (labels[known], judged[known]), 1)
    return table


def find_reordering(table: NDArray[np.int64]) -> Reordering | None:
    """The permutation that fits far better than the labels as they are; None if no permutation does.

    Args:
        table: ``counts`` of labels and answers of a judge that did not learn from these labels.
    """
    rows = np.flatnonzero(table.sum(axis=1) >= LEAST_IMAGES)
    if len(rows) < LEAST_LABELS:
        return None
    shares = table[rows] / table[rows].sum(axis=1, keepdims=True)
    # Of equal assignments the one that moves fewer labels is taken.
    _, shown = linear_sum_assignment(-(shares + 1e-9 * np.eye(K)[rows]))
    moved = [(row, int(to)) for row, to in zip(rows.tolist(), shown, strict=True) if row != to]
    if not moved or shares[np.arange(len(rows)), shown].mean() < UNDERSTOOD:
        return None
    labels, emotions = np.array([row for row, _ in moved]), np.array([to for _, to in moved])
    permuted, unpermuted = table[labels, emotions], table[labels, labels]
    sizes = table[labels].sum(axis=1)
    share = (permuted / sizes).mean()
    if share < UNDERSTOOD or share < TIMES * (unpermuted / sizes).mean():
        return None
    fits, trials = int(permuted.sum()), int(permuted.sum() + unpermuted.sum())
    if float(binom.sf(fits - 1, trials, 0.5)) * _permutations(len(moved)) > CHANCE:
        return None
    permutation = _completed(dict(zip(rows.tolist(), map(int, shown), strict=True)))
    images = int(table.sum())
    after = sum(int(table[label, to]) for label, to in enumerate(permutation))
    return Reordering(permutation, images, int(table.trace()) / images, after / images)


def understands(table: NDArray[np.int64]) -> bool:
    """Whether a judge agrees with the labels as they are, which shows that their order is right."""
    rows = np.flatnonzero(table.sum(axis=1) >= LEAST_IMAGES)
    if len(rows) < LEAST_LABELS or find_reordering(table) is not None:
        return False
    return bool((table[rows, rows] / table[rows].sum(axis=1)).mean() >= UNDERSTOOD)


def contradicts(table: NDArray[np.int64], claim: Reordering) -> bool:
    """Whether the answers of another judge fit the moved labels better as they are than permuted."""
    permuted = sum(int(table[label, shown]) for label, shown in claim.moved.items())
    unpermuted = sum(int(table[label, label]) for label in claim.moved)
    return unpermuted > permuted + 2 * math.sqrt(unpermuted + permuted)


def _permutations(moved: int) -> int:
    """Number of permutations of seven labels that move exactly ``moved`` of them; at least 1."""
    without_fixed_point = [1, 0]
    for n in range(2, moved + 1):
        without_fixed_point.append((n - 1) * (without_fixed_point[-1] + without_fixed_point[-2]))
    return max(1, math.comb(K, moved) * without_fixed_point[moved])


def _completed(known: dict[int, int]) -> tuple[int, ...]:
    """A whole permutation from its known part; other labels stay as they are where that is possible."""
    free = [emotion for emotion in range(K) if emotion not in known.values()]
    for label in range(K):
        if label not in known and label in free:
            known[label] = label
            free.remove(label)
    for label in range(K):
        if label not in known:
            known[label] = free.pop(0)
    return tuple(known[label] for label in range(K))
