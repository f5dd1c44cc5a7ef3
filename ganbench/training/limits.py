"""Limits of losses: values that no working training reaches, from mathematics, and where a fault began.

A training that has diverged need not show a NaN. Two rules find the others:

1. *Beyond its limit.* The mean of a loss over the last iterations of its ``window`` leaves the range
   of any training that works. A loss with a largest sensible value has that value as its limit (a
   reconstruction that is worse than a grey picture). One without has the value that a network reaches
   which ignores its input (``idle``), times ``SQUARED`` where the loss is the square of a quantity
   (1,000 is a quantity 32 times too large), or plus ``NATS`` where it grows like a logit (50 is a
   probability of 2e-22 for what is right).
2. *Nothing learned.* For a quarter of the run, and ``patience`` iterations at least, a loss stays
   where a network that ignores its input has it. Judged in the second half of a run, and only for
   losses that training must lower: what a generator and a critic play for settles anywhere.

Each trainer states the limits of its losses in ``limits``, beside the losses.
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

WINDOW = 10  # iterations that a loss beyond its limit is averaged over: one odd step is no fault
# The same of reconstructions: an untrained generator may add anything to its input, and needs some
# hundred iterations to leave that.
PAINTING = 500
SQUARED = 1000.0
NATS = 50.0
# Below this the best single picture is so good that being no better says nothing.
PLAIN = 0.05
# Images that the best single picture is made of.
SAMPLE = 64


@dataclass(frozen=True)
class Limit:
    """The range of a loss.

    Attributes:
        highest: see rule 1.
        why: what the limit is, in words.
        calm: above it a loss is part of what led beyond the limit.
        idle: the value of a network that ignores its input, for rule 2; None where that rule is not
            applied.
        patience: iterations that it must be given, for rule 2.
        window: iterations that it is averaged over, for rule 1. A window of more than ``WINDOW`` must
            be full.
    """

    highest: float
    why: str
    calm: float
    idle: float | None = None
    patience: int = 1000
    window: int = WINDOW


Limits = Mapping[str, Limit]


@dataclass(frozen=True)
class Facts:
    """What limits need to know of the training images.

    Attributes:
        shares: of each class, float64 [classes], sum 1.
        deviation: E|x - m| of images in [-1, 1] and their median m, pixel by pixel: the L1 error of
            the best single picture. 0 if the images are too much alike to tell anything.
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
            classes: how many the network has.
            changes: the recipe's augmentation, which images are seen through: resampling makes them
                smoother, and so more alike.
            labels: int64 [N], the network's own labels; those of the data if None.
        """
        labels = dataset.labels if labels is None else labels
        # A list of action units may have no emotions.
        labels = labels if dataset.labelled else np.arange(classes)
        counts = np.bincount(labels, minlength=classes)
        places = np.unique(np.linspace(0, len(dataset) - 1, SAMPLE).astype(np.int64))
        images = dataset.images(places)
        if changes is not None:
            images = augment(images, changes, generator(0, "facts"))
        middle = images.median(dim=0).values
        deviation = float(2 * (images - middle).abs().mean(dtype=torch.float64))
        return cls(counts / counts.sum(), deviation if deviation >= PLAIN else 0.0)

    def entropy(self, smoothing: float = 0.0) -> float:
        """Cross-entropy, in nats, of always answering the classes' shares."""
        shares = self.shares * (1 - smoothing) + smoothing / len(self.shares)
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())

    @property
    def binary_entropy(self) -> float:
        """The same of a binary answer for each class, summed."""
        p = self.shares[(self.shares > 0) & (self.shares < 1)]
        return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum())


# -- the limits of kinds of loss ------------------------------------------------------------------


def penalty() -> Limit:
    """WGAN-GP, (||gradient|| - 1)^2: a critic that tells nothing apart has gradient 0, so 1."""
    return _squared(1.0, "a critic that tells nothing apart has 1")


def r1() -> Limit:
    """R1, ||gradient||^2 / 2: the same gradient as for ``penalty``."""
    return _squared(0.5, "a gradient of length 1 has 0.5")


def squared(idle: float = 1.0) -> Limit:
    """A mean squared error of values in [-1, 1]: always answering 0 has at most 1."""
    return _squared(idle, f"always answering 0 has at most {idle:.3g}")


def _squared(idle: float, why: str) -> Limit:
    return Limit(SQUARED * idle, why, math.sqrt(SQUARED) * idle)


def reconstruction(facts: Facts | None = None) -> Limit:
    """L1 of images in [-1, 1]: the grey picture, 0 everywhere, has at most 1.

    With facts a long stretch that is no better than the best single picture is a fault too.
    """
    best = facts.deviation if facts else 0.0
    why = "a grey picture has at most 1" + (f", the best single picture {best:.3g}" if best else "")
    return Limit(1.0, why, math.sqrt(best or 0.5), best or None, window=PAINTING)


def cross_entropy(
    classes: int, idle: float | None = None, heads: int = 1, patience: int = 1000
) -> Limit:
    """-log p of the right class, summed over heads: equal answers for all have log(classes).

    Args:
        classes: how many.
        idle: of always answering the classes' shares, one head; None where edits are classified:
            what the classifier makes of these is part of a game.
        heads: how many are summed.
        patience: see ``Limit``.
    """
    equal = math.log(classes)
    return Limit(
        heads * (equal + NATS),
        f"equal answers for all {classes} classes have {heads * equal:.3g}",
        heads * math.sqrt(equal * (equal + NATS)),
        None if idle is None else heads * idle,
        patience,
    )


def binary_cross_entropy(classes: int, idle: float | None = None, heads: int = 1) -> Limit:
    """The same with an answer of its own for each class, summed over classes."""
    equal = classes * math.log(2)
    return Limit(
        heads * (equal + NATS),
        f"answers of one half have {heads * equal:.3g}",
        heads * math.sqrt(equal * (equal + NATS)),
        None if idle is None else heads * idle,
    )


def classification_limits(
    kind: str, classes: int, facts: Facts, heads: int = 1
) -> tuple[Limit, Limit]:
    """Limits of a critic's classification: of real images, and of edits.

    Training must lower the loss on real images. The loss on edits is part of the game between
    generator and critic, and has no idle value.

    Args:
        kind: "softmax" or "binary"; see ``losses.classification``.
        classes: number of classes.
        facts: facts of the training images.
        heads: number of classifiers whose losses are summed.
    """
    if kind == "softmax":
        real = cross_entropy(classes, facts.entropy(), heads)
        return real, cross_entropy(classes, heads=heads)
    real = binary_cross_entropy(classes, facts.binary_entropy, heads)
    return real, binary_cross_entropy(classes, heads=heads)


def logistic() -> Limit:
    """softplus of a score: a score of 0 has log 2."""
    equal = math.log(2)
    return Limit(equal + NATS, "scores of 0 have 0.693", math.sqrt(equal * (equal + NATS)))


def hinge(scales: int) -> Limit:
    """The relativistic hinge of ``scales`` critics: equal scores have 1 each."""
    return Limit(scales * (1 + NATS), f"equal scores have {scales}", scales * math.sqrt(1 + NATS))


def mask() -> Limit:
    """The mean of an attention mask, in [0, 1]; ``check_mask`` stops a saturated one by itself."""
    return Limit(math.inf, "", 0.99)
