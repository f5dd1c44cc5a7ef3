"""Kernels compiled by numba, and where their machine code is kept."""

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

ABANDONED = 30 * 24 * 3600  # seconds

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """``numba.njit`` that releases the GIL and keeps the machine code; the type stays the function's own.

    numba alone knows machine code by the file that a kernel stands in, not by the files of the kernels
    that it calls, and would go on with the old code of those. So it is kept in a folder whose name is
    a hash of all that the kernel's module depends on: beside the source, or where that cannot be
    written, below ``cache_root()``. Where neither can be written it is compiled anew in each process.
    """
    folder = next(filter(_writable, _places(function.__module__)), None)
    if folder is None:
        return cast(Kernel, numba.njit(nogil=True)(function))
    with _kept_in(folder):
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
    probe = folder / f".{os.getpid()}"
    try:
        new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    if new:  # the code of earlier sources; another checkout may use what is not old
        for other in folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*"):
            if time.time() - other.stat().st_mtime > ABANDONED:
                shutil.rmtree(other, ignore_errors=True)
    return True


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    # numba looks at this setting when a function is decorated.
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def _tolerate(kernel: Any) -> None:
    """Let a full disk or a damaged file cost the time to compile, and not the run."""
    cache = kernel._cache
    load, save = cache.load_overload, cache.save_overload

    def try_load(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:  # whatever a damaged pickle raises
            return None

    def try_save(*arguments: Any) -> None:
        with suppress(OSError):
            save(*arguments)

    cache.load_overload, cache.save_overload = try_load, try_save
