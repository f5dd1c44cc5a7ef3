"""Kernels compiled by numba, and the folder of their machine code."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from ganbench.errors import BadInput
from ganbench.storage.root import cache_root
from ganbench.storage.source import code_hash, find

# Machine code of older sources is removed after this number of seconds.
ABANDONED = 30 * 24 * 3600

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """``numba.njit`` that releases the GIL and stores the machine code; the type of the function stays.

    numba checks the file of a kernel, but not the files of other kernels that it calls, and would go on
    with old machine code. Therefore the code lies in a folder whose name has a hash of everything that
    the kernel's module depends on: beside the source or, if that cannot be written, below
    ``cache_root()``. If neither can be written, the kernel is compiled in every process.
    """
    folder = next(filter(_writable, _places(function.__module__)), None)
    if folder is None:
        return cast(Kernel, numba.njit(nogil=True)(function))
    with _cache_dir(folder):
        kernel = numba.njit(cache=True, nogil=True)(function)
    _tolerate(kernel)
    return cast(Kernel, kernel)


def _places(module: str) -> list[Path]:
    name, path = f"{module.rpartition('.')[2]}-{code_hash([module])[:16]}", find(module)
    beside = [path.parent / "__pycache__" / "numba" / name] if path else []
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return [Path(chosen) / name]
    try:
        return [*beside, cache_root() / "numba" / name]
    except BadInput:  # the user has no home
        return beside


def _writable(folder: Path) -> bool:
    trial = folder / f".{os.getpid()}"
    try:
        new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError:
        return False
    if new:  # machine code of earlier sources; another checkout may still use some
        for other in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
            if time.time() - other.stat().st_mtime > ABANDONED:
                shutil.rmtree(other, ignore_errors=True)
    return True


@contextmanager
def _cache_dir(folder: Path) -> Iterator[None]:
    # numba reads this setting when a function is decorated.
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _tolerate(kernel: Any) -> None:
    """Compile again, instead of failing, where a file of machine code is damaged or the disk is full."""
    cache = kernel._cache
    load, save = cache.load_overload, cache.save_overload

    def try_load(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:  # a damaged pickle may raise anything
            return None

    def try_save(*arguments: Any) -> None:
        with suppress(OSError):
            save(*arguments)

    cache.load_overload, cache.save_overload = try_load, try_save
