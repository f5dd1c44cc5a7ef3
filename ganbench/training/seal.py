"""The checksum behind ``state.pt``: one flipped bit on a disk must not become another training.

A zip file, which is what torch writes, may be followed by other bytes: torch reads a sealed state as it
reads any other. States of before the seal end with the zip's own last record, and are checked by the
checksums that zip keeps of each of its parts.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from ganbench.errors import BadInput

_MAGIC = b"ganbench"
_SIZE = len(_MAGIC) + hashlib.sha256().digest_size

# How the last record of a zip file without a comment begins, and how long it is.
_END, _END_SIZE = b"PK\x05\x06", 22


def seal(path: Path) -> None:
    """Append the checksum of a file to it."""
    digest = _digest(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_MAGIC + digest)


def check(path: Path) -> None:
    """Make sure that a state is as it was written.

    Raises:
        BadInput: it is not.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _SIZE))
        tail = file.read()
    if tail.startswith(_MAGIC) and len(tail) == _SIZE:
        whole = _digest(path, size - _SIZE) == tail[len(_MAGIC) :]
    else:
        whole = tail[-_END_SIZE:].startswith(_END) and _parts_are_whole(path)
    if not whole:
        raise BadInput(
            f"cannot resume: {path.name} in {path.parent} is damaged (its checksum is another one); "
            "start a new run with another --out, or from the last checkpoint with --init"
        )


def _digest(path: Path, size: int) -> bytes:
    """sha256 of the first ``size`` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return digest.digest()


def _parts_are_whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except Exception:  # damaged bytes raise whatever they resemble
        return False
