"""What opening a large data set found out about its files, kept between runs."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ganbench import parsing
from ganbench.errors import BadInput
from ganbench.storage.root import cache_root
from ganbench.storage.store import write_atomic

# Name of a file -> what is known of it: of a table [stamp, width, height, identity].
Entries = dict[str, list[Any]]


def stamp(*files: Path) -> str:
    """Sizes and times: a file whose stamp is the same is not read again. Empty if one is missing.

    The time of change of the file's entry is among them, since the time of its content can be set back.
    """
    try:
        found = [path.stat() for path in files]
    except (OSError, ValueError):  # no such file, or a name that none can have
        return ""
    return " ".join(f"{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}" for one in found)


def three_blocks(file: BinaryIO, size: int, block: int) -> bytes:
    """The beginning, the middle and the end of a file of ``size`` bytes, ``block`` bytes of each."""
    found = b""
    for start in (0, (size - block) // 2, size - block):
        file.seek(start)
        found += file.read(block)
    return found


def read(root: Path, kind: object) -> Entries:
    """What is known of the files under ``root``; nothing if that is damaged.

    Args:
        root: of the data set.
        kind: what the entries hold: each kind is kept apart.
    """
    try:
        entries = parsing.read_json(_place(root, kind), parsing.RESULTS)
    except BadInput:
        return {}
    return entries if isinstance(entries, dict) else {}


def write(root: Path, kind: object, entries: Entries) -> None:
    """Keep it; in a cache that cannot be written nothing is kept."""
    with suppress(BadInput):
        write_atomic(_place(root, kind), json.dumps(entries))


def _place(root: Path, kind: object) -> Path:
    name = hashlib.sha256(f"2 {kind} {root.resolve()}".encode()).hexdigest()[:24]
    return cache_root() / "index" / f"{name}.json"
