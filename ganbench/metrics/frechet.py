"""FED: the Frechet distance between judge features of real images and of edits.

    d^2 = |m_A - m_B|^2 + tr(S_A) + tr(S_B) - 2 tr((S_A S_B)^(1/2))

(Dowson and Landau, J. Multivariate Analysis 12, 1982). With A and B the centred features divided by
sqrt(n - 1), S_A = A'A and S_B = B'B, so the last trace is the sum of the singular values of A B':
no matrix square root, no complex numbers, exact zero for equal sets, and any n against any d.

``frechet_distance`` takes the features, because only they give that exact zero: from covariances
small singular values are known to half the digits. Batches and shards are therefore joined as
features. ``frechet_from_moments`` is for the intervals, which need it often and less exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dpstrf, dtpqrt

from ganbench.metrics.features import checked_pair
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.threads import one_thread

# Rows and columns that the decomposition takes in at a time: speed and memory, no digit that matters.
BLOCK, PANEL = 1024, 64

SPEC = MetricSpec(
    name="fed",
    title="FED",
    version=1,
    unit="squared feature distance",
    direction="lower",
    digits=2,
    definition=(
        "Fréchet distance between the judge's penultimate features of the real test images and of "
        "all edits (every image × seven targets). GANmut and GGANmut are edited with their anchor "
        "codes plus Gaussian noise of standard deviation 0.1 (clipped to [−1, 1] for GGANmut); the "
        "variants use exact anchors, and codes uniform over the whole conditional space Z. It "
        "depends on the number of images: only values of one protocol may be compared."
    ),
    ours=True,
)


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Squared Frechet distance between the Gaussians fitted to two sets of features.

    Beside the two sets, which may be float32, it needs memory for about five d x d matrices, and the
    work is that of a QR decomposition of the larger set (``benchmarks/frechet.py``).

    Args:
        real, fake: [n, d] and [m, d] with n, m >= 2; computed in float64, unbiased covariances.

    Returns:
        A value >= 0 in squared feature units; symmetric, and free of order, shift and rotation.

    Raises:
        BadInput: not two matrices of equal width, fewer than two rows, or values not finite.
    """
    a, b = checked_pair(real, fake)
    mean_a, mean_b = (x.mean(axis=0, dtype=np.float64) for x in (a, b))
    with one_thread():
        root_a, root_b = _root(a, mean_a), _root(b, mean_b)
        overlap = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    shift = mean_a - mean_b
    traces = np.square(root_a).sum() + np.square(root_b).sum()
    return max(0.0, float(shift @ shift + traces - 2 * overlap))


def _root(x: NDArray[Any], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """A root R [min(n, d), d] of the covariance of the rows, R'R = S."""
    n, d = x.shape
    scale = np.sqrt(n - 1)
    if n <= d:
        return np.asarray((x - mean) / scale)
    # The triangle of x = QR has the same R'R, in d rows instead of n. Rows are added to a triangle
    # in blocks, so that neither the set in float64 nor Q ever exists.
    root = np.zeros((d, d), order="F")
    for start in range(0, n, BLOCK):
        rows = x[start : start + BLOCK]
        block = np.empty(rows.shape, order="F")
        np.subtract(rows, mean, out=block)
        root, *_ = dtpqrt(0, min(PANEL, d), root, block, overwrite_a=True, overwrite_b=True)
    return np.asarray(root / scale)


def frechet_from_moments(
    real_mean: NDArray[np.float64],
    real_covariance: NDArray[np.float64],
    fake_mean: NDArray[np.float64],
    fake_covariance: NDArray[np.float64],
) -> float:
    """``frechet_distance`` from means [d] and covariances [d, d], to about 1e-8 of the traces.

    With R'R = S_A the last trace is the sum of the square roots of the eigenvalues of R S_B R'.
    """
    # Pivoted, since features that hardly ever fire make covariances singular, and an interval needs
    # hundreds of roots: this takes a tenth of the time of eigenvectors.
    triangle, pivots, rank, _ = dpstrf(real_covariance)
    root, order = np.triu(triangle[:rank]), pivots - 1
    squares = np.linalg.eigvalsh(root @ fake_covariance.take(order, 0).take(order, 1) @ root.T)
    overlap = np.sqrt(np.maximum(squares, 0)).sum()
    shift = real_mean - fake_mean
    traces = np.trace(real_covariance) + np.trace(fake_covariance)
    return max(0.0, float(shift @ shift + traces - 2 * overlap))
