"""The tests of the gate: of paired predictions, and of two values with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtr, stdtrit

from ganbench.metrics import Interval, difference, paired


class Tails(NamedTuple):
    """Probability of a difference head - base at most, and at least, as large as observed, if there is none."""

    lower: float
    upper: float


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """p-values [m], adjusted for the number of tests.

    If all tests with an adjusted value of at most alpha are called significant, the probability of one
    or more false ones is at most alpha, whatever the dependence of the tests (S. Holm, Scandinavian
    Journal of Statistics 6, 1979, p. 65).
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    raised = values[order] * (len(values) - np.arange(len(values)))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1)
    return adjusted


def sign_flip(differences: ArrayLike) -> Tails:
    """Exact test of paired counts: without a real change, both signs of a difference are equally likely.

    With differences of -1, 0 and 1 it is McNemar's exact test. Larger differences, such as the number of
    an image's edits that were won or lost, keep the image as the sampling unit.

    Args:
        differences: integers [N], head - base of each image.
    """
    from scipy.stats import (
        binom,  # takes a second to import, and only runs with predictions need it
    )

    d = np.asarray(differences, np.int64)
    sizes = np.abs(d)
    chances = np.ones(1)  # chances[k]: probability that the positive differences add up to k
    for size in range(1, int(sizes.max(initial=0)) + 1):
        count = int((sizes == size).sum())
        part = np.zeros(size * count + 1)
        part[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, part)
    up = int(d[d > 0].sum())
    return Tails(min(1.0, float(chances[: up + 1].sum())), min(1.0, float(chances[up:].sum())))


def interval_test(base: Interval, head: Interval) -> Tails:
    """Test of two values with intervals; it is paired if both have influence values of the same images.

    The variance of the difference comes from the ends of the intervals that face each other, so it is
    also right for asymmetric intervals, such as those of shares near 0 and 100 % (``metrics.difference``;
    without pairing: R. G. Newcombe, Statistics in Medicine 17, 1998, p. 873, method 10).
    """
    gap = difference(head, base)
    if not gap.value:
        return Tails(1.0, 1.0)
    error = gap.value - gap.low if gap.value > 0 else gap.high - gap.value
    freedom = _freedom(base, head, gap)
    t = gap.value / error * stdtrit(freedom, 0.975) if error else math.copysign(math.inf, gap.value)
    return Tails(float(stdtr(freedom, t)), float(stdtr(freedom, -t)))


def detectable(
    base: Interval,
    head: Interval,
    margin: float,
    alpha: float,
    growth: Callable[[float], float],
    power: float = 0.95,
) -> float:
    """The smallest real worsening that exceeds ``margin`` and is significant with probability ``power``.

    The values count as independent, because the correlation with another model is not known beforehand.

    Args:
        growth: by which factor a worsening increases the standard error of the head.
    """
    z, z_power = -float(ndtri(alpha)), float(ndtri(power))
    errors = [(x.high - x.low) / 2 / float(ndtri(0.975)) for x in (base, head)]
    worsening = 0.0
    for _ in range(100):
        error = math.hypot(errors[0], errors[1] * growth(worsening))
        worsening = max(margin, z * error) + z_power * error
    return worsening


def detectable_share(
    base: NDArray[np.int64],
    head: NDArray[np.int64],
    margin: float,
    alpha: float,
    power: float = 0.95,
) -> float:
    """The smallest real drop of a mean share that ``sign_flip`` detects with probability ``power``.

    A drop by x also exceeds ``margin``. The change per image has the variance v(x) at the dropped share,

        v(x) = together (rate(x) - x^2) / k n,    rate(x) = noise [p (1 - q) + q (1 - p)] + (1 - noise) x

    where p is the share, q = p - x, rate the share of edits whose outcome changes, noise the share of them
    that changes without a drop (1 for independent runs, 0 for equal runs), and together, from 1 to k,
    how many edits of an image change together. The last two come from the runs at hand, and together
    also from the failures of each run where the runs hardly differ.

    Args:
        base, head: int [n, k], 1 for a hit and 0 for a miss, for the k edits of each image.

    Returns:
        A drop, at most the mean share p of both runs.
    """
    b, h = base.astype(np.float64), head.astype(np.float64)
    (n, k), change = b.shape, h - b
    p = float(np.clip((b.mean() + h.mean()) / 2, 0.5 / (n * k), 1 - 0.5 / (n * k)))
    changed, single = float(np.square(change).mean()), p * (1 - p)
    images = int(change.any(axis=1).sum())
    failures = sum(x.mean(axis=1).var(ddof=1) for x in (b, h)) / 2 * k / single
    changes = change.mean(axis=1).var(ddof=1) * k / changed if changed else failures
    weight = images / (images + 10)
    together = float(np.clip(weight * changes + (1 - weight) * failures, 1, k))
    noise = min(changed / (2 * single), 1.0)
    freedom = max(1.0, max(images, n / 10) - 1) if images else n - 1
    z, z_power = -float(ndtri(alpha)), float(stdtrit(freedom, power))
    drops = np.linspace(margin, max(p, margin), 2001)
    q = np.maximum(p - drops, 0)
    rate = noise * (p * (1 - q) + q * (1 - p)) + (1 - noise) * drops
    variances = together * np.maximum(rate - np.square(drops), 0) / (k * n)
    # Sums of the exact test go by two, which costs half a step.
    beyond = z * np.sqrt(variances + np.square(drops) / n) + together / (k * n)
    missed = drops < np.maximum(margin, beyond) + z_power * np.sqrt(variances)
    after = int(np.flatnonzero(missed).max(initial=-1)) + 1
    return float(drops[min(after, len(drops) - 1)])


def _freedom(base: Interval, head: Interval, gap: Interval) -> float:
    """Degrees of freedom of the test of two values; infinite without pairing."""
    if gap.influence.freedom:
        return gap.influence.freedom
    return len(base.influence.parts) - 1.0 if paired(base, head) else math.inf
