"""The influence of images on FED, and the leading directions, with thousands of features.

``frechet.frechet_influence`` decomposes A B' with all vectors in float64, and its curvature computes FED 71
times. With the 4,096 features of a VGG that takes hours. An interval needs three digits, so here the vectors come
from the eigenvectors of A B' B A', the products with all edits are made in float32, and the curvature
is that of the leading directions, which hold what makes images unlike each other. All images and all
features count in the influence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

# Rows of features that are taken at a time.
BLOCK = 1024

# Rounds of subspace iteration (N. Halko, P. G. Martinsson and J. A. Tropp, SIAM Review 53, 2011, p. 217).
ROUNDS = 3


class Fitted(NamedTuple):
    """The Gaussian of a set of features: its mean [d] and a root R [r, d] of its covariance, R'R = S."""

    mean: NDArray[np.float64]
    root: NDArray[np.float64]


class Overlap(NamedTuple):
    """The decomposition of P = R_A R_B': P, its singular values s [k], and its left vectors U [r, k]."""

    product: NDArray[np.float64]
    s: NDArray[np.float64]
    left: NDArray[np.float64]


def overlap(a: Fitted, b: Fitted) -> Overlap:
    """The decomposition from the eigenvectors of P P', in half of the time of one from P.

    Singular values below 3e-7 of the largest one are unknown, and count as 0. The sum of the others has nine
    digits or so.
    """
    product = a.root @ b.root.T
    squares, left = eigh(product @ product.T, driver="evd", overwrite_a=True, check_finite=False)
    known = squares > 1e-13 * squares[-1]
    return Overlap(product, np.sqrt(squares[known]), left[:, known])


def large_influence(
    a: NDArray[Any],
    b: NDArray[Any],
    image: NDArray[np.int64],
    fit_a: Fitted,
    fit_b: Fitted,
    both: Overlap,
) -> NDArray[np.float64]:
    """``frechet.frechet_influence`` to about five digits, float64 [n].

    Args:
        a, b: [n, d] and [m, d], float32 or float64.
        image: int64 [m], the row of ``a`` that each row of ``b`` belongs to.
        fit_a, fit_b: of ``a`` and ``b``.
        both: of the fits.
    """
    n, m = len(a), len(b)
    to_a = fit_b.root.T @ (both.product.T @ both.left) * both.s**-1.5
    to_b = fit_a.root.T @ both.left * both.s**-0.5
    shift = fit_a.mean - fit_b.mean
    of_a, of_b = _terms(a, fit_a.mean, to_a, shift), _terms(b, fit_b.mean, to_b, shift)
    in_a = 2 * of_a.shift / n + (of_a.squares - of_a.overlap) / (n - 1)
    in_b = -2 * of_b.shift / m + (of_b.squares - of_b.overlap) / (m - 1)
    total = both.s.sum()
    in_a -= (of_a.squares.sum() / (n - 1) - total) / (n - 1)
    in_b -= (of_b.squares.sum() / (m - 1) - total) / (m - 1)
    return np.asarray(in_a + np.bincount(image, in_b, minlength=n))


class _Terms(NamedTuple):
    """For each row, float64 [n]: its product with the shift, its square, and its square after a map."""

    shift: NDArray[np.float64]
    squares: NDArray[np.float64]
    overlap: NDArray[np.float64]


def _terms(
    x: NDArray[Any],
    mean: NDArray[np.float64],
    to: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> _Terms:
    found, to, shift = np.empty((3, len(x))), to.astype(np.float32), shift.astype(np.float32)
    for rows, block in _centred(x, mean):
        found[0, rows] = block @ shift
        for row, of in ((1, block), (2, block @ to)):
            found[row, rows] = np.einsum("ij,ij->i", of, of)
    return _Terms(*found)


def _centred(
    x: NDArray[Any], mean: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Blocks of rows minus the mean, in float32."""
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, (x[rows] - mean).astype(np.float32)


def leading(fit_a: Fitted, fit_b: Fitted, count: int) -> NDArray[np.float32]:
    """The ``count`` leading directions of both covariances, each divided by its trace, float32 [d, count]."""
    both = np.zeros((fit_a.root.shape[1],) * 2, np.float32)
    for fit in (fit_a, fit_b):
        root = (fit.root / (np.linalg.norm(fit.root) or 1.0)).astype(np.float32)
        both += root.T @ root
    random = np.random.default_rng(0)
    found = random.standard_normal((len(both), count), np.float32)
    for _ in range(ROUNDS):
        found, _ = np.linalg.qr(both @ found)
    return found


def projected(
    x: NDArray[Any], origin: NDArray[np.float64], directions: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The rows of ``x`` minus ``origin`` in the coordinates of some directions, [n, count]."""
    parts = [block @ directions for _, block in _centred(x, origin)]
    return np.concatenate(parts).astype(np.float64)
