"""Calibration of a judge: whether its probabilities are the frequencies of correct predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from ganbench.errors import BadInput
from ganbench.metrics.halves import amount_from_halves, group_count, splits
from ganbench.metrics.intervals import Interval
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.strata import assign_halves

SPEC = MetricSpec(
    name="calibration",
    title="Calibration error",
    version=1,
    unit="probability",
    direction="lower",
    digits=3,
    definition=(
        "Expected calibration error of the judge on the real test images: the mean absolute "
        "difference between its confidence and the share of correct predictions, over 15 bins of "
        "equally many images."
    ),
)

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """The calibration of a judge on N labelled images.

    Attributes:
        ece: expected calibration error in [0, 1].
        brier: float64 [N], squared distance of each softmax to the one-hot label, in [0, 2]; the mean
            is the Brier score.
        nll: float64 [N], negative log-likelihood of each label, in nats.
    """

    ece: float
    brier: NDArray[np.float64]
    nll: NDArray[np.float64]


def judge_calibration(logits: ArrayLike, labels: ArrayLike, bins: int = BINS) -> Calibration:
    """Calibration of a classifier on labelled images.

    Let c be the largest probability of an image, and b bins of equally many images in the order of c.
    Then ECE = sum_b (n_b / n) |accuracy_b - mean c_b| (Naeini et al., AAAI 2015; bins of equal mass:
    Nixon et al., CVPR workshops 2019). Brier score: Brier, Monthly Weather Review 78, 1950.

    Args:
        logits: [N, classes].
        labels: integers [N].
        bins: number of bins; fewer if there are fewer images.

    Raises:
        BadInput: there is no image, or the shapes or labels do not fit.
    """
    log_p, y = _checked(logits, labels)
    n, p = len(y), np.exp(log_p)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    order = _by_confidence(confidence, right)
    starts = _starts(n, bins)
    sizes = np.diff(starts, append=n)
    mean_confidence = np.add.reduceat(confidence[order], starts) / sizes
    accuracy = np.add.reduceat(right[order].astype(np.float64), starts) / sizes
    return Calibration(
        ece=float(sizes @ np.abs(accuracy - mean_confidence) / n),
        brier=np.square(p - np.eye(p.shape[1])[y]).sum(axis=1),
        nll=-log_p[np.arange(n), y],
    )


def calibration_interval(
    logits: ArrayLike, labels: ArrayLike, strata: NDArray[np.int64] | None = None
) -> Interval | None:
    """The interval of the expected calibration error's expected value at this number of images.

    A calibrated judge has an expected value above 0 too, because the noise of the bins adds up (Kumar
    et al., NeurIPS 2019); the interval covers the value that another N images would give on average. It
    comes from halves of the images (``ganbench.metrics.halves``). The variance is proportional to 1 / N
    where noise decides on the sign of a bin's difference, and where it does not, but not in between. A
    half with half as many bins would have the same noise in each bin, a half with as many bins would
    have the same bins. The halves use two thirds of the bins, which covered best in simulations.

    Args:
        logits: [N, classes].
        labels: integers [N].
        strata: int64 [N], from ``strata_of``; None for one stratum.

    Returns:
        None with fewer than eight images.

    Raises:
        BadInput: as for ``judge_calibration``.
    """
    log_p, y = _checked(logits, labels)
    n = len(y)
    if n < 8:
        return None
    p = np.exp(log_p)
    largest, right = p.max(axis=1), p.argmax(axis=1) == y
    order = _by_confidence(largest, right)
    gaps = (right - largest)[order]
    of_images = np.zeros(n, np.int64) if strata is None else strata
    groups = assign_halves(of_images, group_count(n))[order]
    fewer = round(BINS * 2 / 3)
    halves = splits(group_count(n)).halves[..., groups]
    errors = np.array([[_error(gaps[rows], fewer) for rows in part] for part in halves])
    interval = amount_from_halves(_error(gaps, BINS), errors)
    return replace(interval, high=min(interval.high, 1.0))


def _checked(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log-probabilities [N, classes] and labels [N]."""
    log_p = np.asarray(log_softmax(np.asarray(logits, np.float64), axis=-1))
    y = np.asarray(labels, np.int64)
    if log_p.ndim != 2 or y.shape != log_p.shape[:1] or not len(y):
        raise BadInput(
            f"logits {log_p.shape} and labels {y.shape} do not fit; give [N, classes] and [N]"
        )
    classes = log_p.shape[1]
    if not 0 <= y.min() <= y.max() < classes:
        raise BadInput(f"label outside 0..{classes - 1}: {y.min()}..{y.max()}; use Table-1 order")
    return log_p, y


def _by_confidence(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Indices that sort images by confidence, and by correctness where that is equal.

    The result does then not depend on the order in which the images are given.
    """
    return np.lexsort((right, confidence))


def _starts(n: int, bins: int) -> NDArray[np.int64]:
    """Where bins of equally many images begin; the first bins take the images that are left over."""
    bins = min(bins, n)
    return np.arange(bins) * (n // bins) + np.minimum(np.arange(bins), n % bins)


def _error(gaps: NDArray[np.float64], bins: int) -> float:
    """ECE from the differences of correctness and confidence, sorted by confidence."""
    return float(np.abs(np.add.reduceat(gaps, _starts(len(gaps), bins))).sum() / len(gaps))
