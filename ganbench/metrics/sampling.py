"""Intervals of means, ratios and shares whose sampling unit is the image.

The edits of one image are not independent, so they are added up first. With the sums a_i and b_i of
image i and the sums A and B of all images, the ratio R = A / B loses (a_i - R b_i) / (B - b_i) without
image i. The influence of the image is this times (n - 1) / n, which has the jackknife's variance. If all
b_i are equal, R is a mean.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from ganbench.errors import BadInput
from ganbench.metrics.accuracy import binomial_ends
from ganbench.metrics.intervals import UPPER, Influence, Interval, skewed_interval, spread
from ganbench.metrics.strata import joined


def ratio_interval(
    parts: ArrayLike, wholes: ArrayLike, strata: NDArray[np.int64] | None = None
) -> Interval | None:
    """The interval of sum(parts) / sum(wholes), which holds for skewed values (``skewed_interval``).

    Args:
        parts, wholes: [N], the sums of each image in the numerator and in the denominator;
            ``wholes`` >= 0. Images whose ``whole`` is 0 count for nothing.
        strata: int64 [N], from ``strata_of``; None for one stratum.

    Returns:
        The interval, or None if fewer than two images have a ``whole`` above 0.

    Raises:
        BadInput: the shapes differ, or a value is not finite.
    """
    a, b = _sums(parts, wholes)
    counts = b > 0
    if counts.sum() < 2:
        return None
    value = float(a.sum() / b.sum())
    influence = _lost(a[counts], b[counts], value)
    s = np.zeros(len(a), np.int64) if strata is None else strata
    found = skewed_interval(value, influence, joined(s[counts]))
    moves = np.zeros(len(a))
    moves[counts] = found.influence.parts
    return replace(found, influence=Influence(moves, found.influence.freedom))


def share_interval(
    hits: ArrayLike, trials: ArrayLike, strata: NDArray[np.int64] | None = None
) -> Interval | None:
    """``binomial_ends`` of the mean of several shares, with the effective number of trials.

    The mean p is that of the shares p_c = sum_i hits_ic / sum_i trials_ic over the columns c. Its
    variance V within strata, from the influence of each image, is the variance of p (1 - p) / V
    independent trials, and ``binomial_ends`` takes this number (E. L. Korn and B. I. Graubard, Survey
    Methodology 24, 1998, p. 193). If no two images of a stratum differ, V is 0 and each image counts as
    one trial. The effective number is at most T p (1 - p) / sum_s w_s p_s (1 - p_s), where T is the
    number of trials, w_s the share of them that stratum s has, and p_s = (hits + 1/2) / (trials + 1) in s.

    The tails have 2.5 % instead of the 2 % of a cell: the number of trials is that of all cells, and with
    many trials the ends jump less.

    Args:
        hits, trials: [N, C], the sums of each image in each column; 0 <= hits <= trials.
        strata: int64 [N], from ``strata_of``; None for one stratum.

    Returns:
        The interval in [0, 1], or None with fewer than two images or without trials.

    Raises:
        BadInput: the shapes differ, or a value is not finite.
    """
    h, t = _sums(hits, trials)
    h, t = h[:, t.sum(axis=0) > 0], t[:, t.sum(axis=0) > 0]
    n = len(h)
    if n < 2 or not h.shape[1]:
        return None
    s = np.zeros(n, np.int64) if strata is None else strata
    shares = h.sum(axis=0) / t.sum(axis=0)
    p = float(shares.mean())
    influence = ((h - shares * t) / t.sum(axis=0)).mean(axis=1)
    of_images = skewed_interval(p, influence, s).influence
    variance, freedom = spread(influence, s).variance, of_images.freedom
    right, made = np.bincount(s, h.sum(axis=1)), np.bincount(s, t.sum(axis=1))
    p_s = (right + 0.5) / (made + 1)
    within = float((made / made.sum() * p_s * (1 - p_s)).sum())
    # Where no two images differ, rounding leaves a variance of about 1e-32.
    effective = float(n)
    if variance > 1e-20 and 0 < p < 1:
        most = made.sum() * max(1.0, p * (1 - p) / within)
        effective = min(p * (1 - p) / variance, most)
    few_images = float(ndtri(UPPER) / stdtrit(freedom, UPPER)) ** 2  # V is uncertain
    effective = max(1.0, effective * few_images)
    return Interval(p, *binomial_ends(p * effective, effective, 1 - UPPER), of_images)


def _lost(a: NDArray[np.float64], b: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """The influence of each image on the ratio sum a / sum b."""
    return np.asarray((a - ratio * b) / (b.sum() - b) * (len(a) - 1) / len(a))


def _sums(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape or not np.isfinite(x).all() or not np.isfinite(y).all():
        raise BadInput(f"sums of images {x.shape} and {y.shape} do not fit, or are not finite")
    return x, y
