"""Opening files of users: regular files up to a limit, and the reason where one cannot be read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ganbench.errors import BadInput
from ganbench.text import clipped, printable

# Largest sizes of files, in bytes. Results of 200,000 records have 70 MB, AffectNet's list of training
# images has 350 MB.
RESULTS, TEXT = 256 << 20, 64 << 20
ARRAYS, TABLE, NETWORK = 512 << 20, 1 << 30, 4 << 30

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


class Refused(BadInput):
    """A file, or text in it, breaks a rule of this package; the message is the reason alone."""


def why(error: BaseException) -> str:
    """The reason in an exception of the system or of a parser, short and in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, MemoryError):
        return "larger than the memory"
    return clipped(printable(" ".join(str(error).split()))) or type(error).__name__


def regular(path: str | os.PathLike[str], most: int | None = None) -> Path:
    """The path, after a check that it is a regular file.

    Args:
        path: what the user gave.
        most: largest size of the file in bytes.

    Raises:
        Refused: the file is missing, is no regular file (reading a pipe may wait without end) or is
            too large, or its name is impossible.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise Refused(why(error)) from error
    for is_kind, name in _KINDS.items():
        if is_kind(status.st_mode):
            raise Refused(f"it is {name}")
    if most is not None and status.st_size > most:
        raise Refused(f"it has {size(status.st_size)}, more than {size(most)}")
    return Path(path)


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` replaced by the home of the user.

    Raises:
        BadInput: that user does not exist or has no home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadInput(f"cannot use the path: {path} ({why(error)}); write it in full") from error


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a regular file; never an error, whatever the name is."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder; never an error, whatever the name is."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def read_bytes(path: str | os.PathLike[str], most: int = TEXT) -> bytes:
    """The content of a regular file.

    Raises:
        Refused: see ``regular``; or the file cannot be read.
    """
    regular(path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            # The size that the system tells is not used: the file may grow, and some files have none.
            data = file.read(most + 1)
    except (OSError, ValueError, MemoryError) as error:
        raise Refused(why(error)) from error
    if len(data) > most:
        raise Refused(f"it has more than {size(most)}")
    return data


def read_text(path: str | os.PathLike[str], most: int = TEXT) -> str:
    """The content of a regular file as UTF-8, whatever the machine's usual encoding is.

    Raises:
        Refused: see ``read_bytes``; or the content is not UTF-8.
    """
    return decode(read_bytes(path, most))


def decode(data: bytes) -> str:
    """UTF-8 as text, without the byte order mark that some editors write first.

    Raises:
        Refused: the bytes are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"it is not UTF-8 text: {why(error)}") from error


def size(count: int) -> str:
    """A number of bytes in words: ``1.5 GB``."""
    amount = float(min(count, 10**18))
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.0f} TB"
