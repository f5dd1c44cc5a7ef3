"""The border: every file that a user can hand us is opened and parsed here, within limits.

Files are checked by general rules, not by a list of cases: only regular files are opened, so that no
pipe and no device is waited for; nothing larger than its limit is read; trees of JSON and TOML have a
bounded depth and size, numbers a bounded range, and keys stand once; arrays are as large as their file,
and hold no objects. What breaks a rule is ``Refused``, with the reason; the caller adds which file it
was, and the way out.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ganbench.errors import BadInput
from ganbench.text import clipped, printable, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bytes. Results of 200,000 records have 70 MB, AffectNet's list of training images has 350 MB.
RESULTS, TEXT = 256 << 20, 64 << 20
ARRAYS, TABLE, NETWORK = 512 << 20, 1 << 30, 4 << 30

# Levels of a tree: those of our own files have fewer than ten.
DEPTH = 32

# Values in a tree; each takes up to 100 bytes of memory.
VALUES = 6_000_000

# JSON and TOML promise integers of 64 bits; floats of more digits than this tell nothing more.
INTEGER, DIGITS = 2**63, 400

# Bytes of a file of TOML, and characters of its lines: the time of the parser grows with the square of
# the parts of a dotted key, which stand in one line. Recipes have 8 kB, in lines of at most 120.
SMALL, LINE = 256 << 10, 8 << 10

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


class Refused(BadInput):
    """A file, or text in it, is not what it has to be; its text is the reason alone."""


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
    """The path, once it is known to be a file that may be opened.

    Args:
        path: what the user gave.
        most: bytes that the file may have.

    Raises:
        Refused: it is missing, of an impossible name, no regular file (a pipe would be waited for
            without end), or too large.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise Refused(why(error)) from error
    for is_kind, name in _KINDS.items():
        if is_kind(found.st_mode):
            raise Refused(f"it is {name}")
    if most is not None and found.st_size > most:
        raise Refused(f"it has {size(found.st_size)}, more than {size(most)}")
    return Path(path)


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path whose ``~`` is the home of a user.

    Raises:
        BadInput: that user does not exist or has no home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadInput(f"cannot use the path: {path} ({why(error)}); write it in full") from error


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a regular file is there; never an error, whatever the name is."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is there; never an error, whatever the name is."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def read_bytes(path: str | os.PathLike[str], most: int = TEXT) -> bytes:
    """The content of a regular file.

    Raises:
        Refused: see ``regular``; or it cannot be read.
    """
    regular(path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            # Not by the size that was just told: the file may grow, and some have none.
            data = file.read(most + 1)
    except (OSError, ValueError, MemoryError) as error:
        raise Refused(why(error)) from error
    if len(data) > most:
        raise Refused(f"it has more than {size(most)}")
    return data


def read_text(path: str | os.PathLike[str], most: int = TEXT) -> str:
    """The content of a regular file as UTF-8, whatever the machine's usual encoding is.

    Raises:
        Refused: see ``read_bytes``; or it is not UTF-8.
    """
    return decode(read_bytes(path, most))


def decode(data: bytes) -> str:
    """UTF-8 as text, without the mark that some editors begin it with.

    Raises:
        Refused: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"it is not UTF-8 text: {why(error)}") from error


def read_json(path: str | os.PathLike[str], most: int = TEXT, kind: type[Any] | None = None) -> Any:
    """A file of JSON.

    Raises:
        Refused: see ``read_text`` and ``parse_json``.
    """
    return parse_json(read_text(path, most), kind=kind)


def parse_json(text: str, constants: bool = False, kind: type[Any] | None = None) -> Any:
    """A JSON text.

    Args:
        text: at most as large as ``TEXT``.
        constants: let NaN and infinity pass, which are not JSON; logs of trainings may hold them.
        kind: what the value must be, ``dict`` or ``list``.

    Raises:
        Refused: it is no JSON, nested too deeply, of too many values, a key stands twice in a table, or
            a number is out of range.
    """
    check_nesting(text)
    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=float if constants else _constant,
            object_pairs_hook=_table,
        )
    except Refused:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"it is no JSON: {why(error)}") from error
    if kind is not None and not isinstance(value, kind):
        raise Refused(f"it holds no {'table' if kind is dict else kind.__name__}")
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML text of at most ``SMALL`` characters.

    Raises:
        Refused: it is no TOML, too large or nested too deeply, or a number is out of range.
    """
    if len(text) > SMALL:
        raise Refused(f"it has more than {size(SMALL)}")
    if any(len(line) > LINE for line in text.splitlines()):
        raise Refused(f"a line has more than {LINE:,} characters")
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Refused(f"it is no TOML: {why(error)}") from error
    check_tree(value)
    return value


def check_nesting(text: str) -> None:
    """Check how deep and how large the tree of a JSON text is, before it is built.

    Raises:
        Refused: deeper than ``DEPTH``, or of more than ``VALUES`` values.
    """
    if text.count(",") + text.count("[") + text.count("{") > VALUES:
        raise Refused(f"it has more than {VALUES:,} values")
    if text.count("[") + text.count("{") <= DEPTH:
        return
    import numpy as np

    plain = re.sub(r"\\.", "", text, flags=re.DOTALL) if "\\" in text else text
    codes = np.frombuffer(plain.encode("utf-8", "replace"), np.uint8)
    inside = np.logical_xor.accumulate(codes == ord('"'))
    steps = np.zeros(256, np.int8)
    steps[[ord("["), ord("{")]], steps[[ord("]"), ord("}")]] = 1, -1
    moves = steps[codes[~inside]]
    depth = int(np.cumsum(moves[moves != 0], dtype=np.int64).max(initial=0))
    if depth > DEPTH:
        raise Refused(f"it is nested in {depth:,} levels, more than {DEPTH}")


def check_tree(value: Any) -> None:
    """Check a tree that a parser has built: its depth, and the range of its numbers.

    Raises:
        Refused: deeper than ``DEPTH``, or a number that is out of range.
    """
    level: list[Any] = [value]
    for _ in range(DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list | tuple):
                below += item
            elif isinstance(item, int) and not isinstance(item, bool):
                _check_integer(item)
        if not below:
            return
        level = below
    raise Refused(f"it is nested in more than {DEPTH} levels")


def _check_integer(value: int) -> int:
    if not -INTEGER <= value < INTEGER:
        raise Refused(f"a number out of range: {shown(value, 30)}")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise Refused(f"a number of {len(digits):,} digits: {clipped(digits, 30)}")
    return _check_integer(int(digits))


def _float(digits: str) -> float:
    if len(digits) > DIGITS:
        raise Refused(f"a number of {len(digits):,} digits: {clipped(digits, 30)}")
    value = float(digits)
    if math.isinf(value):
        raise Refused(f"a number out of range: {clipped(digits, 30)}")
    return value


def _constant(name: str) -> float:
    raise Refused(f"it holds {name}, which is no number of JSON")


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refused(f"a key stands twice: {shown(twice)}")
    return table


def need(table: Any, kinds: dict[str, type[Any] | tuple[type[Any], ...]]) -> None:
    """Check that a table has these keys, of these types; a bool is no number.

    Raises:
        Refused: the first that is missing or of another type.
    """
    if not isinstance(table, dict):
        raise Refused(f"no table but {shown(table, 40)}")
    for key, kind in kinds.items():
        wanted = kind if isinstance(kind, tuple) else (kind,)
        value = table.get(key)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            names = " or ".join(one.__name__ for one in wanted)
            raise Refused(f"{key!r} is missing or no {names}")


def read_npz(path: str | os.PathLike[str], most: int = ARRAYS) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file by name; nothing is unpacked beyond ``most`` bytes.

    Raises:
        Refused: see ``read_bytes`` and ``parse_npz``.
    """
    return parse_npz(read_bytes(path, most), most)


def parse_npz(data: bytes, most: int = ARRAYS) -> dict[str, NDArray[Any]]:
    """The arrays in the bytes of an npz file.

    Raises:
        Refused: it is no npz file, damaged, unpacks to more than ``most`` bytes, or holds objects.
    """
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = file.infolist()
            if (unpacked := sum(member.file_size for member in members)) > most:
                raise Refused(f"it unpacks to {size(unpacked)}, more than {size(most)}")
            for member in members:
                arrays[member.filename.removesuffix(".npy")] = parse_npy(file.read(member))
    except Refused:
        raise
    except Exception as error:  # damaged bytes raise whatever they resemble
        raise Refused(f"it is no npz file, or damaged: {why(error)}") from error
    return arrays


def parse_npy(data: bytes) -> NDArray[Any]:
    """The array in the bytes of an npy file.

    Raises:
        Refused: it is no npy file, damaged, not as long as its shape says, or holds objects.
    """
    from numpy.lib import format as layout

    try:
        file = io.BytesIO(data)
        version = layout.read_magic(file)
        readers: dict[Any, Callable[..., Any]] = {
            (1, 0): layout.read_array_header_1_0,
            (2, 0): layout.read_array_header_2_0,
        }
        shape, _, dtype = readers[version](file)
        if dtype.hasobject:
            raise Refused("it holds objects of Python, which could run code")
        if not dtype.itemsize or any(side < 0 for side in shape):
            raise Refused(f"it has values of no size, or a shape of {shown(shape)}")
        held = len(data) - file.tell()
        if math.prod(shape) * dtype.itemsize != held:
            raise Refused(
                f"it has {size(held)}, its shape {shown(shape)} takes {size(math.prod(shape) * dtype.itemsize)}"
            )
        file.seek(0)
        array: NDArray[Any] = layout.read_array(file, allow_pickle=False)
        return array
    except Refused:
        raise
    except Exception as error:  # damaged bytes raise whatever they resemble
        raise Refused(f"it is no npy file, or damaged: {why(error)}") from error


def check_zip(file: IO[bytes], most: int, times: int = 4) -> None:
    """Check that a zip archive does not unpack to far more than it is; other files pass.

    Args:
        file: at its begin, where it is left again.
        most: bytes that it may unpack to in any case.
        times: how many times its own size it may unpack to.

    Raises:
        Refused: it unpacks to more.
    """
    begin = file.tell()
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception:  # not a zip archive, or one that its reader will refuse
        return
    finally:
        held = file.seek(0, os.SEEK_END) - begin
        file.seek(begin)
    if unpacked > max(most, times * held):
        raise Refused(f"it has {size(held)} and would unpack to {size(unpacked)}")


def size(count: int) -> str:
    """Bytes in words: ``1.5 GB``."""
    amount = float(min(count, 10**18))
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:,.0f} TB"


def lines_of_json(text: str) -> Iterable[dict[str, Any]]:
    """The tables of a text of one table a line; lines that are none, as a torn last one, are left out.

    NaN and infinity pass: a log tells of a training that failed, too.
    """
    for line in text.splitlines():
        with suppress(Refused):
            yield parse_json(line, constants=True, kind=dict)
