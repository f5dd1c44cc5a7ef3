"""Pictures that a CSV holds as numbers, unpacked once into PNG files in the cache."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ganbench import parsing
from ganbench.data.splits import plain
from ganbench.errors import BadInput
from ganbench.storage.root import cache_root
from ganbench.storage.store import touch

# Rows that are parsed at once; a picture of FER2013 takes up to 9 kB as text.
CHUNK = 2_000
# The version of what is written: other pictures or names get another folder.
_VERSION = 1


def unpacked(listed: Path) -> Path:
    """The folder with a grey PNG for each row of a CSV with a column ``pixels``; ``fer0000000.png`` is the first.

    The folder's name is a hash of the file's content. It appears when it is complete.

    Raises:
        BadInput: a row is no square picture of values from 0 to 255, or the cache cannot be written.
    """
    from ganbench.storage.upkeep import keep_limit

    with parsing.regular(listed, parsing.TABLE).open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    name = hashlib.sha256(f"{_VERSION} {content}".encode()).hexdigest()[:32]
    folder = cache_root() / "unpacked" / name
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
            try:
                _write(listed, temporary)
                with suppress(OSError):  # another process was faster
                    os.rename(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        except OSError as error:
            raise BadInput(
                f"cannot unpack {str(listed)!r} into the cache ({error.strerror or error}); make room, or "
                "choose another place with GANBENCH_CACHE"
            ) from error
        keep_limit()
    touch(folder)
    return folder


def name_of(row: int) -> str:
    """The path of the picture of a row, from 0, as FERPlus names it: ``fer0000000.png``."""
    return f"fer{row:07d}.png"


def _write(listed: Path, folder: Path) -> None:
    """Write the pictures of all rows."""
    row = 0
    try:
        chunks = pd.read_csv(
            listed,
            usecols=lambda name: plain(name) == "pixels",
            dtype=str,
            na_filter=False,
            encoding="utf-8-sig",
            chunksize=CHUNK,
        )
        for chunk in chunks:
            for text in chunk.iloc[:, 0]:
                image = _picture(text, f"{str(listed)!r}, data row {row + 1}")
                image.save(folder / name_of(row))
                row += 1
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise BadInput(
            f"{str(listed)!r} is no CSV that can be read: {parsing.why(error)}; take the original file"
        ) from error


def _picture(text: str, where: str) -> Image.Image:
    words = text.split()
    side = math.isqrt(len(words))
    try:
        values = np.array(words, dtype=np.int64)
    except (ValueError, OverflowError):
        values = np.full(1, -1)
    if not words or side * side != len(words) or values.min() < 0 or values.max() > 255:
        raise BadInput(
            f"{where}: {len(words)} pixels are no square picture of values from 0 to 255; take the original "
            "file, or remove the row"
        )
    return Image.fromarray(values.astype(np.uint8).reshape(side, side))
