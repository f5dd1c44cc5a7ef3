"""The compiled search for pairs of perceptual hashes; see ``near_pairs``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.storage.kernels import compiled


@compiled
def search(
    hashes: NDArray[np.uint64], start: int, stop: int, bound: int, found: NDArray[np.int64]
) -> int:
    """Write pairs (i, j, distance) of rows that differ in at most ``bound`` bits into ``found``.

    Args:
        hashes: uint64 [n, words].
        start, stop: start <= i < stop, and i < j.
        bound: the largest distance.
        found: int64 [m, 3]; further pairs are counted only.

    Returns:
        the number of pairs.
    """
    count = 0
    for i in range(start, stop):
        for j in range(i + 1, hashes.shape[0]):
            distance = np.int64(0)
            for k in range(hashes.shape[1]):
                x = hashes[i, k] ^ hashes[j, k]
                x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
                x = (x & np.uint64(0x3333333333333333)) + (
                    (x >> np.uint64(2)) & np.uint64(0x3333333333333333)
                )
                x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
                distance += np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
                if distance > bound:
                    break
            if distance <= bound:
                if count < found.shape[0]:
                    found[count, 0], found[count, 1], found[count, 2] = i, j, distance
                count += 1
    return count
