"""What a judge is worth on labelled images: a verdict without its judge's own accuracy says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data.dataset import Dataset
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.judges.interface import Judge, JudgeSpec, ask
from ganbench.metrics import confusion, judge_calibration, softmax, wilson

BINS = 15


@dataclass(frozen=True)
class JudgeCard:
    """A judge on a data set.

    Attributes:
        judge: its identity.
        data: name, split and fingerprint of the images.
        images: how many.
        accuracy, low, high: share judged as annotated, in [0, 1], and its 95 % Wilson interval.
        confusion: counts [annotated][judged].
        nll: mean negative log-likelihood of the annotation, nats.
        brier: mean squared distance of the softmax from the annotation, in [0, 2].
        calibration_error: expected calibration error in 15 equal bins of confidence, in [0, 1]
            (Guo et al., 2017).
    """

    judge: JudgeSpec
    data: dict[str, str]
    images: int
    accuracy: float
    low: float
    high: float
    confusion: list[list[int]]
    nll: float
    brier: float
    calibration_error: float


def judge_card(judge: Judge, dataset: Dataset, batch_size: int = 64) -> JudgeCard:
    """Judge every image of a data set, which should be a test split.

    Raises:
        BadInput: the data set is empty.
    """
    n, labels = len(dataset), dataset.labels
    if not n:
        raise BadInput(f"no images to judge: {dataset.name} ({dataset.split}) is empty")
    spec = judge.spec
    logits = torch.cat([
        ask(judge, dataset.images(rows), spec).logits
        for rows in np.split(np.arange(n), range(batch_size, n, batch_size))
    ])  # fmt: skip
    p = softmax(logits.numpy())
    judged = p.argmax(axis=1)
    # On unedited images the annotation is source and target at once.
    counts = confusion(labels, labels, judged, len(EMOTIONS)).sum(axis=0)
    right = int(counts.trace())
    low, high = wilson(right, n)
    calibration = judge_calibration(logits.numpy(), labels)
    return JudgeCard(
        judge=spec,
        data={"name": dataset.name, "split": dataset.split, "fingerprint": dataset.fingerprint},
        images=n,
        accuracy=right / n,
        low=low,
        high=high,
        confusion=counts.tolist(),
        nll=calibration.nll,
        brier=calibration.brier,
        calibration_error=calibration_error(p.max(axis=1), judged == labels),
    )


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean gap between confidence [n] in [0, 1] and the share that is right, over bins, by their size."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))
