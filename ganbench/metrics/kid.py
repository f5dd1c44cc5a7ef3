"""KID: the kernel distance between judge features of real images and of edits.

With the cubic polynomial kernel k(x, y) = (x'y / d + 1)^3, the unbiased estimate of the squared
maximum mean discrepancy is

    MMD^2 = sum_{i != j} k(x_i, x_j) / n(n-1) + sum_{i != j} k(y_i, y_j) / m(m-1)
            - 2 sum_{i, j} k(x_i, y_j) / nm

(Binkowski et al., Demystifying MMD GANs, ICLR 2018, after Gretton et al., JMLR 13, 2012, eq. 3).
One estimate uses all images. The common mean over random subsets of 1,000 images estimates the same
number, with more variance and with random draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.metrics.features import MEMORY, check_groups, feature_pair, row_blocks
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


@dataclass(frozen=True)
class KernelSums:
    """Sums of the kernel between groups of images; they give the distance of any groups.

    Attributes:
        real, fake: float64 [groups, groups], sums within a set, without the pairs of a row with itself.
        cross: float64 [groups, groups], sums of real rows with fake rows.
        real_sizes, fake_sizes: float64 [groups], numbers of rows.
    """

    real: NDArray[np.float64]
    fake: NDArray[np.float64]
    cross: NDArray[np.float64]
    real_sizes: NDArray[np.float64]
    fake_sizes: NDArray[np.float64]

    def distance(self, keep: NDArray[np.bool_]) -> float:
        """The unbiased estimate from the groups that ``keep``, bool [groups], marks."""
        w = keep.astype(np.float64)
        n, m = w @ self.real_sizes, w @ self.fake_sizes
        within = w @ self.real @ w / (n * (n - 1)) + w @ self.fake @ w / (m * (m - 1))
        return float(within - 2 * (w @ self.cross @ w) / (n * m))


def kernel_sums(
    real: ArrayLike,
    fake: ArrayLike,
    real_groups: NDArray[np.int64],
    fake_groups: NDArray[np.int64],
    memory: int = MEMORY,
) -> KernelSums:
    """Sums of the kernel between all groups.

    Args:
        real, fake: [n, d] and [m, d].
        real_groups, fake_groups: int64 [n] and [m], the group of each row, counted from 0.
        memory: bytes for the blocks of the kernel matrix.

    Raises:
        BadInput: the features cannot be compared (``feature_pair``), or the numbers of rows and groups
            differ.
    """
    a, b = feature_pair(real, fake)
    check_groups(a, real_groups)
    check_groups(b, fake_groups)
    each = np.eye(1 + max(real_groups.max(), fake_groups.max()))
    of_a, of_b = each[real_groups], each[fake_groups]
    return KernelSums(
        real=_sums(a, a, of_a, of_a, memory) - _diagonal_sums(a, of_a),
        fake=_sums(b, b, of_b, of_b, memory) - _diagonal_sums(b, of_b),
        cross=_sums(a, b, of_a, of_b, memory),
        real_sizes=of_a.sum(axis=0),
        fake_sizes=of_b.sum(axis=0),
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
    sums = kernel_sums(a, b, np.zeros(len(a), np.int64), np.zeros(len(b), np.int64), memory)
    return sums.distance(np.ones(1, np.bool_))


def _sums(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    of_a: NDArray[np.float64],
    of_b: NDArray[np.float64],
    memory: int,
) -> NDArray[np.float64]:
    """Sums of k(a_i, b_j) over the groups of i and j: of_a' K of_b."""
    total = np.zeros((of_a.shape[1], of_b.shape[1]))
    for rows in row_blocks(len(a), len(b), memory):
        base = a[rows] @ b.T / a.shape[1] + 1
        total += of_a[rows].T @ (base * base * base @ of_b)  # ** 3 takes forty times as long
    return total


def _diagonal_sums(x: NDArray[np.float64], of_x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of k(x_i, x_i) over each group, on the diagonal of [groups, groups]."""
    return np.diag((np.square(x).mean(axis=1) + 1) ** 3 @ of_x)
