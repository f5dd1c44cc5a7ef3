"""Labels in another order than they are taken for, found by a judge that did not learn from them.

Under the right labels a judge that understands the images agrees with most of them. Where the labels'
numbers were given in another order, it agrees with few, but with most under one permutation of the
labels: the assignment of labels to the judge's answers that keeps most of its answers (Kuhn, 1955).

A judge that does not understand the images must not raise an alarm. Its answers hardly depend on what an
image shows, hence no permutation fits them: each answer can count for one label only. So a permutation
is only believed where it fits a good share of the images, in the mean over labels; where the labels that
it moves fit it three times as often as their own; and where chance among all permutations that move as
many labels does not explain that.
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

# Labels with fewer images say nothing; of the others there must be so many.
LEAST_IMAGES = 5
LEAST_LABELS = 4
# Mean share of a label's images that the permutation, or the labels as they are, must fit.
UNDERSTOOD = 0.45
# How many times as many images of the moved labels must fit the permutation as fit their labels.
TIMES = 3
# Greatest probability that chance explains it.
CHANCE = 1e-4


@dataclass(frozen=True)
class Reordering:
    """A permutation of the labels that fits a judge's answers far better than the labels do.

    Attributes:
        shown: for each label, in Table-1 order, the emotion that its images show by the judge.
        images: how many images were judged.
        before, after: share of the images that the judge agrees with, as labelled and permuted.
    """

    shown: tuple[int, ...]
    images: int
    before: float
    after: float

    @property
    def moved(self) -> dict[int, int]:
        """The labels that are not what they are called, and what they show."""
        return {label: shown for label, shown in enumerate(self.shown) if label != shown}

    @property
    def inverse(self) -> tuple[int, ...]:
        """For each emotion the label of the images that show it."""
        return tuple(self.shown.index(emotion) for emotion in range(K))


def counts(labels: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each label [0, 7) met each answer: int64 [7, 7]; other labels are passed over."""
    known = labels < K
    found = np.zeros((K, K), np.int64)
    np.add.at(found, (labels[known], judged[known]), 1)
    return found


def find_reordering(table: NDArray[np.int64]) -> Reordering | None:
    """The permutation that fits far better than the labels; None if none does beyond doubt.

    Args:
        table: ``counts`` of labels and answers of a judge that did not learn from these labels.
    """
    rows = np.flatnonzero(table.sum(axis=1) >= LEAST_IMAGES)
    if len(rows) < LEAST_LABELS:
        return None
    shares = table[rows] / table[rows].sum(axis=1, keepdims=True)
    # Of equal assignments the one that leaves more labels alone.
    _, shown = linear_sum_assignment(-(shares + 1e-9 * np.eye(K)[rows]))
    moved = [(row, int(to)) for row, to in zip(rows.tolist(), shown, strict=True) if row != to]
    if not moved or shares[np.arange(len(rows)), shown].mean() < UNDERSTOOD:
        return None
    here, there = np.array([row for row, _ in moved]), np.array([to for _, to in moved])
    fits, fitted = int(table[here, there].sum()), int(table[here, here].sum())
    whole = table[here].sum(axis=1)
    share, own = (table[here, there] / whole).mean(), (table[here, here] / whole).mean()
    if share < UNDERSTOOD or share < TIMES * own:
        return None
    chance = float(binom.sf(fits - 1, fits + fitted, 0.5)) * _permutations(len(moved))
    if chance > CHANCE:
        return None
    whole_map = _completed(dict(zip(rows.tolist(), map(int, shown), strict=True)))
    images = int(table.sum())
    after = sum(int(table[label, to]) for label, to in enumerate(whole_map))
    return Reordering(whole_map, images, int(table.trace()) / images, after / images)


def understands(table: NDArray[np.int64]) -> bool:
    """Whether a judge agrees with the labels as they are, so that it can vouch for them."""
    rows = np.flatnonzero(table.sum(axis=1) >= LEAST_IMAGES)
    if len(rows) < LEAST_LABELS or find_reordering(table) is not None:
        return False
    return bool((table[rows, rows] / table[rows].sum(axis=1)).mean() >= UNDERSTOOD)


def contradicts(table: NDArray[np.int64], found: Reordering) -> bool:
    """Whether another judge's answers fit the labels that a permutation moves better as they are."""
    fits = sum(int(table[label, shown]) for label, shown in found.moved.items())
    fitted = sum(int(table[label, label]) for label in found.moved)
    return fitted > fits + 2 * math.sqrt(fitted + fits)


def _permutations(moved: int) -> int:
    """How many permutations of seven labels move exactly so many of them, at least 1."""
    without_fixed_point = [1, 0]
    for n in range(2, moved + 1):
        without_fixed_point.append((n - 1) * (without_fixed_point[-1] + without_fixed_point[-2]))
    return max(1, math.comb(K, moved) * without_fixed_point[moved])


def _completed(known: dict[int, int]) -> tuple[int, ...]:
    """A permutation from what is known of it; the other labels stay what they are where they can."""
    free = [emotion for emotion in range(K) if emotion not in known.values()]
    for label in range(K):
        if label not in known and label in free:
            known[label] = label
            free.remove(label)
    for label in range(K):
        if label not in known:
            known[label] = free.pop(0)
    return tuple(known[label] for label in range(K))
