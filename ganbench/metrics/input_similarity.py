"""Input similarity: how similar an edit is to its input, beyond what all inputs have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.spec import MetricSpec

# Side of the thumbnails in pixels. It was chosen by the measurement in docs/validation.md.
SIDE = 16

SPEC = MetricSpec(
    name="input_similarity",
    title="Input similarity",
    version=2,
    unit="cosine",
    direction="higher",
    digits=3,
    definition=(
        f"Mean cosine similarity of an input and its edits, each as a thumbnail of {SIDE} x {SIDE} "
        "pixels minus the mean thumbnail of all inputs. It compares pixels (pose, light, hair, shape "
        "of the face, background) and is not the prediction of a network that recognises persons. An "
        "edit that changes nothing gets 1, and a true edit gets less: compare a method with the row "
        "of the true edits, which show the same person."
    ),
    ours=True,
)


def deviations(pictures: ArrayLike, inputs: ArrayLike) -> NDArray[np.float64]:
    """Differences of pictures to the mean input, which are the vectors that eigenfaces decompose.

    Angles between them equal the angles between their coordinates in all eigenfaces (M. Turk and
    A. Pentland, Eigenfaces for Recognition, J. Cognitive Neuroscience 3, 1991, p. 71).

    Args:
        pictures: [..., C, S, S].
        inputs: [N, C, S, S], all inputs of an evaluation; the mean of a part is another one.

    Returns:
        float64 [..., C S S].
    """
    mean = np.asarray(inputs, np.float64).mean(axis=0)
    centred = np.asarray(pictures, np.float64) - mean
    return np.asarray(centred.reshape(*centred.shape[: -mean.ndim], mean.size))


def cosine_similarity(source: ArrayLike, edit: ArrayLike) -> NDArray[np.float64]:
    """Cosine of the angle between two vectors, x'y / |x||y|.

    Args:
        source, edit: [..., d], broadcast against each other.

    Returns:
        float64 [...] in [-1, 1]; NaN where a vector is 0 and has no direction.
    """
    a, b = np.asarray(source, np.float64), np.asarray(edit, np.float64)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.clip((a * b).sum(axis=-1) / lengths, -1, 1))


def similarity_influence(inputs: ArrayLike, edits: ArrayLike) -> NDArray[np.float64] | None:
    """How much the mean input similarity loses without each image, to first order.

    Image i with the mean cosine c_i over its edits changes the mean of N images by its own cosines and by
    the mean input m, on which all cosines depend. With x = input - m and e = edit - m,

        d cos / dm = - (x + e) / |x||e| + cos (x / |x|^2 + e / |e|^2)

    Args:
        inputs, edits: [N, C, S, S] and [N, K, C, S, S].

    Returns:
        float64 [N], or None if no edit has a similarity.
    """
    x = deviations(inputs, inputs)
    e = deviations(edits, inputs)
    cosines = cosine_similarity(x[:, None], e)
    known = ~np.isnan(cosines)
    count = known.sum()
    if not count:
        return None
    cosines = np.where(known, cosines, 0)
    xx, ee = np.square(x).sum(axis=-1)[:, None], np.square(e).sum(axis=-1)
    product = np.divide(1, np.sqrt(xx * ee), where=known, out=np.zeros_like(ee))
    of_x = np.divide(cosines, xx, where=known, out=np.zeros_like(ee)) - product
    of_e = np.divide(cosines, ee, where=known, out=np.zeros_like(ee)) - product
    slope = (of_x.sum(axis=1) @ x + np.einsum("nk,nkd->d", of_e, e)) / count
    of_images = (cosines - known * (cosines.sum() / count)).sum(axis=1) / count
    return np.asarray(of_images + x @ slope / len(x))
