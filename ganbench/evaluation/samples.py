"""Samples for the pictures of a report: features for t-SNE, and inputs with their edits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.storage.store import Arrays

# Number of points in each cloud. With this number t-SNE takes seconds, and more points would cover each
# other in the picture.
POINTS = 700


@dataclass(frozen=True)
class Cloud:
    """Judge features of images from one source, equally many of each emotion.

    Attributes:
        method: the label of the method; ``"real"`` for the test images.
        codes: the name of the set of codes; empty for real images.
        title: the title in the picture.
        features: float32 [m, d].
        labels: int64 [m], the emotion that a real image shows or that an edit should show.
        rows: int64 [m], the position of a real image in the protocol's order, or 7 * position + target of an
            edit; None if they are not known.
    """

    method: str
    codes: str
    title: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[np.int64]) -> Cloud:
        """A cloud of the points in the given rows."""
        own = None if self.rows is None else self.rows[rows]
        return replace(self, features=self.features[rows], labels=self.labels[rows], rows=own)


@dataclass(frozen=True)
class Gallery:
    """A few inputs and their edits, uint8.

    Attributes:
        labels: int64 [k], the emotions of the inputs.
        inputs: [k, 3, S, S].
        truth: the true edits [k, 7, 3, S, S]; None if they are not known.
        edits: the edits [k, 7, 3, S, S] of each method, by the method's label.
    """

    labels: NDArray[np.int64]
    inputs: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    edits: dict[str, NDArray[np.uint8]]


def cloud(
    method: str, codes: str, title: str, arrays: Arrays, labels: NDArray[np.int64], seed: int
) -> Cloud:
    """A cloud of at most ``POINTS`` features, equally many of each emotion if there are enough.

    Args:
        method, codes, title: as for ``Cloud``.
        arrays: arrays of an edit job or of real images; ``features`` [..., d] is used.
        labels: int64 [...], as for ``Cloud``.
        seed: seed of the random choice.
    """
    features = arrays["features"].reshape(-1, arrays["features"].shape[-1])
    flat = labels.ravel()
    random = np.random.default_rng(seed)
    chosen = []
    for c in range(len(EMOTIONS)):
        of_emotion = np.flatnonzero(flat == c)
        count = min(len(of_emotion), POINTS // len(EMOTIONS))
        chosen.append(np.sort(random.choice(of_emotion, count, replace=False)))
    rows = np.concatenate(chosen)
    return Cloud(method, codes, title, features[rows], flat[rows], rows)
