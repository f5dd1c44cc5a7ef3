"""Atomic files, and a store of arrays addressed by what they were computed from."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import BadInput
from ganbench.parsing import is_file
from ganbench.storage.root import using_cache

Arrays = dict[str, NDArray[Any]]

# The entry that describes the others; no array may have this name.
_LABEL = "label.json"

# How a file's name ends while it is being written.
_TEMPORARY = ".tmp"

# Bytes of the checksum behind the npz; readers of zip files do not mind them.
_MARK = hashlib.sha256().digest_size


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def is_file_name(text: str) -> bool:
    """Whether a text out of a file, such as a card, can be the name of a file, and of no other place.

    Letters, digits, spaces and ``._+-()`` only, at most 120, and no dot at the beginning.
    """
    return re.fullmatch(r"(?!\.)[\w .+()-]{1,120}", text) is not None and text.strip() == text


@contextmanager
def replacing(target: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary name beside ``target`` to write to; in the end it becomes ``target``.

    Readers see the old file or the whole new one, never a part. What a killed process leaves behind
    is removed by ``sweep``.

    Args:
        target: the file; its folder exists.
        durable: a power cut does not change that: the content is on the disk before the name is, and
            the name before this returns.
    """
    # Drawn, since processes on machines that share a disk may have the same number.
    # Shorter than the name, which may be as long as file systems allow.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}{_TEMPORARY}")
    try:
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, target)
        if durable:
            # Not all file systems sync names; those that cannot say so in their own ways.
            with suppress(OSError):
                sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove temporary files that killed processes left in a folder; nobody may be writing there."""
    for stale in folder.glob(f".*{_TEMPORARY}"):
        stale.unlink(missing_ok=True)


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file by temp + rename: readers see the old one or the whole new one, never a part.

    Args:
        path: the file; its folder is made if missing.
        data: text is written as UTF-8.

    Raises:
        BadInput: the place cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, durable=False) as temporary:
            temporary.write_bytes(data.encode() if isinstance(data, str) else data)
    except OSError as error:
        raise BadInput(
            f"cannot write: {target} ({error.strerror}); choose another place"
        ) from error


def write_together(folder: Path, files: Mapping[str, bytes], last: str) -> None:
    """Replace several files of a folder that belong together.

    All are written beside their places first, so that a full disk or a kill leaves the old ones; then
    they take their names, ``last`` at the end. A reader that finds hashes of the others in ``last`` can
    tell whether it was cut off between the two.

    Args:
        folder: made if missing.
        files: content by name; ``last`` is one of them.

    Raises:
        BadInput: the folder cannot be written.
    """
    mark = secrets.token_hex(6)
    written = {name: folder / f".{name}.{mark}{_TEMPORARY}" for name in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, temporary in written.items():
            temporary.write_bytes(files[name])
        for name in sorted(files, key=lambda name: name == last):
            os.replace(written[name], folder / name)
    except OSError as error:
        raise BadInput(
            f"cannot write: {folder} ({error.strerror}); choose another place"
        ) from error
    finally:
        for temporary in written.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


class Store:
    """Named arrays under a key; a key is any JSON value that says what they were computed from.

    One file an entry, ``root/ab/abcd....npz`` (sha256 of the key), without pickles, closed by its own
    checksum. An entry that is damaged counts as missing: it is dropped, and computed again. The file's
    time of modification tells when the entry was made, its time of access when it was used last.

    Args:
        root: its folder, which need not exist.
        fresh: entries that were not made by this object count as missing where it is asked whether
            something must be computed (``in``, ``made`` and ``fetch``).
    """

    def __init__(self, root: str | os.PathLike[str], fresh: bool = False) -> None:
        self.root, self.fresh = Path(root), fresh
        self._own: set[Path] = set()

    def path(self, key: Any) -> Path:
        """Where the entry of ``key`` lives, whether or not it exists."""
        name = digest(key)
        return self.root / name[:2] / f"{name}.npz"

    def __contains__(self, key: Any) -> bool:
        path = self.path(key)
        return is_file(path) and (not self.fresh or path in self._own)

    def made(self, key: Any) -> float | None:
        """When the entry of ``key`` was made, in seconds since 1970; None if it counts as missing."""
        try:
            return self.path(key).stat().st_mtime if key in self else None
        except OSError:
            return None

    def get(self, key: Any) -> Arrays | None:
        """The arrays of ``key``, or None if there are none or the file is damaged."""
        path = self.path(key)
        with using_cache(self.root):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        found = read_entry(data)
        if found is not None and found[0] == json.loads(canonical(key)):
            touch(path)
            return found[1]
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None

    def put(self, key: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store arrays under ``key``, atomically.

        Raises:
            BadInput: the store cannot be written.
            ValueError: an array of objects, which only a pickle could hold.
        """
        label = canonical({"key": key, "arrays": sorted(arrays)}).encode()
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as entry:
            for name, array in ({_LABEL: np.frombuffer(label, np.uint8)} | dict(arrays)).items():
                with entry.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        body, path = file.getvalue(), self.path(key)
        with using_cache(self.root):
            write_atomic(path, body + hashlib.sha256(body).digest())
        self._own.add(path)

    def fetch(self, key: Any, compute: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        """The arrays of ``key``, computed and stored first if they are missing or damaged."""
        found = self.get(key) if key in self else None
        if found is None:
            found = dict(compute())
            self.put(key, found)
        return found


def read_entry(data: bytes) -> tuple[Any, Arrays] | None:
    """The key and the arrays of an entry's file; None if it is damaged."""
    body, mark = data[:-_MARK], data[-_MARK:]
    if hashlib.sha256(body).digest() != mark:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as entry:
        label = json.loads(entry[_LABEL].tobytes())
        return label["key"], {name: entry[name] for name in label["arrays"]}


def read_key(path: Path) -> Any:
    """The key of an entry's file, whose arrays are not read; None if the file is damaged."""
    try:
        with zipfile.ZipFile(path) as entry, entry.open(f"{_LABEL}.npy") as member:
            return json.loads(np.lib.format.read_array(member, allow_pickle=False).tobytes())["key"]
    except Exception:  # of zip, numpy and json, on bytes of any kind
        return None


def touch(path: Path) -> None:
    """Note that a file or folder was used now; the time when it was made stays."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
