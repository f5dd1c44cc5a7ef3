"""Pixel differences averaged over the regions of a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import BadInput

Images = NDArray[np.float32] | NDArray[np.float64]


def region_differences(
    a: Images, b: Images, regions: NDArray[np.uint8], kinds: int = 5
) -> NDArray[np.float64]:
    """Mean absolute difference of two image batches, for each region and for the whole image.

    Args:
        a, b: [N, C, H, W] in [0, 1].
        regions: [N, H, W], values in 0..kinds-1.

    Returns:
        float64 [N, kinds + 1]; the last column is the whole image. NaN where an image lacks a region.

    Raises:
        BadInput: the shapes do not fit.
    """
    if a.shape != b.shape or a.ndim != 4 or regions.shape != (len(a), *a.shape[2:]):
        raise BadInput(
            f"images and regions do not fit: {a.shape}, {b.shape}, {regions.shape}; "
            "give [N, C, H, W] twice and [N, H, W]"
        )
    n = len(a)
    difference = np.abs(a - b).mean(axis=1, dtype=np.float64)
    cells = (regions + kinds * np.arange(n)[:, None, None]).ravel()
    sums = np.bincount(cells, weights=difference.ravel(), minlength=kinds * n).reshape(n, kinds)
    sizes = np.bincount(cells, minlength=kinds * n).reshape(n, kinds)
    with np.errstate(invalid="ignore"):
        means = sums / sizes
    return np.concatenate([means, difference.mean(axis=(1, 2))[:, None]], axis=1)
