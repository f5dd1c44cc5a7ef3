"""KID: the kernel distance between judge features of real images and of edits.

With the cubic polynomial kernel k(x, y) = (x'y / d + 1)^3, the unbiased estimate of the squared
maximum mean discrepancy is

    MMD^2 = sum_{i != j} k(x_i, x_j) / n(n-1) + sum_{i != j} k(y_i, y_j) / m(m-1)
            - 2 sum_{i, j} k(x_i, y_j) / nm

(Binkowski et al., Demystifying MMD GANs, ICLR 2018, after Gretton et al., JMLR 13, 2012, eq. 3).
One estimate uses all images. The common mean over random subsets of 1,000 images estimates the same
number, with more variance and with random draws.

The interval (``kernel_interval``) comes from the sums of the kernel between every two images, where the
edits of an image belong to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
from ganbench.metrics.features import MEMORY, check_groups, feature_pair, row_blocks
from ganbench.metrics.intervals import Interval, skewed_interval, spread
from ganbench.metrics.spec import MetricSpec

SPEC = MetricSpec(
    name="kid",
    title="KID",
    version=1,
    unit="squared kernel distance",
    direction="lower",
    digits=4,
    definition=(
        "Unbiased squared maximum mean discrepancy between the judge's penultimate features of the "
        "real test images and of all edits, with the cubic polynomial kernel. One estimate uses all "
        "images, without subsets. Its expected value does not depend on the number of images, and it "
        "can be below 0 for sets that are alike."
    ),
)


def kernel_distance(real: ArrayLike, fake: ArrayLike, memory: int = MEMORY) -> float:
    """The unbiased squared kernel distance of two sets of features.

    Args:
        real, fake: [n, d] and [m, d] with n, m >= 2.
        memory: bytes for the blocks of the kernel matrix; the value does not depend on it.

    Returns:
        A value that is symmetric and does not change with the order of the rows or a rotation of both
        sets. For samples of one distribution its mean is 0, so it can be negative.

    Raises:
        BadInput: the sets are not two matrices of equal width, have fewer than two rows, or hold values
            that are not finite.
    """
    a, b = feature_pair(real, fake)
    n, m = len(a), len(b)
    within = (_sum(a, a, memory) - float(_diagonal(a) @ np.ones(n))) / (n * (n - 1))
    within += (_sum(b, b, memory) - float(_diagonal(b) @ np.ones(m))) / (m * (m - 1))
    return float(within - 2 * _sum(a, b, memory) / (n * m))


class KernelSums(NamedTuple):
    """Sums of the kernel between images.

    Attributes:
        real: float64 [n, n], between real rows, 0 on the diagonal.
        fake: float64 [n, n], between the edits of two images, without the pairs of an edit with itself.
        cross: float64 [n, n], between real rows and the edits of an image.
        edits: float64 [n], the number of edits of each image.
    """

    real: NDArray[np.float64]
    fake: NDArray[np.float64]
    cross: NDArray[np.float64]
    edits: NDArray[np.float64]


def kernel_interval(
    real: ArrayLike,
    fake: ArrayLike,
    image: NDArray[np.int64],
    strata: NDArray[np.int64],
    memory: int = MEMORY,
) -> Interval | None:
    """KID with the interval of its expected value (``skewed_interval``).

    KID is quadratic in the number of images of a kind. If only one image is like no other, KID hardly
    changes without it, although a draw with two of them would have a much larger KID. At the upper end,
    images whose sum with themselves is five robust standard deviations above the median therefore get
    three times this excess in addition. The skewness that is added to both ends is that of the quadratic
    part times 1.5, at most 1/2. These numbers were chosen by simulation (docs/metrics.md).

    Args:
        real, fake: [n, d] and [m, d].
        image: int64 [m], the real image that each fake was made from.
        strata: int64 [n] of the real images, from ``strata_of``.
        memory: bytes for the blocks of the kernel matrix.

    Returns:
        The interval, or None with fewer than four images.

    Raises:
        BadInput: the features cannot be compared, or the numbers of fakes and of entries in ``image``
            differ.
    """
    a, b = feature_pair(real, fake)
    check_groups(b, image)
    n = len(a)
    if n < 4:
        return None
    sums = kernel_sums(a, b, image, memory)
    influence = kernel_influence(sums)
    variance = spread(influence, strata).variance
    m = float(sums.edits.sum())
    # What every two images add to KID.
    h = sums.real / (n * (n - 1)) + sums.fake / (m * (m - 1))
    h -= (sums.cross + sums.cross.T) / (n * m)
    excess = np.diagonal(h) - np.median(np.diagonal(h))
    rare = excess > 5 * 1.4826 * np.median(np.abs(excess))
    quadratic, third = _quadratic(h, strata)
    return skewed_interval(
        kernel_distance(a, b, memory),
        influence,
        strata,
        quadratic=quadratic / variance if variance > 0 else 0.0,
        added=min(1.5 * max(third, 0.0) / variance**1.5, 0.5) if variance > 0 else 0.0,
        upper=influence + np.where(rare, 3 * excess, 0),
    )


def kernel_influence(sums: KernelSums) -> NDArray[np.float64]:
    """How much KID loses without each image and its edits, float64 [n], exactly.

    The values are centred and multiplied by (n - 1) / n, so that they have the jackknife's variance.
    """
    a, b, c, edits = sums
    n, m = len(a), edits.sum() - edits
    real = (a.sum() - 2 * a.sum(axis=1)) / ((n - 1) * (n - 2))
    fake = (b.sum() - 2 * b.sum(axis=1) + np.diagonal(b)) / (m * (m - 1))
    cross = (c.sum() - c.sum(axis=0) - c.sum(axis=1) + np.diagonal(c)) / ((n - 1) * m)
    without = real + fake - 2 * cross
    return np.asarray((n - 1) / n * (without.mean() - without))


def _quadratic(h: NDArray[np.float64], strata: NDArray[np.int64]) -> tuple[float, float]:
    """The parts of the variance and of the third cumulant of KID that are quadratic in the images.

    Let Q be ``h`` [n, n] without the diagonal, after the means over every two strata have been subtracted
    in both directions. The parts are 2 sum Q_ij^2 and 8 sum Q_ij Q_jk Q_ki.
    """
    h = h.copy()
    np.fill_diagonal(h, 0)
    member = np.eye(strata.max() + 1)[strata]
    n = member.sum(axis=0)
    blocks = member.T @ h @ member / np.maximum(np.outer(n, n) - np.diag(n), 1)
    rows = ((h @ member) / np.maximum(n - member, 1))[
        :, strata
    ]  # mean over a stratum without itself
    h += blocks[strata][:, strata] - rows - rows.T
    np.fill_diagonal(h, 0)
    return float(2 * np.square(h).sum()), float(8 * ((h @ h) * h).sum())


def kernel_sums(
    a: NDArray[np.float64], b: NDArray[np.float64], image: NDArray[np.int64], memory: int = MEMORY
) -> KernelSums:
    """Sums of the kernel between images, from ``a`` [n, d] and ``b`` [m, d] with the images [m].

    Raises:
        BadInput: an image has no edit.
    """
    n = len(a)
    order = np.argsort(image, kind="stable")
    b = b[order]
    edits = np.bincount(image, minlength=n)
    if len(edits) != n or not edits.all():
        raise BadInput(
            f"image without an edit: {np.setdiff1d(np.arange(n), image)[:5].tolist()}; edit each image"
        )
    first = np.cumsum(edits) - edits
    real, cross, fake = np.empty((n, n)), np.empty((n, n)), np.zeros((n, n))
    for rows in row_blocks(n, n + len(b), memory):
        real[rows] = _kernel(a[rows], a)
        cross[rows] = np.add.reduceat(_kernel(a[rows], b), first, axis=1)
    for rows in row_blocks(len(b), len(b), memory):
        # A block may begin or end within the edits of an image.
        np.add.at(fake, image[order][rows], np.add.reduceat(_kernel(b[rows], b), first, axis=1))
    np.fill_diagonal(real, 0)
    fake[np.diag_indices(n)] -= np.add.reduceat(_diagonal(b), first)
    return KernelSums(real, fake, cross, edits.astype(np.float64))


def _kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """k(a_i, b_j), [n, m]."""
    base = a @ b.T / a.shape[1] + 1
    return np.asarray(base * base * base)  # ** 3 takes forty times as long


def _sum(a: NDArray[np.float64], b: NDArray[np.float64], memory: int) -> float:
    """The sum of k(a_i, b_j) over all i and j."""
    total, ones = 0.0, np.ones((max(len(a), len(b)), 1))
    for rows in row_blocks(len(a), len(b), memory):
        of_rows = _kernel(a[rows], b) @ ones[: len(b)]
        total += float((of_rows.T @ ones[: len(of_rows)]).item())
    return total


def _diagonal(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """k(x_i, x_i), [n]."""
    return np.asarray((np.square(x).mean(axis=1) + 1) ** 3)
