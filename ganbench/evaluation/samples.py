"""The little that pictures need of an evaluation: some features for t-SNE, some edits to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.storage.store import Arrays

# Points of each cloud: as many as an eye can use, and few enough for a t-SNE of seconds.
POINTS = 700


@dataclass(frozen=True)
class Cloud:
    """Judge features of one maker, thinned evenly over the emotions.

    Attributes:
        method: its name; ``"real"`` for the test images.
        codes: the set of codes, empty for real images.
        title: its name in print.
        features: float32 [m, d].
        labels: int64 [m], the emotion shown or asked for.
    """

    method: str
    codes: str
    title: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Cloud:
        """The same cloud with only some of its points."""
        return replace(self, features=self.features[rows], labels=self.labels[rows])


@dataclass(frozen=True)
class Gallery:
    """A few inputs and their edits, uint8.

    Attributes:
        labels: int64 [k], the inputs' emotions.
        inputs: [k, 3, S, S].
        truth: the right answers [k, 7, 3, S, S], or None.
        edits: for each method [k, 7, 3, S, S].
    """

    labels: NDArray[np.int64]
    inputs: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    edits: dict[str, NDArray[np.uint8]]


def cloud(
    method: str, codes: str, title: str, arrays: Arrays, labels: NDArray[np.int64], seed: int
) -> Cloud:
    """At most ``POINTS`` features, the same number of each emotion if there are enough.

    Args:
        arrays: with features [..., d].
        labels: int64 of the shape ``[...]``.
        seed: of the choice.
    """
    features = arrays["features"].reshape(-1, arrays["features"].shape[-1])
    flat = labels.ravel()
    random = np.random.default_rng(seed)
    chosen = []
    for c in range(len(EMOTIONS)):
        own = np.flatnonzero(flat == c)
        count = min(len(own), POINTS // len(EMOTIONS))
        chosen.append(np.sort(random.choice(own, count, replace=False)))
    rows = np.concatenate(chosen)
    return Cloud(method, codes, title, features[rows], flat[rows])
