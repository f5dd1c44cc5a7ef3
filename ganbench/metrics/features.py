"""Sets of features: checks of their shapes, and blocks of rows that fit into a given memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.errors import BadInput

# Memory in bytes that a blocked computation may take beside the features themselves.
MEMORY = 2**28


def feature_pair(
    real: ArrayLike, fake: ArrayLike, least: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sets of features in float64, [n, d] and [m, d].

    Raises:
        BadInput: the sets are not two matrices of equal width, have fewer than ``least`` rows, or hold
            values that are not finite.
    """
    a, b = checked_pair(real, fake, least)
    return np.asarray(a, np.float64), np.asarray(b, np.float64)


def checked_pair(
    real: ArrayLike, fake: ArrayLike, least: int = 2
) -> tuple[NDArray[Any], NDArray[Any]]:
    """``feature_pair`` without the conversion to float64."""
    a, b = _matrix("real", real, least), _matrix("fake", fake, least)
    if a.shape[1] != b.shape[1]:
        raise BadInput(
            f"features differ in width: real {a.shape[1]}, fake {b.shape[1]}; use one judge"
        )
    return a, b


def check_groups(features: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
    """Check that each row of ``features`` has a group.

    Raises:
        BadInput: the numbers differ.
    """
    if groups.shape != features.shape[:1]:
        raise BadInput(f"each image needs a group: {len(features)} images, {groups.shape} groups")


def row_blocks(rows: int, columns: int, memory: int) -> Iterator[slice]:
    """Slices over ``rows`` so that four float64 arrays [block, columns] take at most ``memory`` bytes.

    Four is the number of arrays of this shape that exist at once, a product and what is computed from
    it. A block has at least one row, whatever the memory.
    """
    step = max(1, memory // (4 * 8 * columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def _matrix(name: str, features: ArrayLike, least: int) -> NDArray[Any]:
    x = np.asarray(features)
    if x.ndim != 2 or len(x) < least:
        raise BadInput(f"{name} features must be [n, d] with n >= {least}: got shape {x.shape}")
    if not np.isfinite(x).all():
        raise BadInput(
            f"{name} features are not finite: NaN or infinity among {x.shape}; check the judge"
        )
    return x
