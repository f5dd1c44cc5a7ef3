"""Calibration of a judge: whether its probabilities are the frequencies with which it is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from ganbench.errors import BadInput
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
        brier: mean squared distance of the softmax to the one-hot label, in [0, 2].
        nll: mean negative log-likelihood of the label, in nats.
        confidence, accuracy: float64 [bins], the reliability curve: means over each bin, from the
            least to the most confident.
        sizes: int64 [bins], images.
    """

    ece: float
    brier: float
    nll: float
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
    log_p = np.asarray(log_softmax(np.asarray(logits, np.float64), axis=-1))
    y = np.asarray(labels, np.int64)
    if log_p.ndim != 2 or y.shape != log_p.shape[:1] or not len(y):
        raise BadInput(
            f"logits {log_p.shape} and labels {y.shape} do not fit; give [N, classes] and [N]"
        )
    n, classes = log_p.shape
    if not 0 <= y.min() <= y.max() < classes:
        raise BadInput(f"label outside 0..{classes - 1}: {y.min()}..{y.max()}; use Table-1 order")
    p = np.exp(log_p)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    # By correctness among equal confidences, so that the order of the images plays no part.
    order = np.lexsort((right, confidence))
    parts = np.array_split(order, min(bins, n))
    sizes = np.array([len(part) for part in parts], np.int64)
    mean_confidence = np.array([confidence[part].mean() for part in parts])
    accuracy = np.array([right[part].mean() for part in parts])
    return Calibration(
        ece=float(sizes @ np.abs(accuracy - mean_confidence) / n),
        brier=float(np.square(p - np.eye(classes)[y]).sum(axis=1).mean()),
        nll=float(-log_p[np.arange(n), y].mean()),
        confidence=mean_confidence,
        accuracy=accuracy,
        sizes=sizes,
    )
