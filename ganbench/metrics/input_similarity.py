"""Input similarity: how similar an edit is to its input, beyond what all inputs have in common."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.features import check_groups
from ganbench.metrics.intervals import Statistic
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


def similarity_statistic(
    inputs: ArrayLike, edits: ArrayLike, groups: NDArray[np.int64]
) -> Statistic:
    """Mean input similarity of the kept groups, computed with their mean input, for ``jackknife``.

    Its value is NaN where no edit has a similarity.

    Args:
        inputs, edits: [N, C, S, S] and [N, K, C, S, S].
        groups: int64 [N], the group of each input and its edits.

    Raises:
        BadInput: the numbers of inputs and groups differ.
    """
    x = deviations(inputs, inputs)
    e = deviations(edits, inputs)
    check_groups(x, groups)
    each = np.eye(groups.max() + 1)[groups]
    sizes, sums = each.sum(axis=0), each.T @ x
    # To subtract another mean, a cosine needs no more than products with the sums of the groups.
    xe, xx, ee = (x[:, None] * e).sum(axis=-1), np.square(x).sum(axis=1), np.square(e).sum(axis=-1)
    x_sums, e_sums, sums_sums = x @ sums.T, e @ sums.T, sums @ sums.T

    def similarity(keep: NDArray[np.bool_]) -> float:
        rows, weights = keep[groups], keep / sizes[keep].sum()
        xm, em, mm = (x_sums @ weights)[:, None], e_sums @ weights, weights @ sums_sums @ weights
        with np.errstate(invalid="ignore", divide="ignore"):
            lengths = np.sqrt((xx[:, None] - 2 * xm + mm) * (ee - 2 * em + mm))
            cosines = np.clip((xe - xm - em + mm) / lengths, -1, 1)[rows]
        known = ~np.isnan(cosines)
        return float(cosines[known].mean()) if known.any() else math.nan

    return similarity
