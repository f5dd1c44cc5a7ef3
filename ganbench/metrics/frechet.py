"""FED: the Frechet distance between judge features of real images and of edits.

    d^2 = |m_A - m_B|^2 + tr(S_A) + tr(S_B) - 2 tr((S_A S_B)^(1/2))

(Dowson and Landau, J. Multivariate Analysis 12, 1982). Let A and B be the centred features divided by
sqrt(n - 1). Then S_A = A'A and S_B = B'B, and the last trace is the sum of the singular values of A B'.
This needs no matrix square root and no complex numbers, works for any n and d, and gives exactly 0 for
equal sets.

``frechet_distance`` computes from features, since only these give the exact 0: covariances determine
small singular values to half of the digits. Batches and shards are therefore joined as features.
``frechet_from_moments`` is less exact and much faster; intervals need it hundreds of times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dpstrf, dtpqrt

from ganbench.metrics.features import checked_pair
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.threads import one_thread

# Rows and columns that the decomposition takes at a time. They decide on speed and memory.
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
        "codes plus Gaussian noise of standard deviation 0.1 (clipped to [−1, 1] for GGANmut). The "
        "variant anchor uses the anchor codes themselves, and the variant uniform uses codes drawn "
        "uniformly from the whole conditional space Z. The value depends on the number of images, so "
        "only values of one protocol may be compared."
    ),
    ours=True,
)


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Squared Frechet distance between the Gaussians fitted to two sets of features.

    Beside the two sets, which may be float32, it takes the memory of about five d x d matrices, and the
    time of a QR decomposition of the larger set (``benchmarks/frechet.py``). The covariances are
    unbiased and computed in float64.

    Args:
        real, fake: [n, d] and [m, d] with n, m >= 2.

    Returns:
        A value of 0 or more in squared feature units. It is symmetric, and does not change with the
        order of the rows or when both sets are shifted or rotated alike.

    Raises:
        BadInput: the sets are not two matrices of equal width, have fewer than two rows, or hold values
            that are not finite.
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
    # The triangle R of x = QR has the same R'R in d rows instead of n. Blocks of rows are merged into
    # the triangle, so neither the set in float64 nor Q is held in memory.
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

    With R'R = S_A, the last trace is the sum of the square roots of the eigenvalues of R S_B R'.
    """
    # A pivoted Cholesky decomposition also works for the singular covariances of features that are
    # nearly always 0, and takes a tenth of the time of eigenvectors.
    triangle, pivots, rank, _ = dpstrf(real_covariance)
    root, order = np.triu(triangle[:rank]), pivots - 1
    squares = np.linalg.eigvalsh(root @ fake_covariance.take(order, 0).take(order, 1) @ root.T)
    overlap = np.sqrt(np.maximum(squares, 0)).sum()
    shift = real_mean - fake_mean
    traces = np.trace(real_covariance) + np.trace(fake_covariance)
    return max(0.0, float(shift @ shift + traces - 2 * overlap))
