"""Pairs of perceptual hashes that differ in few bits: exact, by comparing all pairs of words with early exits.

Of 290,000 pictures these are 4.2e10 pairs; most are told apart by their first word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.data.files import cores, in_threads
from ganbench.stopwatch import Progress
from ganbench.storage.kernels import compiled

# Rows whose pairs are searched at once.
BLOCK = 2_000
# Pairs of a block that are kept; a data set with more has one picture many times.
MOST = 20_000


@compiled
def _search(
    hashes: NDArray[np.uint64], start: int, stop: int, bound: int, found: NDArray[np.int64]
) -> int:
    """Write pairs (i, j, distance), start <= i < stop, i < j, into ``found``; returns their number."""
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


def near_pairs(
    hashes: NDArray[np.uint64], bound: int, progress: Progress | None = None
) -> tuple[NDArray[np.int64], int]:
    """Pairs of rows that differ in at most ``bound`` bits.

    Args:
        hashes: uint64 [n, words].
        bound: the largest number of different bits.
        progress: called with (rows done, rows in total).

    Returns:
        int64 [m, 3]: first row, second row and number of different bits, sorted by this number; and the
        number of all pairs, which is larger if a block of rows has more than ``MOST``.
    """
    starts = range(0, len(hashes), BLOCK)
    parts, total = [np.empty((0, 3), np.int64)], 0

    def search(start: int) -> tuple[NDArray[np.int64], int]:
        found = np.empty((MOST, 3), np.int64)
        count = int(_search(hashes, start, min(start + BLOCK, len(hashes)), bound, found))
        return found[: min(count, MOST)].copy(), count

    for done, (found, count) in enumerate(in_threads(search, starts, cores()), 1):
        parts.append(found)
        total += count
        if progress is not None:
            progress(min(done * BLOCK, len(hashes)), len(hashes))
    pairs = np.concatenate(parts)
    return pairs[np.argsort(pairs[:, 2], kind="stable")], total
