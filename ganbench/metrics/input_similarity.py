"""Input similarity: how like its input an edit stays, beyond what all inputs have in common."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.features import check_groups
from ganbench.metrics.intervals import Statistic
from ganbench.metrics.spec import MetricSpec

# Side of the thumbnails, pixels. docs/validation.md has the measurement that chose it.
SIDE = 16

SPEC = MetricSpec(
    name="input_similarity",
    title="Input similarity",
    version=2,
    unit="cosine",
    direction="higher",
    digits=3,
    definition=(
        f"Mean cosine similarity between an input and its edits, each a thumbnail of {SIDE} x {SIDE} "
        "pixels less the mean thumbnail of all inputs. It is likeness of pixels (pose, light, hair, "
        "shape of the face, what is behind it), not the verdict of a network that knows persons. An "
        "edit that changes nothing gets 1, and a right one less: compare with the row of the true "
        "edits, which show the same person."
    ),
    ours=True,
)


def deviations(pictures: ArrayLike, inputs: ArrayLike) -> NDArray[np.float64]:
    """What tells pictures from the mean input: the vectors that eigenfaces decompose.

    M. Turk and A. Pentland, Eigenfaces for Recognition, J. Cognitive Neuroscience 3, 1991, p. 71.
    Angles between them are those of the coordinates in all eigenfaces.

    Args:
        pictures: [..., C, S, S].
        inputs: [N, C, S, S], all of an evaluation: fewer have another mean.

    Returns:
        float64 [..., C S S].
    """
    mean = np.asarray(inputs, np.float64).mean(axis=0)
    found = np.asarray(pictures, np.float64) - mean
    return np.asarray(found.reshape(*found.shape[: -mean.ndim], mean.size))


def cosine_similarity(source: ArrayLike, edit: ArrayLike) -> NDArray[np.float64]:
    """Cosine of the angle between identity features, x'y / |x||y|.

    Args:
        source, edit: [..., d], broadcast against each other.

    Returns:
        float64 [...] in [-1, 1]; NaN where a feature is all zero and has no direction.
    """
    a, b = np.asarray(source, np.float64), np.asarray(edit, np.float64)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.clip((a * b).sum(axis=-1) / lengths, -1, 1))


def similarity_statistic(
    inputs: ArrayLike, edits: ArrayLike, groups: NDArray[np.int64]
) -> Statistic:
    """Mean likeness of the kept groups, less their own mean input, for ``jackknife``; NaN without any.

    Args:
        inputs, edits: [N, C, S, S] and [N, K, C, S, S].
        groups: int64 [N], the group of each input and its edits.

    Raises:
        BadInput: an input has no group.
    """
    x = deviations(inputs, inputs)
    e = deviations(edits, inputs)
    check_groups(x, groups)
    each = np.eye(groups.max() + 1)[groups]
    sizes, sums = each.sum(axis=0), each.T @ x
    # All that a cosine needs when another mean is subtracted are products with sums of groups.
    xe, xx, ee = (x[:, None] * e).sum(axis=-1), np.square(x).sum(axis=1), np.square(e).sum(axis=-1)
    x_sums, e_sums, sums_sums = x @ sums.T, e @ sums.T, sums @ sums.T

    def likeness(keep: NDArray[np.bool_]) -> float:
        rows, weights = keep[groups], keep / sizes[keep].sum()
        xm, em, mm = (x_sums @ weights)[:, None], e_sums @ weights, weights @ sums_sums @ weights
        with np.errstate(invalid="ignore", divide="ignore"):
            lengths = np.sqrt((xx[:, None] - 2 * xm + mm) * (ee - 2 * em + mm))
            cosines = np.clip((xe - xm - em + mm) / lengths, -1, 1)[rows]
        known = ~np.isnan(cosines)
        return float(cosines[known].mean()) if known.any() else math.nan

    return likeness
