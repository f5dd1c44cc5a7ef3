"""The upkeep of the cache: list what it holds, prune it to its limit, find damage.

Below ``cache_root()`` lie ``evaluations`` (a ``Store``), ``pictures`` (decoded ones, of ``rows_file``),
``faces-*`` (rendered data sets), ``unpacked`` (pictures that a CSV holds as numbers), ``index`` (hashes of the files of large data sets) and ``numba`` (machine
code). Everything can be made again.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.errors import BadInput
from ganbench.storage import rows_file
from ganbench.storage.root import cache_root
from ganbench.storage.source import PROCESS
from ganbench.storage.store import digest, read_entry, read_key

LIMIT = "GANBENCH_CACHE_LIMIT"
DEFAULT_LIMIT = "20GB"

# Temporary files older than this number of seconds were left behind by a process that was killed.
ABANDONED = 24 * 3600

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_AGES = {"m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}

# Seconds after their last use in which pieces, and images of trainings, are not pruned: another process may
# need them.
PIECE_REST, IMAGES_REST = 3600, 7 * 24 * 3600


@dataclass(frozen=True)
class Item:
    """A file or folder that is kept or removed as a whole.

    Attributes:
        path: the file or folder.
        what: its kind, in words.
        size: in bytes.
        used: time of the last use, in seconds since 1970.
    """

    path: Path
    what: str
    size: int
    used: float


@dataclass(frozen=True)
class Group:
    """The items of one kind.

    Attributes:
        what: the kind, in words.
        items: number of items.
        size: of all items together, in bytes.
        used: time of the last use of any of them, in seconds since 1970.
    """

    what: str
    items: int
    size: int
    used: float


def items(named: bool = False) -> Iterator[Item]:
    """Everything in the cache.

    Args:
        named: read the kind of each stored piece from its file; else every piece is called a piece.
    """
    root = cache_root()
    for path in _listed(root):
        if path.name == "evaluations":
            for folder in _listed(path):
                for entry in _listed(folder):
                    if _PIECE.fullmatch(f"{folder.name}/{entry.name}") and _is(entry, stat.S_ISREG):
                        yield from _item(
                            entry, _describe(entry) if named else "pieces of evaluations"
                        )
        elif _FACES.fullmatch(path.name) and _is(path, stat.S_ISDIR):
            yield from _item(path, _faces(path))
        elif path.name in _FOLDERS:
            pattern, kind, what = _FOLDERS[path.name]
            for entry in _listed(path):
                if pattern.fullmatch(entry.name) and _is(entry, kind):
                    pictures = named and path.name == _PICTURES
                    yield from _item(entry, _describe_pictures(entry) if pictures else what)


# Names of files and folders that ganbench makes. Everything else, and every link, is left alone.
_PIECE = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62}\.npz|\.\1[0-9a-f]{62}\.npz\.[0-9a-f]{12}\.tmp)")
_FACES = re.compile(r"faces-[0-9a-f]{16}|\.faces-[0-9a-f]{16}-\w+|\.faces-[0-9a-f]{16}\.\d+\.gone")
_PICTURES, _UNPACKED = "pictures", "unpacked"
_FOLDERS = {
    _PICTURES: (
        re.compile(r"[0-9a-f]{64}\.rows|\.[0-9a-f]{40}\.[0-9a-f]{12}\.tmp"),
        stat.S_ISREG,
        "decoded pictures",
    ),
    "index": (re.compile(r"[0-9a-f]{16,64}\.json"), stat.S_ISREG, "indices of large data sets"),
    _UNPACKED: (
        re.compile(r"[0-9a-f]{32}|\.[0-9a-f]{32}-\w+"),
        stat.S_ISDIR,
        "pictures unpacked from lists",
    ),
    "numba": (re.compile(r"[\w.]+-[0-9a-f]{16}"), stat.S_ISDIR, "machine code"),
}


def groups() -> list[Group]:
    """The kinds of items in the cache, the largest kind first."""
    kinds: dict[str, list[Item]] = {}
    for item in items(named=True):
        kinds.setdefault(item.what, []).append(item)
    found = [
        Group(what, len(alike), sum(i.size for i in alike), max(i.used for i in alike))
        for what, alike in kinds.items()
    ]
    return sorted(found, key=lambda group: -group.size)


def prune(
    limit: int | None = None,
    older: float | None = None,
    keep: Callable[[Item], bool] = lambda _: False,
) -> Group:
    """Remove items that have not been used for a long time.

    Args:
        limit: remove the least recently used items until the rest take at most this number of bytes.
        older: remove items that have not been used for this number of seconds.
        keep: whether an item stays in any case.

    Returns:
        The removed items.
    """
    now = time.time()
    oldest_first = sorted(items(), key=lambda item: item.used)
    total, removed, size = sum(item.size for item in oldest_first), 0, 0
    for item in oldest_first:
        aged = older is not None and now - item.used > older
        above = limit is not None and total - size > limit
        if (aged or above) and not keep(item):
            remove(item)
            removed, size = removed + 1, size + item.size
    return Group("removed", removed, size, now)


def keep_limit() -> None:
    """Prune the cache to its limit, but keep what this process or another one may still need.

    An evaluation reads a piece some time after it has looked whether the piece is there, and a training
    reads faces and decoded pictures for days.

    Raises:
        BadInput: ``GANBENCH_CACHE_LIMIT`` is no size.
    """
    prune(limit=current_limit(), keep=_in_use)


def in_use() -> int:
    """Bytes of the items that ``keep_limit`` keeps in any case."""
    return sum(item.size for item in items() if _in_use(item))


def _in_use(item: Item) -> bool:
    """Whether this process or another one may still need an item."""
    images = item.path.name.startswith("faces-") or item.path.parent.name in (_PICTURES, _UNPACKED)
    rest = IMAGES_REST if images else PIECE_REST
    return bool(item.used >= min(PROCESS.began, time.time() - rest))


def current_limit() -> int:
    """The limit in bytes.

    Raises:
        BadInput: ``GANBENCH_CACHE_LIMIT`` is no size.
    """
    return parse_size(os.environ.get(LIMIT) or DEFAULT_LIMIT, LIMIT)


def verify(changed: Callable[[Path], object]) -> list[Item]:
    """The stored pieces, decoded pictures and rendered data sets that are damaged.

    Args:
        changed: the files of a rendered data set that were changed, as of ``data.faces.builder.changed``.
    """
    return [
        item
        for item in items(named=True)
        if (item.path.suffix == ".npz" and not _sound(item.path))
        or (item.path.suffix == rows_file.SUFFIX and not _is_sound_file(item.path))
        or (item.path.name.startswith("faces-") and changed(item.path))
    ]


def parse_size(text: str, where: str) -> int:
    """``500MB``, ``20 GB`` -> bytes.

    Raises:
        BadInput: the text is no size; ``where`` names the option or variable.
    """
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)\s*([KMGT]?B?)", text.strip().upper())
    if found is None:
        raise BadInput(f"not a size: {where} {text!r}; write 500MB or 20GB")
    unit = found[2] if found[2].endswith("B") or not found[2] else f"{found[2]}B"
    return int(float(found[1]) * _UNITS[unit])


def parse_age(text: str, where: str) -> float:
    """``30d``, ``12h`` -> seconds.

    Raises:
        BadInput: the text is no age; ``where`` names the option or variable.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mhdw])", text.strip().lower())
    if found is None:
        raise BadInput(f"not an age: {where} {text!r}; write 30d, 12h, 2w or 90m")
    return float(found[1]) * _AGES[found[2]]


def show_size(size: int) -> str:
    """Bytes in words: ``1.2 GB``."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def _listed(folder: Path) -> list[Path]:
    """The files and folders in a folder; none if it is a link, or no folder."""
    try:
        return (
            sorted(folder.iterdir()) if _is(folder, stat.S_ISDIR) or folder == cache_root() else []
        )
    except OSError:
        return []


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether a path itself, and not the target of a link, is of a kind, such as ``stat.S_ISREG``."""
    try:
        return kind(path.lstat().st_mode)
    except OSError:
        return False


def _item(path: Path, what: str) -> Iterator[Item]:
    """The item at ``path``; none if it has been removed, or is still being written."""
    try:
        found = path.lstat()
        size = _folder_size(path) if path.is_dir() else found.st_size
    except OSError:
        return
    if path.name.startswith("."):
        if time.time() - found.st_mtime < ABANDONED:
            return
        what = "left behind by killed processes"
    yield Item(path, what, size, max(found.st_atime, found.st_mtime))


def _folder_size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


def remove(item: Item) -> None:
    """Remove an item, if it can be removed."""
    path = item.path
    if path.is_dir() and not path.is_symlink():
        # Renamed first, so that nobody opens a folder half of which is gone.
        gone = path.with_name(f".{path.name}.{os.getpid()}.gone")
        with suppress(OSError):
            os.replace(path, gone)
            shutil.rmtree(gone, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)


@contextmanager
def _unused(path: Path) -> Iterator[None]:
    """Restore the time of the last use of a piece after it was read here."""
    before = path.lstat()
    try:
        yield
    finally:
        with suppress(OSError):
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _describe(path: Path) -> str:
    try:
        with _unused(path):
            key: Any = read_key(path)
    except OSError:
        return "damaged pieces"  # removed meanwhile
    kind = key.get("kind") if isinstance(key, dict) else None
    names = {
        "real": "predictions on real images",
        "render": "true edits",
        "truth": "predictions on true edits",
        "t-SNE": "t-SNE maps",
        "codes of figures": "figures",
        "verdicts of a figure": "figures",
        "edits of a figure": "figures",
        "shards": "notes of shards",
    }
    if kind == "faces":
        return (
            f"faces in {'edits of ' + str(key.get('method')) if 'method' in key else 'test images'}"
        )
    if kind in ("edits", "probe"):
        return f"predictions on edits of {key.get('method')}"
    return names.get(str(kind), "damaged pieces" if key is None else "other pieces")


def _describe_pictures(path: Path) -> str:
    try:
        with _unused(path):
            key: Any = rows_file.read_key(path)
    except OSError:
        key = None  # removed meanwhile
    if not isinstance(key, dict):
        return "damaged pictures"
    return f"decoded pictures of {key.get('name')}, {key.get('split')}, {key.get('size')} px"


def _is_sound_file(path: Path) -> bool:
    try:
        with _unused(path):
            return rows_file.is_sound(path)
    except OSError:
        return True  # removed meanwhile


def _faces(folder: Path) -> str:
    for table in ("training.csv", "validation.csv"):
        with suppress(OSError, UnicodeDecodeError), open(folder / table, encoding="utf-8") as lines:
            rows = sum(1 for _ in lines) - 1
            if rows > 7:  # the other split has one face of each emotion
                return f"rendered faces, {'train' if table == 'training.csv' else 'test'}"
    return "rendered faces"


def _sound(path: Path) -> bool:
    try:
        with _unused(path):
            found = read_entry(path.read_bytes())
    except OSError:
        return True  # removed meanwhile
    return found is not None and digest(found[0]) == path.stem
