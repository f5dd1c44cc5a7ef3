"""A file of equal rows of bytes, which is mapped into memory, with a checksum for each row.

The file begins with the rows. The checksum of each row follows, then the key that says what the rows were made
from, as JSON, and a footer with the shape and a checksum of the other two. A reader of a few rows can tell
whether these rows are sound without reading the rest of a file of many gigabytes.

The checksum of a row adds up its 64-bit words, each times an odd number that its place has, modulo 2**64. A
change within one word is always found, any other with overwhelming probability. It takes a fifth of the time
of a CRC-32, which would be a tenth of the time that it takes to decode a small picture.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.storage.root import using_cache
from ganbench.storage.store import canonical, digest, replacing

# Number of rows, bytes of a row, bytes of the key, sha256 of checksums and key, and the name of the format.
_FOOTER = struct.Struct("<QQQ32s16s")
_FORMAT = b"ganbench rows 1\n"
SUFFIX = ".rows"
# Rows whose checksums are compared at once when a whole file is verified.
_BLOCK_BYTES = 16 << 20


def path_of(folder: Path, key: Any) -> Path:
    """The file of the rows of ``key``, which need not exist."""
    return folder / f"{digest(key)}{SUFFIX}"


def checksums(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Checksum of each row, uint64 [n].

    Args:
        rows: uint8 [n, bytes of a row]; the bytes of a row are contiguous.
    """
    count, length = rows.shape
    words, rest = divmod(length, 8)
    weights = np.arange(1, 2 * words + 2, 2, dtype=np.uint64)
    last = np.zeros((count, 8), np.uint8)
    last[:, :rest] = rows[:, 8 * words :]
    sums: NDArray[np.uint64] = last.view("<u8")[:, 0] * weights[words]
    whole = rows[:, : 8 * words].view("<u8")
    for k in range(count):  # a row at a time stays in the processor's cache
        sums[k] += (whole[k] * weights[:words]).sum(dtype=np.uint64)
    return sums


@dataclass(frozen=True)
class RowsFile:
    """An opened file.

    Attributes:
        path: the file.
        key: what the rows were made from.
        rows: uint8 [N, bytes of a row], mapped, read-only.
        sums: uint64 [N], the checksum of each row.
        mapped: the whole file.
    """

    path: Path
    key: Any
    rows: NDArray[np.uint8]
    sums: NDArray[np.uint64]
    mapped: mmap.mmap

    @classmethod
    def open(cls, path: Path) -> RowsFile | None:
        """The file at ``path``; None if it is missing, incomplete, or its checksums or key are damaged."""
        try:
            with path.open("rb") as file:
                tail = _read_tail(file)
                if tail is None:
                    return None
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return None
        key, count, length, sums = tail
        rows = np.frombuffer(mapped, np.uint8, count * length).reshape(count, length)
        return cls(path, key, rows, sums, mapped)

    def take(self, indices: NDArray[np.int64], out: NDArray[np.uint8]) -> list[int]:
        """Copy rows.

        Args:
            indices: int64 [n], of the rows, each in [0, N).
            out: uint8 [n, bytes of a row], filled.

        Returns:
            The positions in ``indices`` of rows that are damaged.
        """
        # The mode "clip" writes into ``out`` directly; the usual mode fills a buffer first.
        np.take(self.rows, indices, axis=0, out=out, mode="clip")
        return np.flatnonzero(checksums(out) != self.sums[indices]).tolist()

    def will_need(self, indices: NDArray[np.int64]) -> None:
        """Ask the system to read rows into memory, without waiting for it.

        Args:
            indices: int64 [n], of the rows, each in [0, N).
        """
        if not hasattr(mmap, "MADV_WILLNEED"):
            return
        length = self.rows.shape[1]
        for row in indices.tolist():
            start = row * length - row * length % mmap.PAGESIZE
            self.mapped.madvise(mmap.MADV_WILLNEED, start, (row + 1) * length - start)

    def damaged(self) -> list[int]:
        """The rows that are damaged; reads the whole file in blocks."""
        step = max(1, _BLOCK_BYTES // max(1, self.rows.shape[1]))
        block = np.empty((step, self.rows.shape[1]), np.uint8)
        found: list[int] = []
        for start in range(0, len(self.rows), step):
            indices = np.arange(start, min(start + step, len(self.rows)))
            found += [start + k for k in self.take(indices, block[: len(indices)])]
        return found


def read_key(path: Path) -> Any:
    """The key of a file, without its rows; None if it is damaged or incomplete."""
    try:
        with path.open("rb") as file:
            tail = _read_tail(file)
    except OSError:
        return None
    return None if tail is None else tail[0]


def is_sound(path: Path) -> bool:
    """Whether a whole file is undamaged and has the name of its key; True if it was removed meanwhile."""
    found = RowsFile.open(path)
    if found is None:
        return not path.exists()
    return digest(found.key) == path.stem and not found.damaged()


def write(
    path: Path, key: Any, count: int, length: int, fill: Callable[[Path], NDArray[np.uint64]]
) -> None:
    """Write a file, which appears complete or not at all.

    Nothing waits until the content is on the disk, which takes longer than to make it: after a power cut
    the checksums of the rows tell what was lost.

    Args:
        path: the file; its folder is made if missing.
        key: what the rows are made from, any JSON value.
        count: number of rows.
        length: bytes of a row.
        fill: writes row i of a file, which has its full size, at byte ``i * length``, and returns the
            checksum of each row, uint64 [count].

    Raises:
        BadInput: the cache cannot be written, for example because the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as temporary:
            with temporary.open("wb") as file:
                _reserve(file.fileno(), count * length)
            sums = fill(temporary)
            with temporary.open("r+b") as file:
                file.seek(count * length)
                label = canonical(key).encode()
                tail = sums.astype("<u8").tobytes() + label
                check = hashlib.sha256(tail).digest()
                file.write(tail + _FOOTER.pack(count, length, len(label), check, _FORMAT))
    except OSError as error:
        # Only these are errors of the cache: ``fill`` may raise a BadInput of its own.
        with using_cache(path.parent):
            raise error


def _reserve(file: int, size: int) -> None:
    """Give a file its size, and its place on the disk where the system can, so that a full disk shows at once."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def _read_tail(file: Any) -> tuple[Any, int, int, NDArray[np.uint64]] | None:
    """Key, number of rows, bytes of a row and checksums; None if they are damaged."""
    size = os.fstat(file.fileno()).st_size
    if size < _FOOTER.size:
        return None
    file.seek(size - _FOOTER.size)
    count, length, label, check, name = _FOOTER.unpack(file.read(_FOOTER.size))
    start = count * length
    if name != _FORMAT or not count * length or start + 8 * count + label + _FOOTER.size != size:
        return None
    file.seek(start)
    tail = file.read(8 * count + label)
    if hashlib.sha256(tail).digest() != check:
        return None
    return json.loads(tail[8 * count :]), count, length, np.frombuffer(tail[: 8 * count], "<u8")
