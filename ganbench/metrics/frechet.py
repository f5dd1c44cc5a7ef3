"""FED: the Frechet distance between judge features of real images and of edits.

    d^2 = |m_A - m_B|^2 + tr(S_A) + tr(S_B) - 2 tr((S_A S_B)^(1/2))

(Dowson and Landau, J. Multivariate Analysis 12, 1982). With A and B the centred features divided by
sqrt(n - 1), S_A = A'A and S_B = B'B, so the last trace is the sum of the singular values of A B':
no matrix square root, no complex numbers, exact zero for equal sets, and any n against any d.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput
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

    Args:
        real, fake: [n, d] and [m, d] with n, m >= 2; computed in float64, unbiased covariances.

    Returns:
        A value >= 0 in squared feature units; symmetric, and free of order, shift and rotation.

    Raises:
        BadInput: not two matrices of equal width, fewer than two rows, or values not finite.
    """
    mean_a, a = _root("real", real)
    mean_b, b = _root("fake", fake)
    if a.shape[1] != b.shape[1]:
        raise BadInput(
            f"features differ in width: real {a.shape[1]}, fake {b.shape[1]}; use one judge"
        )
    shift = mean_a - mean_b
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    traces = np.square(a).sum() + np.square(b).sum()
    return max(0.0, float(shift @ shift + traces - 2 * overlap))


def _root(name: str, features: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean [d] and a root R [min(n, d), d] of the covariance, R'R = S."""
    x = np.asarray(features, np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise BadInput(f"{name} features must be [n, d] with n >= 2: got shape {x.shape}")
    if not np.isfinite(x).all():
        raise BadInput(
            f"{name} features are not finite: NaN or infinity among {x.shape}; check the judge"
        )
    n, d = x.shape
    mean = x.mean(axis=0)
    x = x - mean
    x /= np.sqrt(n - 1)
    # The triangle of x = QR has the same R'R, in d rows instead of n.
    return mean, np.asarray(np.linalg.qr(x, mode="r")) if n > d else x
