"""Pixel differences averaged over the regions of a face, such as mouth, hair and background."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import BadInput

Images = NDArray[np.float32] | NDArray[np.float64]
Array = NDArray[Any]


def region_differences(
    a: Images, b: Images, regions: NDArray[np.uint8], kinds: int = 5
) -> NDArray[np.float64]:
    """Mean absolute difference of two batches of images, in each region and in the whole image.

    Args:
        a, b: [N, C, H, W] in [0, 1].
        regions: uint8 [N, H, W], values in 0..kinds-1.
        kinds: number of regions.

    Returns:
        float64 [N, kinds + 1], the whole image in the last column; NaN where an image has no pixel of a
        region.

    Raises:
        BadInput: the shapes do not fit, or a region is not one of the ``kinds``.
    """
    if a.shape != b.shape or a.ndim != 4 or regions.shape != (len(a), *a.shape[2:]):
        raise BadInput(
            f"images and regions do not fit: {a.shape}, {b.shape}, {regions.shape}; "
            "give [N, C, H, W] twice and [N, H, W]"
        )
    if regions.size and regions.max() >= kinds:
        raise BadInput(f"no such region: {regions.max()}; give values in 0..{kinds - 1}")
    n, channels, height, width = a.shape
    flat = (n, channels, height * width)
    sums, sizes = _kernel()(
        np.ascontiguousarray(a).reshape(flat),
        np.ascontiguousarray(b).reshape(flat),
        np.ascontiguousarray(regions).reshape(n, height * width),
        kinds,
    )
    sums = np.concatenate([sums, sums.sum(axis=1, keepdims=True)], axis=1)
    sizes = np.concatenate([sizes, sizes.sum(axis=1, keepdims=True)], axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / sizes)


@cache
def _kernel() -> Callable[[Array, Array, Array, int], tuple[Array, Array]]:
    """``_region_sums``, compiled on first use, since numba is slow to import and photographs have no regions."""
    from ganbench.storage.kernels import compiled

    return compiled(_region_sums)


def _region_sums(a: Array, b: Array, regions: Array, kinds: int) -> tuple[Array, Array]:
    """Sums of absolute differences, averaged over channels, and numbers of pixels, in each region.

    Compiled, it reads the images once and writes nothing of their size.

    Args:
        a, b: [N, C, P]. They are subtracted in their type, and the differences are added in float64.
        regions: uint8 [N, P], all below ``kinds``.

    Returns:
        float64 [N, kinds] and int64 [N, kinds].
    """
    n, channels, pixels = a.shape
    sums, sizes = np.zeros((n, kinds)), np.zeros((n, kinds), np.int64)
    total = np.empty(pixels)
    for i in range(n):
        total[:] = 0.0
        for c in range(channels):
            for p in range(pixels):
                total[p] += abs(a[i, c, p] - b[i, c, p])
        for p in range(pixels):
            sums[i, regions[i, p]] += total[p] / channels
            sizes[i, regions[i, p]] += 1
    return sums, sizes
