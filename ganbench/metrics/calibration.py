"""Calibration of a judge: whether its probabilities are the frequencies with which it is right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from ganbench.errors import BadInput
from ganbench.metrics.halves import amount_from_halves, group_count, splits
from ganbench.metrics.intervals import Interval, assign_groups
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="calibration",
    title="Calibration error",
    version=1,
    unit="probability",
    direction="lower",
    digits=3,
    definition=(
        "Expected calibration error of the judge on the real test images: the mean difference "
        "between its confidence and the share of right answers, over 15 bins of equally many "
        "images."
    ),
)

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """How well a judge knows what it knows.

    Attributes:
        ece: expected calibration error in [0, 1].
        brier: float64 [N], squared distance of each softmax to the one-hot label, in [0, 2]; the mean
            is the Brier score.
        nll: float64 [N], negative log-likelihood of each label, in nats.
        confidence, accuracy: float64 [bins], the reliability curve: means over each bin, from the
            least to the most confident.
        sizes: int64 [bins], images.
    """

    ece: float
    brier: NDArray[np.float64]
    nll: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    sizes: NDArray[np.int64]


def judge_calibration(logits: ArrayLike, labels: ArrayLike, bins: int = BINS) -> Calibration:
    """Calibration of a classifier on labelled images.

    With c the largest probability of an image and bins b of equally many images in order of c,
    ECE = sum_b (n_b / n) |accuracy_b - mean c_b| (Naeini et al., AAAI 2015; bins of equal mass:
    Nixon et al., CVPR workshops 2019). Brier score: Brier, Monthly Weather Review 78, 1950.

    Args:
        logits: [N, classes].
        labels: integers [N].
        bins: fewer if there are fewer images.

    Raises:
        BadInput: no image, or shapes or labels that do not fit.
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
        confidence=mean_confidence,
        accuracy=accuracy,
        sizes=sizes,
    )


def calibration_interval(
    logits: ArrayLike, labels: ArrayLike, bins: int = BINS, confidence: float = 0.95
) -> Interval | None:
    """The interval of the expected calibration error's expected value at this number of images.

    That value is above 0 for a calibrated judge too, since noise in the bins adds up (Kumar et al.,
    NeurIPS 2019); what is covered is what another N images would give. The interval comes from halves
    of the images (``ganbench.metrics.halves``). Where a bin's noise decides on its sign, and where it
    does not, the variance is in proportion to 1 / N, but not in between. Half as many bins would keep
    the noise of a bin, as many bins their places: two thirds of them lie between, and covered best.

    Args:
        logits: [N, classes].
        labels: integers [N].
        bins: of the value.
        confidence: nominal coverage.

    Returns:
        None with fewer than eight images.

    Raises:
        BadInput: as ``judge_calibration``.
    """
    log_p, y = _checked(logits, labels)
    n = len(y)
    if n < 8:
        return None
    p = np.exp(log_p)
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    order = _by_confidence(sure, right)
    gaps, groups = (right - sure)[order], assign_groups(n, group_count(n))[order]
    fewer = max(1, round(bins * 2 / 3))
    halves = splits(group_count(n)).halves[..., groups]
    errors = np.array([[_error(gaps[rows], fewer) for rows in part] for part in halves])
    found = amount_from_halves(_error(gaps, bins), errors, confidence=confidence)
    return replace(found, high=min(found.high, 1.0))


def _checked(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log-probabilities and labels."""
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
    """The order of the images by confidence; by correctness among equals, so that theirs plays no part."""
    return np.lexsort((right, confidence))


def _starts(n: int, bins: int) -> NDArray[np.int64]:
    """Where the bins of equally many images begin; the first ones have the images left over."""
    bins = min(bins, n)
    return np.arange(bins) * (n // bins) + np.minimum(np.arange(bins), n % bins)


def _error(gaps: NDArray[np.float64], bins: int) -> float:
    """ECE of the differences of correctness and confidence, in order of confidence."""
    return float(np.abs(np.add.reduceat(gaps, _starts(len(gaps), bins))).sum() / len(gaps))
