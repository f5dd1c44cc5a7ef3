"""Files that are written atomically, and a store of arrays under keys that tell what they depend on."""

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

# Ending of the name of a file that is being written.
_TEMPORARY = ".tmp"

# Length of the checksum that follows the npz in an entry's file; readers of zip files ignore it.
_CHECKSUM = hashlib.sha256().digest_size


def canonical(value: Any) -> str:
    """JSON text that is equal for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def is_file_name(text: str) -> bool:
    """Whether a text from a file, such as a card, can be the name of a file in a folder, and of nothing else.

    It has at most 120 letters, digits, spaces and ``._+-()``, and does not begin with a dot.
    """
    return re.fullmatch(r"(?!\.)[\w .+()-]{1,120}", text) is not None and text.strip() == text


@contextmanager
def replacing(target: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary file to write to, which becomes ``target`` at the end of the block.

    Readers see the old file or the complete new one. ``sweep`` removes the temporary files of killed
    processes.

    Args:
        target: the file; its folder exists.
        durable: write the content to the disk before the name, and the name before this returns, so that
            a power cut leaves the old file or the complete new one, too.
    """
    # The name is random, since processes on machines that share a disk may have the same number, and
    # short, since the name of ``target`` may be as long as file systems allow.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}{_TEMPORARY}")
    try:
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, target)
        if durable:
            # Not every file system can do this, and their errors differ.
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
    """Write a file atomically: readers see the old one or the complete new one.

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

    All of them are written under temporary names first, so that a full disk or a kill leaves the old
    files; then they get their names, ``last`` at the end. If ``last`` has the hashes of the others, a
    reader can tell whether the process was killed while it renamed them.

    Args:
        folder: made if missing.
        files: content by name; ``last`` is one of them.
        last: name of the file that is renamed last.

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
    """Named arrays under keys; a key is any JSON value, and says what the arrays were computed from.

    An entry is a file ``root/ab/abcd....npz`` (sha256 of the key) without pickles, which ends with a
    checksum. A damaged entry counts as missing and is removed. The modification time of the file is the
    time when the entry was made, its access time that of its last use.

    Args:
        root: the folder of the store, which need not exist.
        fresh: whether entries that were not made by this object count as missing for ``in``, ``made`` and
            ``fetch``, which decide what must be computed.
    """

    def __init__(self, root: str | os.PathLike[str], fresh: bool = False) -> None:
        self.root, self.fresh = Path(root), fresh
        self._made: set[Path] = set()

    def path(self, key: Any) -> Path:
        """The file of the entry of ``key``, which need not exist."""
        name = digest(key)
        return self.root / name[:2] / f"{name}.npz"

    def __contains__(self, key: Any) -> bool:
        path = self.path(key)
        return is_file(path) and (not self.fresh or path in self._made)

    def made(self, key: Any) -> float | None:
        """The time when the entry of ``key`` was made, in seconds since 1970; None if it counts as missing."""
        try:
            return self.path(key).stat().st_mtime if key in self else None
        except OSError:
            return None

    def get(self, key: Any) -> Arrays | None:
        """The arrays of ``key``; None if there are none or the file is damaged."""
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
        self._made.add(path)

    def fetch(self, key: Any, compute: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        """The arrays of ``key``, computed and stored first if they are missing or damaged."""
        found = self.get(key) if key in self else None
        if found is None:
            found = dict(compute())
            self.put(key, found)
        return found


def read_entry(data: bytes) -> tuple[Any, Arrays] | None:
    """The key and the arrays of an entry's file; None if it is damaged."""
    body, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if hashlib.sha256(body).digest() != checksum:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as entry:
        label = json.loads(entry[_LABEL].tobytes())
        return label["key"], {name: entry[name] for name in label["arrays"]}


def read_key(path: Path) -> Any:
    """The key of an entry's file, without its arrays; None if the file is damaged."""
    try:
        with zipfile.ZipFile(path) as entry, entry.open(f"{_LABEL}.npy") as member:
            return json.loads(np.lib.format.read_array(member, allow_pickle=False).tobytes())["key"]
    except Exception:  # zip, numpy and json may raise anything on damaged bytes
        return None


def touch(path: Path) -> None:
    """Set the access time of a file or folder to now; its modification time stays."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
