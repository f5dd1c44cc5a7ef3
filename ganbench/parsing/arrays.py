"""Arrays of numpy that are as large as their file says and hold no Python objects."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from ganbench.parsing.files import ARRAYS, Refused, read_bytes, size, why
from ganbench.text import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_npz(path: str | os.PathLike[str], most: int = ARRAYS) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file by name.

    Raises:
        Refused: see ``read_bytes`` and ``parse_npy``; or the file is no npz file, is damaged, or
            unpacks to more than ``most`` bytes.
    """
    arrays: dict[str, NDArray[Any]] = {}
    data = read_bytes(path, most)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if (unpacked := sum(member.file_size for member in members)) > most:
                raise Refused(f"it unpacks to {size(unpacked)}, more than {size(most)}")
            for member in members:
                arrays[member.filename.removesuffix(".npy")] = parse_npy(archive.read(member))
    except Refused:
        raise
    except Exception as error:  # damaged bytes can raise any exception
        raise Refused(f"it is no npz file, or damaged: {why(error)}") from error
    return arrays


def parse_npy(data: bytes) -> NDArray[Any]:
    """The array in the bytes of an npy file.

    Raises:
        Refused: the bytes are no npy file, are damaged, are not as many as the shape says, or hold
            Python objects.
    """
    from numpy.lib import format as npy

    try:
        file = io.BytesIO(data)
        version = npy.read_magic(file)
        readers: dict[Any, Callable[..., Any]] = {
            (1, 0): npy.read_array_header_1_0,
            (2, 0): npy.read_array_header_2_0,
        }
        shape, _, dtype = readers[version](file)
        if dtype.hasobject:
            raise Refused("it holds objects of Python, which could run code")
        if not dtype.itemsize or any(side < 0 for side in shape):
            raise Refused(f"it has values of no size, or a shape of {shown(shape)}")
        held, needed = len(data) - file.tell(), math.prod(shape) * dtype.itemsize
        if held != needed:
            raise Refused(f"it has {size(held)}, its shape {shown(shape)} takes {size(needed)}")
        file.seek(0)
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array
    except Refused:
        raise
    except Exception as error:  # damaged bytes can raise any exception
        raise Refused(f"it is no npy file, or damaged: {why(error)}") from error


def check_zip(file: IO[bytes], most: int, times: int = 4) -> None:
    """Check that a zip archive does not unpack to far more than its size; other files pass.

    Args:
        file: an open file; its position is the same afterwards.
        most: bytes that it may unpack to in any case.
        times: largest ratio of unpacked to packed size.

    Raises:
        Refused: it unpacks to more.
    """
    begin = file.tell()
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception:  # the file is no zip archive, or one that its reader will refuse
        return
    finally:
        held = file.seek(0, os.SEEK_END) - begin
        file.seek(begin)
    if unpacked > max(most, times * held):
        raise Refused(f"it has {size(held)} and would unpack to {size(unpacked)}")
