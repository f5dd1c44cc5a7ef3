"""Intervals of means, ratios and shares whose sampling unit is the image.

The edits of one image are not independent, so they are added up first. With the sums a_i and b_i of
image i and the sums A and B of all N images, the delete-one jackknife of the ratio R = A / B is

    V = (N - 1) / N  sum_i (R_i - mean R_i)^2,    R_i = (A - a_i) / (B - b_i)

(Quenouille, Biometrika 43, 1956; Tukey 1958). The interval is R -+ t sqrt(V) with N - 1 degrees of
freedom. If all b_i are equal, R is a mean, and this is Student's interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from ganbench.errors import BadInput
from ganbench.metrics.accuracy import QUANTILE, wilson
from ganbench.metrics.intervals import Influence, Interval


def ratio_interval(parts: ArrayLike, wholes: ArrayLike) -> Interval | None:
    """The interval of sum(parts) / sum(wholes).

    Args:
        parts, wholes: [N], the sums of each image in the numerator and in the denominator;
            ``wholes`` >= 0.

    Returns:
        The interval, or None if fewer than two images have a ``whole`` above 0.

    Raises:
        BadInput: the shapes differ, or a value is not finite.
    """
    a, b = _sums(parts, wholes)
    counts = b > 0
    n = int(counts.sum())
    if n < 2:
        return None
    left_out = (a.sum() - a[counts]) / (b.sum() - b[counts])
    deviations = np.zeros(len(a))
    deviations[counts] = left_out - left_out.mean()
    variance = (n - 1) / n * np.square(deviations).sum()
    value, half = a.sum() / b.sum(), stdtrit(n - 1, QUANTILE) * np.sqrt(variance)
    influence = Influence(deviations)
    return Interval(float(value), float(value - half), float(value + half), influence)


def share_interval(hits: ArrayLike, trials: ArrayLike) -> Interval | None:
    """Wilson's interval of the mean of several shares, with the effective number of trials.

    The mean p is that of the shares p_c = sum_i hits_ic / sum_i trials_ic over the columns c. Its
    linearised variance V between images is the variance of p (1 - p) / V independent trials, and
    Wilson's interval takes this number for n (E. L. Korn and B. I. Graubard, Survey Methodology 24,
    1998, p. 193, do the same with the exact interval). If no two images differ, V is 0 and each image
    counts as one trial. The effective number is at most the number of trials.

    Args:
        hits, trials: [N, C], the sums of each image in each column; 0 <= hits <= trials.

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
    shares = h.sum(axis=0) / t.sum(axis=0)
    p = float(shares.mean())
    influence = ((h - shares * t) / t.sum(axis=0)).mean(axis=1)
    variance = n / (n - 1) * np.square(influence).sum()
    # Where no two images differ, rounding leaves a variance of about 1e-32.
    effective = p * (1 - p) / variance if variance > 1e-20 else n
    few_images = (ndtri(QUANTILE) / stdtrit(n - 1, QUANTILE)) ** 2  # V is uncertain
    effective = max(1.0, min(effective, float(t.sum())) * few_images)
    # The jackknife's deviations are changes of the value without an image: the opposite sign.
    return Interval(p, *wilson(p * effective, effective), Influence(-influence))


def _sums(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape or not np.isfinite(x).all() or not np.isfinite(y).all():
        raise BadInput(f"sums of images {x.shape} and {y.shape} do not fit, or are not finite")
    return x, y
