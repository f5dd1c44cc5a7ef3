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

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr

from ganbench.metrics.features import feature_pair
from ganbench.metrics.spec import MetricSpec

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

    Beside the two sets in float64 it needs memory for about eight d x d matrices, and the work is
    that of a QR decomposition of the larger set.

    Args:
        real, fake: [n, d] and [m, d] with n, m >= 2; computed in float64, unbiased covariances.

    Returns:
        A value >= 0 in squared feature units; symmetric, and free of order, shift and rotation.

    Raises:
        BadInput: not two matrices of equal width, fewer than two rows, or values not finite.
    """
    a, b = feature_pair(real, fake)
    shift = a.mean(axis=0) - b.mean(axis=0)
    a, b = _root(a), _root(b)
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    traces = np.square(a).sum() + np.square(b).sum()
    return max(0.0, float(shift @ shift + traces - 2 * overlap))


def _root(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A root R [min(n, d), d] of the covariance of the rows, R'R = S."""
    n, d = x.shape
    mean, scale = x.mean(axis=0), np.sqrt(n - 1)
    if n <= d:
        return np.asarray((x - mean) / scale)
    # The triangle of x = QR has the same R'R, in d rows instead of n; taking in 2 d rows at a time
    # bounds the memory at 5/4 of the work of one decomposition.
    root = np.empty((0, d))
    for start in range(0, n, 2 * d):
        rows = x[start : start + 2 * d]
        stack = np.empty((len(root) + len(rows), d), order="F")  # decomposed in place
        stack[: len(root)] = root
        np.subtract(rows, mean, out=stack[len(root) :])
        (triangle,) = qr(stack, overwrite_a=True, mode="r", check_finite=False)
        root = triangle[:d].copy()
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
    try:  # a third of the cost of eigenvectors, and an interval needs hundreds of roots
        root = np.linalg.cholesky(real_covariance).T
    except np.linalg.LinAlgError:  # singular: no more images than features
        values, vectors = np.linalg.eigh(real_covariance)
        root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    squares = np.linalg.eigvalsh(root @ fake_covariance @ root.T)
    overlap = np.sqrt(np.maximum(squares, 0)).sum()
    shift = real_mean - fake_mean
    traces = np.trace(real_covariance) + np.trace(fake_covariance)
    return max(0.0, float(shift @ shift + traces - 2 * overlap))
