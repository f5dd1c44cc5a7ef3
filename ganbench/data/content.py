"""Pictures known by their content: a short hash of a file, and a sample of hashes that cards keep.

The hash of a file up to 48 KiB covers all of it; of a larger one its size and three blocks, so that a
large data set is looked through in about the time that opening its files takes. Who claims that two
files are equal compares them whole (``equal_files``).
"""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.data import index

BLOCK = 16 << 10
DIGITS = (
    12  # hex digits of a hash; among 300,000 pictures two agree by chance in 1 of 6,000 data sets
)

_KIND = "content"

# From this many files on, hashes are kept for the next time.
INDEXED = 2_000
# Files that a thread reads in one go.
_PART = 64
# Hashes in a sketch. A leak of one in a hundred images is met with a chance of 92 %.
SKETCH = 256


def content_hash(path: Path) -> str:
    """A hash of a file's content, ``DIGITS`` hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(f"{size}:".encode())
        if size <= 3 * BLOCK:
            digest.update(file.read())
        else:
            digest.update(index.three_blocks(file, size, BLOCK))
    return digest.hexdigest()[:DIGITS]


def content_hashes(files: Sequence[Path], place: Path) -> list[str]:
    """The hashes of files; of many only those are read that changed since the last time.

    Args:
        files: any files.
        place: the folder of the data set, under whose name the hashes are kept.

    Returns:
        A hash for each file; empty where it cannot be read.
    """
    stamps = [_stamp(path) for path in files]
    known = index.read(place, _KIND) if len(files) >= INDEXED else {}
    hashes = [""] * len(files)
    unread: list[int] = []
    for i, stamp in enumerate(stamps):
        before = known.get(str(files[i]))
        if stamp and isinstance(before, list) and before[:-1] == stamp:
            hashes[i] = str(before[-1])
        elif stamp:
            unread.append(i)

    def read(part: list[int]) -> list[str]:
        return [_hash_or_nothing(files[i]) for i in part]

    # Reading waits for the disk. An order for every file would cost as much as reading it.
    parts = [unread[start : start + _PART] for start in range(0, len(unread), _PART)]
    with ThreadPoolExecutor(4) as pool:
        for part, found in zip(parts, pool.map(read, parts), strict=True):
            for i, value in zip(part, found, strict=True):
                hashes[i] = value
    if len(files) >= INDEXED and unread:
        known |= {str(files[i]): [*stamps[i], hashes[i]] for i in unread if hashes[i]}
        index.write(place, _KIND, known)
    return hashes


def _stamp(path: Path) -> list[int]:
    """Size and times of change of a file; empty if it is none that can be read as a picture."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return []
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
        return []
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _hash_or_nothing(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError:
        return ""


def equal_files(files: Sequence[Path], place: Path, first: int | None = None) -> list[list[int]]:
    """Groups of files with the same content, byte for byte, by their positions.

    Only files that share their size with another one are read; of those only files that share a hash
    are read whole.

    Args:
        files: any files.
        place: the folder of the data set.
        first: only groups that hold one of so many first files are wanted; None wants all.
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for i, path in enumerate(files):
        if stamp := _stamp(path):
            by_size[stamp[0]].append(i)
    wanted = len(files) if first is None else first
    alike = sorted(
        i for group in by_size.values() if len(group) > 1 and group[0] < wanted for i in group
    )
    by_hash: dict[str, list[int]] = defaultdict(list)
    for i, value in zip(alike, content_hashes([files[i] for i in alike], place), strict=True):
        if value:
            by_hash[value].append(i)
    found = []
    for group in by_hash.values():
        whole: dict[str, list[int]] = defaultdict(list)
        for i in group if len(group) > 1 else ():
            with suppress(OSError), files[i].open("rb") as file:
                whole[hashlib.file_digest(file, "sha256").hexdigest()].append(i)
        found += [equal for equal in whole.values() if len(equal) > 1]
    return sorted(group for group in found if group[0] < wanted)


@dataclass(frozen=True)
class Sketch:
    """A sample of the pictures of a data set, from which overlaps with other data sets are estimated.

    The smallest of all hashes are a random sample of the pictures, and of two data sets they are a
    sample of the same ones (bottom-k sketch; Cohen and Kaplan, 2007).

    Attributes:
        count: how many different pictures there are.
        least: their smallest hashes, sorted, at most ``SKETCH``.
    """

    count: int
    least: tuple[str, ...]

    @classmethod
    def of(cls, hashes: Iterable[str]) -> Sketch:
        """The sketch of all pictures with these hashes."""
        distinct = sorted(set(hashes) - {""})
        return cls(len(distinct), tuple(distinct[:SKETCH]))

    @classmethod
    def read(cls, table: Any) -> Sketch | None:
        """What ``to_json`` wrote; None if it is anything else: cards come from anywhere."""
        if not isinstance(table, Mapping):
            return None
        count, least = table.get("count"), table.get("least")
        if not isinstance(count, int) or not isinstance(least, list) or len(least) > SKETCH:
            return None
        if not all(isinstance(one, str) and len(one) == DIGITS for one in least):
            return None
        return cls(count, tuple(sorted(least)))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"count": self.count, "least": list(self.least)}

    def met(self, hashes: Iterable[str]) -> tuple[int, int]:
        """Of the pictures with these hashes: how many are in the sketch, and how many might be.

        The first over the second estimates the share that is in the sketched data set.
        """
        distinct = sorted(set(hashes) - {""})
        might = (
            distinct
            if self.count <= len(self.least)
            else distinct[: bisect_right(distinct, self.least[-1] if self.least else "")]
        )
        return len(set(might) & set(self.least)), len(might)
