"""Pairs of perceptual hashes that differ in few bits: exact, by comparing all pairs.

Of 290,000 pictures these are 4.2e10 pairs. Compiled code compares them word by word; most differ in the first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganbench.data.files import cores, in_threads
from ganbench.stopwatch import Progress

# Rows whose pairs are searched at once.
BLOCK = 2_000
# Pairs of a block that are kept; a data set with more has one picture many times.
MOST = 20_000
# So many hashes or fewer are compared without compiled code.
FEW = 2_000


def _few(hashes: NDArray[np.uint64], bound: int) -> NDArray[np.int64]:
    """The pairs of a few hashes, without compiled code, which takes seconds to load."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1).astype(np.uint8)
    rows = np.ascontiguousarray(hashes).view(np.uint8).reshape(len(hashes), 8 * hashes.shape[1])
    parts = [np.empty((0, 3), np.int64)]
    for i in range(len(rows) - 1):
        distances = bits[rows[i] ^ rows[i + 1 :]].sum(1, dtype=np.int64)
        near = np.flatnonzero(distances <= bound)
        parts.append(np.stack([np.full(len(near), i), i + 1 + near, distances[near]], axis=1))
    return np.concatenate(parts)


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
    if len(hashes) <= FEW:
        pairs = _few(hashes, bound)
        return pairs[np.argsort(pairs[:, 2], kind="stable")], len(pairs)
    from ganbench.data import hash_kernel

    starts = range(0, len(hashes), BLOCK)
    parts, total = [np.empty((0, 3), np.int64)], 0

    def search(start: int) -> tuple[NDArray[np.int64], int]:
        found = np.empty((MOST, 3), np.int64)
        count = int(
            hash_kernel.search(hashes, start, min(start + BLOCK, len(hashes)), bound, found)
        )
        return found[: min(count, MOST)].copy(), count

    for done, (found, count) in enumerate(in_threads(search, starts, cores()), 1):
        parts.append(found)
        total += count
        if progress is not None:
            progress(min(done * BLOCK, len(hashes)), len(hashes))
    pairs = np.concatenate(parts)
    return pairs[np.argsort(pairs[:, 2], kind="stable")], total
