"""The value, the influence of images, and the leading directions of FED with thousands of features.

``frechet.frechet_distance`` takes a QR decomposition of all edits, ``frechet.frechet_influence`` decomposes A B'
with all vectors in float64, and its curvature computes FED 71 times. With the 4,096 features of a VGG that takes
hours. An interval needs three digits, so here everything comes from covariances: the value and the vectors from
the eigenvectors of R_A S_B R_A'. The products with all edits are made in float32, and the curvature
is that of the leading directions, which hold what makes images unlike each other. All images and all
features count in the influence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.linalg.lapack import dpstrf

# Rows of features that are taken at a time.
BLOCK = 1024

# Rounds of subspace iteration (N. Halko, P. G. Martinsson and J. A. Tropp, SIAM Review 53, 2011, p. 217).
ROUNDS = 3


class Moments(NamedTuple):
    """The mean [d] and the unbiased covariance [d, d] of a set of features."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Overlap(NamedTuple):
    """The singular values s [k] of R_A R_B', where R'R = S, and R_A' U [d, k] with its left vectors U."""

    s: NDArray[np.float64]
    left: NDArray[np.float64]


def moments(x: NDArray[Any]) -> Moments:
    """The moments of the rows of ``x`` [n, d], float32 or float64, in half of the time of a QR decomposition."""
    mean = x.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((x.shape[1],) * 2)
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK] - mean
        scatter += block.T @ block
    scatter /= len(x) - 1
    return Moments(mean, scatter)


def root_of(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A root R [r, d] of a covariance of rank r, R'R = S.

    A pivoted Cholesky decomposition also works for the singular covariances of features that are nearly
    always 0, and takes a tenth of the time of eigenvectors.
    """
    triangle, pivots, rank, _ = dpstrf(covariance)
    root = np.empty((rank, len(covariance)))
    root[:, pivots - 1] = np.triu(triangle[:rank])
    return root


def overlap(a: Moments, b: Moments) -> Overlap:
    """The decomposition from the eigenvectors of R_A S_B R_A'.

    Singular values below 3e-7 of the largest one are unknown, and count as 0. The sum of the others has nine
    digits or so.
    """
    root = root_of(a.covariance)
    squares, left = eigh(
        root @ b.covariance @ root.T, driver="evd", overwrite_a=True, check_finite=False
    )
    known = squares > 1e-13 * squares[-1]
    return Overlap(np.sqrt(squares[known]), root.T @ left[:, known])


def large_influence(
    a: NDArray[Any],
    b: NDArray[Any],
    image: NDArray[np.int64],
    of_a: Moments,
    of_b: Moments,
    both: Overlap,
) -> NDArray[np.float64]:
    """``frechet.frechet_influence`` to about five digits, float64 [n].

    Args:
        a, b: [n, d] and [m, d], float32 or float64.
        image: int64 [m], the row of ``a`` that each row of ``b`` belongs to.
        of_a, of_b: the moments of ``a`` and ``b``.
        both: of the moments.
    """
    to_a, to_b = of_b.covariance @ both.left * both.s**-1.5, both.left * both.s**-0.5
    shift = of_a.mean - of_b.mean
    in_each = []
    for x, mean, to, sign in ((a, of_a.mean, to_a, 2.0), (b, of_b.mean, to_b, -2.0)):
        terms = _terms(x, mean, to, shift)
        each = sign * terms.shift / len(x) + (terms.squares - terms.overlap) / (len(x) - 1)
        in_each.append(each - (terms.squares.sum() / (len(x) - 1) - both.s.sum()) / (len(x) - 1))
    in_a, in_b = in_each
    return np.asarray(in_a + np.bincount(image, in_b, minlength=len(a)))


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


def leading(of_a: Moments, of_b: Moments, count: int) -> NDArray[np.float32]:
    """The ``count`` leading directions of both covariances, each divided by its trace, float32 [d, count]."""
    both = np.zeros(of_a.covariance.shape, np.float32)
    for of in (of_a, of_b):
        both += (of.covariance / (np.trace(of.covariance) or 1.0)).astype(np.float32)
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
