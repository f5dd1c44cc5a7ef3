"""FED: the Frechet distance between judge features of real images and of edits.

    d^2 = |m_A - m_B|^2 + tr(S_A) + tr(S_B) - 2 tr((S_A S_B)^(1/2))

(Dowson and Landau, J. Multivariate Analysis 12, 1982). Let A and B be the centred features divided by
sqrt(n - 1). Then S_A = A'A and S_B = B'B, and the last trace is the sum of the singular values of A B'.
This needs no matrix square root and no complex numbers, works for any n and d, and gives exactly 0 for
equal sets.

``frechet_distance`` computes from features, since only these give the exact 0: covariances determine
small singular values to half of the digits. Batches and shards are therefore joined as features.
``frechet_from_moments`` is less exact and much faster; an interval needs it 71 times.

The interval (``frechet_interval``) comes from the influence of each image, which has a closed form. Let
A B' = U s V'. The derivative of sum s with respect to the weight of row i of A is

    (sum_k U_ik^2 s_k - sum s / (n - 1)) / 2

and needs no inverse of a covariance. An image and its edits are one unit, so their derivatives are added.
Images far from the others bend FED: it falls less without them than the derivative says. A jackknife over
groups of images measures by what factor (``_curvature``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dtpqrt

from ganbench.metrics.features import check_groups, checked_pair
from ganbench.metrics.frechet_large import (
    Moments,
    large_influence,
    leading,
    moments,
    overlap,
    projected,
    root_of,
)
from ganbench.metrics.intervals import Interval, skewed_interval
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.strata import assign_groups
from ganbench.metrics.threads import one_thread

# Rows and columns that the decomposition takes at a time. They decide on speed and memory.
BLOCK, PANEL = 1024, 64

# Most features of which all count in the curvature, and the number of leading directions that count if
# there are more.
FULL, DIRECTIONS = 1024, 512

# Number of pairs of groups that ``_curvature`` leaves out.
PAIRS = 50

SPEC = MetricSpec(
    name="fed",
    title="FED",
    version=1,
    unit="squared feature distance",
    direction="lower",
    digits=2,
    definition=(
        "Fréchet distance between the judge's penultimate features of the real test images and of "
        "all edits (every image × seven targets). Where all images are edited with noisy codes, GANmut "
        "and GGANmut are: anchor codes plus Gaussian noise of standard deviation 0.1 (clipped to [−1, 1] "
        "for GGANmut). The variant anchor uses the anchor codes themselves, the variant noisy the noisy "
        "codes of the first images only, and the variant uniform uses codes drawn uniformly from the whole "
        "conditional space Z. The value depends on the number of images, so only values of one protocol "
        "may be compared."
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
    with one_thread():
        return _distance(a, b)


def _distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    mean_a, mean_b = (x.mean(axis=0, dtype=np.float64) for x in (a, b))
    root_a, root_b = _root(a, mean_a), _root(b, mean_b)
    shift = mean_a - mean_b
    traces = np.square(root_a).sum() + np.square(root_b).sum()
    overlap_sum = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return max(0.0, float(shift @ shift + traces - 2 * overlap_sum))


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
    root = root_of(real_covariance)
    squares = np.linalg.eigvalsh(root @ fake_covariance @ root.T)
    overlap = np.sqrt(np.maximum(squares, 0)).sum()
    shift = real_mean - fake_mean
    traces = np.trace(real_covariance) + np.trace(fake_covariance)
    return max(0.0, float(shift @ shift + traces - 2 * overlap))


def frechet_interval(
    real: ArrayLike,
    fake: ArrayLike,
    image: NDArray[np.int64],
    strata: NDArray[np.int64],
    full: int = FULL,
    directions: int = DIRECTIONS,
) -> Interval | None:
    """FED with the interval of its expected value at this number of images (``skewed_interval``).

    Args:
        real, fake: [n, d] and [m, d].
        image: int64 [m], the real image that each fake was made from.
        strata: int64 [n] of the real images, from ``strata_of``.
        full: with more features than this the value has six digits or more, the influence is computed in
            float32, and the curvature in the leading directions (``frechet_large``).
        directions: their number.

    Returns:
        The interval, or None with fewer than four images.

    Raises:
        BadInput: the features cannot be compared, or the numbers of fakes and of entries in ``image``
            differ.
    """
    a, b = checked_pair(real, fake)
    check_groups(b, image)
    if len(a) < 4:
        return None
    groups = assign_groups(strata)
    with one_thread():
        if a.shape[1] > full:
            of_a, of_b = moments(a), moments(b)
            both = overlap(of_a, of_b)
            value = _value(a, b, of_a, of_b, both.s)
            influence = large_influence(a, b, image, of_a, of_b, both)
            del both
            main = leading(of_a, of_b, directions)
            x, y = (projected(of, of_a.mean, main) for of in (a, b))
            bent = frechet_influence(x, y, image)
        else:
            value = _distance(a, b)
            x, y = a.astype(np.float64), b.astype(np.float64)
            bent = influence = frechet_influence(x, y, image)
        scale, quadratic = _curvature(bent, groups, _of_groups(x, y, groups, groups[image]))
    return skewed_interval(
        value,
        scale * influence,
        strata,
        quadratic=quadratic,
        added=min(quadratic, 0.5) / 2,
        least=0.0,
    )


def _value(
    a: NDArray[Any], b: NDArray[Any], of_a: Moments, of_b: Moments, s: NDArray[np.float64]
) -> float:
    """``frechet_distance`` from singular values to nine digits.

    Nine digits of the traces are too few for a distance of less than a thousandth of them.
    """
    shift = of_a.mean - of_b.mean
    traces = np.trace(of_a.covariance) + np.trace(of_b.covariance)
    value = float(shift @ shift + traces - 2 * s.sum())
    return value if value > 1e-3 * traces else _distance(a, b)


def frechet_influence(
    a: NDArray[np.float64], b: NDArray[np.float64], image: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The derivative of FED with respect to the weight of each image and of its edits, float64 [n].

    It is to first order what FED loses without the image.

    Args:
        a, b: [n, d] and [m, d].
        image: int64 [m], the row of ``a`` that each row of ``b`` belongs to.
    """
    n, m, d = len(a), len(b), a.shape[1]
    shift = a.mean(axis=0) - b.mean(axis=0)
    of_a, of_b = a - a.mean(axis=0), b - b.mean(axis=0)
    root_a, root_b = (x if len(x) <= d else _triangle(x) for x in (of_a, of_b))
    scale = np.sqrt((n - 1) * (m - 1))
    left, s, right = np.linalg.svd(root_a @ root_b.T / scale, full_matrices=False)
    known = s > 1e-10 * s[0]
    weights = np.divide(1, s, where=known, out=np.zeros_like(s)) / scale**2
    # sum_k U_ik^2 s_k of every row, without U: the columns of A B' V are those of U s.
    overlap_a = np.square(of_a @ (root_b.T @ right.T)) @ weights
    overlap_b = np.square(of_b @ (root_a.T @ left)) @ weights
    squares_a = np.square(of_a).sum(axis=1) / (n - 1)
    squares_b = np.square(of_b).sum(axis=1) / (m - 1)
    total = s.sum()
    in_a = 2 * of_a @ shift / n + squares_a - overlap_a - (squares_a.sum() - total) / (n - 1)
    in_b = -2 * of_b @ shift / m + squares_b - overlap_b - (squares_b.sum() - total) / (m - 1)
    return np.asarray(in_a + np.bincount(image, in_b, minlength=n))


def _triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The triangle R [d, d] of x = QR."""
    return np.asarray(np.linalg.qr(x, mode="r"))


Statistic = Callable[[NDArray[np.bool_]], float]
"""Computes a statistic from the groups of images that a mask, bool [groups], keeps."""


def _curvature(
    influence: NDArray[np.float64], groups: NDArray[np.int64], statistic: Statistic
) -> tuple[float, float]:
    """How a jackknife over G groups of images departs from the derivative.

    With FED without group g, T_g, without two groups, T_gh, and the summed influence U_g of group g, all
    centred:

        scale = - sum_g T_g U_g / sum_g U_g^2
        V_1 = (G - 1) / G  sum_g T_g^2
        V_2 = mean Q_gh^2 / 2,     Q_gh = G T - (G - 1) (T_g + T_h) + (G - 2) T_gh

    V_2 estimates the part of V_1 that is quadratic in the images (Efron and Stein, Annals of Statistics 9,
    1981, p. 586), from ``PAIRS`` random pairs of groups.

    Returns:
        scale in [1/4, 1], by which influence values are multiplied, and V_2 / V_1.
    """
    count = int(groups.max()) + 1
    without = ~np.eye(count, dtype=np.bool_)
    whole = statistic(np.ones(count, np.bool_))
    one = np.array([statistic(keep) for keep in without])
    g, h = np.triu_indices(count, 1)
    chosen = np.random.default_rng(3).permutation(len(g))[:PAIRS]
    g, h = g[chosen], h[chosen]
    two = np.array([statistic(keep) for keep in without[g] & without[h]])
    q = count * whole - (count - 1) * (one[g] + one[h]) + (count - 2) * two
    one -= one.mean()
    summed = np.bincount(groups, influence)
    summed -= summed.mean()
    length = float(summed @ summed)
    scale = float(np.clip(-(one @ summed) / length, 0.25, 1)) if length else 1.0
    first, second = (count - 1) / count * float(one @ one), float(q.var(ddof=1)) / 2
    return scale, second / first if first else 0.0


def _of_groups(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    groups_a: NDArray[np.int64],
    groups_b: NDArray[np.int64],
) -> Statistic:
    """FED as a function of the kept groups, from the moments of each group.

    Args:
        a, b: [n, d] and [m, d]. The moments take 8 groups d^2 bytes for each set.
        groups_a, groups_b: int64 [n] and [m].
    """
    varies = (a != a[0]).any(axis=0) | (b != a[0]).any(axis=0)
    a, b = a[:, varies], b[:, varies]  # about a tenth of a judge's features is always 0
    origin = a.mean(axis=0)  # near both means, so that raw second moments keep their digits
    of_a, of_b = _moments(a - origin, groups_a), _moments(b - origin, groups_b)
    return lambda keep: frechet_from_moments(*of_a(keep), *of_b(keep))


def _moments(
    x: NDArray[np.float64], groups: NDArray[np.int64]
) -> Callable[[NDArray[np.bool_]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The mean [d] and the unbiased covariance [d, d] of the rows in the kept groups."""
    parts = [x[groups == g] for g in range(groups.max() + 1)]
    sizes = np.array([len(part) for part in parts], np.float64)
    sums = np.stack([part.sum(axis=0) for part in parts])
    squares = np.stack([part.T @ part for part in parts])
    all_squares = squares.sum(axis=0)

    def moments(keep: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n, total = sizes[keep].sum(), sums[keep].sum(axis=0)
        # Subtracting the one or two groups that are left out is ten times as fast as adding the others.
        scatter = all_squares - squares[~keep].sum(axis=0) - np.outer(total, total) / n
        return total / n, scatter / (n - 1)

    return moments
