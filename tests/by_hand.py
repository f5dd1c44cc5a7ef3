"""Losses in numpy, written from their formulas, for comparison with those of the trainers."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax


def numbers(values) -> np.ndarray:
    """A tensor or an array as an array."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)


def cross_entropy(logits, labels) -> float:
    """E -log softmax(logits)[label]."""
    return float(-log_softmax(numbers(logits), 1)[np.arange(len(labels)), numbers(labels)].mean())


def binary_cross_entropy(logits, labels) -> float:
    """Binary cross-entropy, summed over the classes, mean over the batch."""
    p = 1 / (1 + np.exp(-numbers(logits)))
    y = np.eye(p.shape[1])[numbers(labels)]
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / len(labels))


def total_variation(mask) -> float:
    """Sum of squared differences of neighbouring pixels of a mask [N, 1, H, W]."""
    mask = numbers(mask)
    return float((np.diff(mask, axis=2) ** 2).sum() + (np.diff(mask, axis=3) ** 2).sum())
