"""Intervals of means, ratios and shares whose sampling unit is the image.

The edits of one image stand or fall together, so they are summed up first, and images are counted,
not edits. With a_i and b_i the sums of image i and A, B those of all N images, the delete-one
jackknife of the ratio R = A / B is

    V = (N - 1) / N  sum_i (R_i - mean R_i)^2,    R_i = (A - a_i) / (B - b_i)

(Quenouille, Biometrika 43, 1956; Tukey 1958), and the interval R -+ t sqrt(V) with N - 1 degrees of
freedom. Where all b_i are equal, R is a mean, and this is Student's interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from ganbench.errors import BadInput
from ganbench.metrics.accuracy import wilson
from ganbench.metrics.intervals import Influence, Interval


def ratio_interval(
    parts: ArrayLike, wholes: ArrayLike, confidence: float = 0.95
) -> Interval | None:
    """The interval of sum(parts) / sum(wholes).

    Args:
        parts, wholes: [N], what each image adds to numerator and denominator; ``wholes`` >= 0.
        confidence: nominal coverage.

    Returns:
        None where the images say nothing about chance: fewer than two have a ``whole`` above 0.

    Raises:
        BadInput: other shapes, or values not finite.
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
    value, half = a.sum() / b.sum(), stdtrit(n - 1, (1 + confidence) / 2) * np.sqrt(variance)
    influence = Influence(deviations)
    return Interval(float(value), float(value - half), float(value + half), influence)


def share_interval(hits: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Interval | None:
    """Wilson's interval of the mean of several shares, with the images' effective number of trials.

    The mean is that of p_c = sum_i hits_ic / sum_i trials_ic over the columns c. Its variance V
    between images (linearised) is that of p (1 - p) / V independent trials, which Wilson's interval
    then takes for n (E. L. Korn and B. I. Graubard, Survey Methodology 24, 1998, p. 193, do so with
    the exact interval). Where no image differs from another there is no V, and the images count as
    trials: seven edits that all succeed are one success. There are never more trials than made.

    Args:
        hits, trials: [N, C], 0 <= hits <= trials, of each image and column.
        confidence: nominal coverage.

    Returns:
        The ends are in [0, 1]; None with fewer than two images or without trials.

    Raises:
        BadInput: other shapes, or values not finite.
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
    # Rounding leaves about 1e-16 of what is 0.
    trials_worth = p * (1 - p) / variance if variance > 1e-20 else n
    quantile = (1 + confidence) / 2
    small = (ndtri(quantile) / stdtrit(n - 1, quantile)) ** 2  # few images know V badly
    worth = max(1.0, min(trials_worth, float(t.sum())) * small)
    # The jackknife's deviations are changes of the value without an image: the opposite sign.
    return Interval(p, *wilson(p * worth, worth, confidence), Influence(-influence))


def _sums(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape or not np.isfinite(x).all() or not np.isfinite(y).all():
        raise BadInput(f"sums of images {x.shape} and {y.shape} do not fit, or are not finite")
    return x, y
