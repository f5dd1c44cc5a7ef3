"""Limits of losses: values that no working training reaches, derived from the formulas of the losses.

A training can diverge without a NaN. Two rules find such trainings; ``watch`` applies them:

1. *Beyond its limit.* The mean of a loss over its last ``window`` iterations is above ``highest``, which
   no working training reaches. For a reconstruction that is the loss of a grey picture. Other losses have no
   largest sensible value: their limit is the loss of a network that ignores its input, times
   ``SQUARED`` if the loss is the square of a quantity (1,000 is a quantity 32 times too large), or plus
   ``NATS`` if it grows like a logit (50 is a probability of 2e-22 for the right class).
2. *Nothing learned.* For a quarter of the run, and at least for ``patience`` iterations, the mean of a
   loss is that of a network that ignores its input (``idle``). This rule applies in the second half of a
   run, and only to losses that training must lower: the losses that generator and critic play against each
   other may settle anywhere.

Each trainer states the limits of its losses in its method ``limits``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data.dataset import Dataset
from ganbench.seeds import generator
from ganbench.training.augment import Augment, augment
from ganbench.training.draws import Draws

# Iterations that a loss is averaged over for rule 1: a single large value is no fault.
WINDOW = 10
# The same for reconstructions. An untrained generator may add anything to its input, and takes some
# hundred iterations to stop.
RECONSTRUCTION_WINDOW = 500
SQUARED = 1000.0
NATS = 50.0
# Rule 2 is not applied to reconstructions of images whose best single picture has a smaller error than
# this: a working training may then have the same error.
LEAST_DEVIATION = 0.05
# Images that the best single picture is computed from.
SAMPLED_IMAGES = 64


@dataclass(frozen=True)
class Limit:
    """The range of a loss.

    Attributes:
        highest: the largest value of a working training, for rule 1.
        why: what value the limit was derived from, in words.
        onset: the fault began at the first value above this one.
        idle: the value of a network that ignores its input, for rule 2; None to leave the rule out.
        patience: least number of iterations, for rule 2.
        window: iterations that are averaged, for rule 1. A window of more than ``WINDOW`` must be full.
    """

    highest: float
    why: str
    onset: float
    idle: float | None = None
    patience: int = 1000
    window: int = WINDOW


Limits = Mapping[str, Limit]


@dataclass(frozen=True)
class Facts:
    """Statistics of the training images that limits depend on.

    Attributes:
        shares: float64 [classes], share of the images that show each class; their sum is 1.
        deviation: E|x - m| of images x in [-1, 1] and their pixel-wise median m: the L1 error of the best
            single picture. 0 if it is below ``LEAST_DEVIATION``.
    """

    shares: NDArray[np.float64]
    deviation: float

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        classes: int,
        changes: Augment | None = None,
        labels: NDArray[np.int64] | None = None,
    ) -> Facts:
        """The facts of a data set; the same in every process.

        Args:
            dataset: the training images.
            classes: number of classes of the network.
            changes: the augmentation of the first images. Resampling makes images smoother, which lowers their
                deviation.
            labels: int64 [N], labels in the order of the network's classes; those of the data if None.
        """
        labels = dataset.labels if labels is None else labels
        # A list of action units may have no emotions.
        labels = labels if dataset.labelled else np.arange(classes)
        counts = np.bincount(labels, minlength=classes)
        places = np.unique(np.linspace(0, len(dataset) - 1, SAMPLED_IMAGES).astype(np.int64))
        images = dataset.images(places)
        if changes is not None:
            images = augment(images, changes, Draws(generator(0, "facts")))
        middle = images.median(dim=0).values
        deviation = float(2 * (images - middle).abs().mean(dtype=torch.float64))
        return cls(counts / counts.sum(), deviation if deviation >= LEAST_DEVIATION else 0.0)

    def entropy(self, smoothing: float = 0.0) -> float:
        """Cross-entropy, in nats, of a classifier that always answers ``shares``.

        Args:
            smoothing: label smoothing, in [0, 1).
        """
        shares = self.shares * (1 - smoothing) + smoothing / len(self.shares)
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    @property
    def binary_entropy(self) -> float:
        """Sum of the binary cross-entropies of a classifier that always answers ``shares``."""
        p = self.shares[(self.shares > 0) & (self.shares < 1)]
        return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum())


# -- the limits of kinds of loss ------------------------------------------------------------------


def penalty() -> Limit:
    """WGAN-GP, (||gradient|| - 1)^2: a critic with the same score for all images has gradient 0, loss 1."""
    return _squared(1.0, "a critic that tells nothing apart has 1")


def r1() -> Limit:
    """R1, ||gradient||^2 / 2, with the largest gradient that ``penalty`` allows."""
    return _squared(0.5, "a gradient of length 1 has 0.5")


def squared(idle: float = 1.0) -> Limit:
    """A mean squared error of values in [-1, 1]: always answering 0 has at most 1."""
    return _squared(idle, f"always answering 0 has at most {idle:.3g}")


def _squared(idle: float, why: str) -> Limit:
    return Limit(SQUARED * idle, why, math.sqrt(SQUARED) * idle)


def reconstruction(facts: Facts | None = None) -> Limit:
    """L1 of images in [-1, 1]: a grey picture, 0 everywhere, has at most 1.

    Args:
        facts: statistics of the images; rule 2 is applied if they are given.
    """
    best = facts.deviation if facts else 0.0
    why = "a grey picture has at most 1" + (f", the best single picture {best:.3g}" if best else "")
    return Limit(1.0, why, math.sqrt(best or 0.5), best or None, window=RECONSTRUCTION_WINDOW)


def cross_entropy(
    classes: int, idle: float | None = None, heads: int = 1, patience: int = 1000
) -> Limit:
    """-log p of the right class, summed over heads: equal answers for all classes have log(classes).

    Args:
        classes: number of classes.
        idle: the loss of one head that always answers the classes' shares; None for edits, whose
            classification is part of the game between generator and critic.
        heads: number of classifiers whose losses are summed.
        patience: see ``Limit``.
    """
    equal = math.log(classes)
    why = f"equal answers for all {classes} classes have {heads * equal:.3g}"
    return _logit(equal, why, idle, heads, patience)


def binary_cross_entropy(classes: int, idle: float | None = None, heads: int = 1) -> Limit:
    """Binary cross-entropy of each class, summed over classes and heads; arguments of ``cross_entropy``."""
    equal = classes * math.log(2)
    return _logit(equal, f"answers of one half have {heads * equal:.3g}", idle, heads)


def logistic() -> Limit:
    """softplus of a score: a score of 0 has log 2."""
    return _logit(math.log(2), "scores of 0 have 0.693")


def hinge(scales: int) -> Limit:
    """The relativistic hinge, summed over the critics of ``scales`` resolutions: equal scores have 1 each."""
    return _logit(1.0, f"equal scores have {scales}", heads=scales)


def _logit(
    equal: float, why: str, idle: float | None = None, heads: int = 1, patience: int = 1000
) -> Limit:
    """A loss that grows like a logit, summed over heads; ``equal`` is its value for equal scores."""
    onset = heads * math.sqrt(equal * (equal + NATS))
    idle = None if idle is None else heads * idle
    return Limit(heads * (equal + NATS), why, onset, idle, patience)


def classification_limits(
    kind: str, classes: int, facts: Facts, heads: int = 1
) -> tuple[Limit, Limit]:
    """Limits of a critic's classification of real images, which training must lower, and of edits.

    Args:
        kind: "softmax" or "binary"; see ``losses.classification``.
        classes: number of classes.
        facts: statistics of the training images.
        heads: number of classifiers whose losses are summed.
    """
    limit, idle = (
        (cross_entropy, facts.entropy())
        if kind == "softmax"
        else (binary_cross_entropy, facts.binary_entropy)
    )
    return limit(classes, idle, heads), limit(classes, heads=heads)


def mask() -> Limit:
    """The mean of an attention mask, in [0, 1]: no limit, since ``check_mask`` stops a saturated mask."""
    return Limit(math.inf, "", 0.99)
