"""Files of a data set: hashes of their content, an index of what is known of them, reading in threads.

The hash of a file up to 48 KiB covers all bytes. The hash of a larger file covers its size and three
blocks, so that hashing a large data set takes about as long as opening its files. ``equal_files``
compares whole files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from ganbench import parsing
from ganbench.errors import BadInput
from ganbench.storage.root import cache_root
from ganbench.storage.store import write_atomic

BLOCK = 16 << 10
# Hex digits of a hash. Among 300,000 pictures two hashes agree by chance in 1 of 6,000 data sets.
DIGITS = 12
# Smallest number of files of a data set whose hashes are kept in the index.
INDEXED = 2_000
# Threads that hash files. They wait for the disk, so there may be more of them than cores.
THREADS = 4

_KIND = "content"

# Name of a file -> what is known of it: [stamp, width, height, identity] for a table of images.
Entries = dict[str, list[Any]]
T = TypeVar("T")


def stamp(*files: Path) -> str:
    """Sizes and times of files; empty if one is missing. A file with the same stamp is not read again.

    The time when the file's entry changed is part of it, because programs can set the time of the
    content back.
    """
    try:
        status = [path.stat() for path in files]
    except (OSError, ValueError):  # no such file, or an impossible name
        return ""
    return " ".join(f"{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}" for one in status)


def three_blocks(file: BinaryIO, size: int, block: int) -> bytes:
    """The first, the middle and the last ``block`` bytes of a file of ``size`` bytes."""
    blocks = b""
    for start in (0, (size - block) // 2, size - block):
        file.seek(start)
        blocks += file.read(block)
    return blocks


def read_index(root: Path, kind: object) -> Entries:
    """What is known of the files under ``root``; empty if nothing is, or if the index is damaged.

    Args:
        root: the folder of the data set.
        kind: the kind of the entries; each kind is kept apart.
    """
    try:
        entries: Entries = parsing.read_json(_index_file(root, kind), parsing.RESULTS, dict)
    except BadInput:
        return {}
    return entries


def write_index(root: Path, kind: object, entries: Entries) -> None:
    """Keep entries for ``read_index``; does nothing if the cache cannot be written."""
    with suppress(BadInput):
        write_atomic(_index_file(root, kind), json.dumps(entries))


def _index_file(root: Path, kind: object) -> Path:
    name = hashlib.sha256(f"2 {kind} {root.resolve()}".encode()).hexdigest()[:24]
    return cache_root() / "index" / f"{name}.json"


def cores() -> int:
    """Number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # the system cannot tell
        return os.cpu_count() or 1


# Whether this is one of several processes that read the same data set, each with one thread.
_alone = False


def work_alone() -> None:
    """Let ``in_threads`` use one thread from now on: this process is one of as many as there are cores."""
    global _alone
    _alone = True


def in_threads(
    function: Callable[[int], T], items: Sequence[int], threads: int | None = None
) -> Iterator[T]:
    """``function`` of each item, in order; at most a few blocks of items are computed ahead.

    Args:
        function: of one item.
        items: any numbers.
        threads: number of threads; None takes one a core, at most 8, or one after ``work_alone``.
    """
    if threads is None:
        threads = 1 if _alone else min(8, cores())
    threads = min(threads, len(items))
    if threads < 2:
        yield from map(function, items)
        return
    # Handing over each item alone would take as long as opening a file.
    size = max(1, min(64, len(items) // (4 * threads)))
    blocks = [items[start : start + size] for start in range(0, len(items), size)]
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(blocks), 2 * threads):
            for done in pool.map(
                lambda block: [function(item) for item in block],
                blocks[start : start + 2 * threads],
            ):
                yield from done


def content_hash(path: Path) -> str:
    """Hash of a file's content, ``DIGITS`` hex digits; empty if the file is not regular or unreadable."""
    digest = hashlib.sha256()
    try:
        with parsing.regular(path).open("rb") as file:  # opening a pipe would wait for ever
            size = os.fstat(file.fileno()).st_size
            digest.update(f"{size}:".encode())
            digest.update(file.read() if size <= 3 * BLOCK else three_blocks(file, size, BLOCK))
    except (OSError, BadInput):
        return ""
    return digest.hexdigest()[:DIGITS]


def content_hashes(files: Sequence[Path], root: Path) -> list[str]:
    """``content_hash`` of each file; in a large data set only changed files are read again.

    Args:
        files: any files.
        root: the folder of the data set; hashes are kept under its name.
    """
    large = len(files) >= INDEXED
    known = read_index(root, _KIND) if large else {}
    stamps = [stamp(path) for path in files]
    hashes = [""] * len(files)
    unread: list[int] = []
    for i, one in enumerate(stamps):
        entry = known.get(str(files[i]))
        if one and isinstance(entry, list) and entry[:-1] == [one]:
            hashes[i] = str(entry[-1])
        elif one:
            unread.append(i)
    new = in_threads(lambda i: content_hash(files[i]), unread, THREADS)
    for i, value in zip(unread, new, strict=True):
        hashes[i] = value
    if large and unread:
        known |= {str(files[i]): [stamps[i], hashes[i]] for i in unread if hashes[i]}
        write_index(root, _KIND, known)
    return hashes


def equal_files(files: Sequence[Path], root: Path, first: int | None = None) -> list[list[int]]:
    """Groups of files with the same bytes, by their positions.

    Only files of a size that occurs twice are read; only files whose hash occurs twice are read whole.

    Args:
        files: any files.
        root: the folder of the data set.
        first: only groups with one of the first ``first`` files are wanted; None wants all groups.
    """
    by_size: dict[str, list[int]] = defaultdict(list)
    for i, path in enumerate(files):
        if one := stamp(path):
            by_size[one.partition(":")[0]].append(i)
    wanted = len(files) if first is None else first
    same_size = sorted(
        i for group in by_size.values() if len(group) > 1 and group[0] < wanted for i in group
    )
    by_hash: dict[str, list[int]] = defaultdict(list)
    for i, value in zip(
        same_size, content_hashes([files[i] for i in same_size], root), strict=True
    ):
        if value:
            by_hash[value].append(i)
    groups = []
    for group in by_hash.values():
        by_content: dict[str, list[int]] = defaultdict(list)
        for i in group if len(group) > 1 else ():
            with suppress(OSError), files[i].open("rb") as file:
                by_content[hashlib.file_digest(file, "sha256").hexdigest()].append(i)
        groups += [equal for equal in by_content.values() if len(equal) > 1]
    return sorted(group for group in groups if group[0] < wanted)
