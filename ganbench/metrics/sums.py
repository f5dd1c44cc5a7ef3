"""Compiled sums over regions: the images are read once, and nothing of their size is written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.storage.kernels import compiled

Array = NDArray[Any]


@compiled
def region_sums(a: Array, b: Array, regions: Array, kinds: int) -> tuple[Array, Array]:
    """Sums of absolute differences, averaged over channels, and numbers of pixels.

    Args:
        a, b: [N, C, P]. They are subtracted in their own type and added up in float64.
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
