"""The folder of the cache, and what to do if it cannot be written."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganbench.errors import BadInput
from ganbench.parsing import why

WAY_OUT = "set GANBENCH_CACHE to a folder with room that can be written"


def cache_root() -> Path:
    """``$GANBENCH_CACHE``, else ``ganbench`` under ``$XDG_CACHE_HOME`` or ``~/.cache``.

    The folder need not exist yet.

    Raises:
        BadInput: the user has no home, as in containers under a number that no user has.
    """
    try:
        chosen = os.environ.get("GANBENCH_CACHE")
        if chosen:
            return Path(chosen).expanduser()
        shared = os.environ.get("XDG_CACHE_HOME")
        return (Path(shared) if shared else Path.home() / ".cache") / "ganbench"
    except RuntimeError as error:
        raise BadInput(f"no place for the cache ({error}); {WAY_OUT}") from error


@contextmanager
def using_cache(place: Path) -> Iterator[None]:
    """Turn errors of files in this block into errors of the cache.

    Raises:
        BadInput: the cache is full, is a file, cannot be written ...
    """
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot use the cache: {place} ({why(error)}); {WAY_OUT}") from error
    except BadInput as error:
        if isinstance(error.__cause__, OSError):
            raise BadInput(
                f"cannot use the cache: {place} ({why(error.__cause__)}); {WAY_OUT}"
            ) from error
        raise


def is_writable(place: Path) -> bool:
    """Whether a folder can be written, or can be made if it is missing."""
    try:
        for path in (place, *place.parents):
            if path.exists():
                return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
    except OSError:
        pass
    return False


def house_matplotlib() -> None:
    """Give matplotlib another folder for its settings and fonts if the user's home cannot be written.

    Otherwise it would fail, or warn at each start. It must be called before matplotlib is imported.
    """
    if "MPLCONFIGDIR" in os.environ:
        return
    try:
        config, cache = (
            Path(os.environ.get(name) or Path.home() / usual)
            for name, usual in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache"))
        )
        if is_writable(config / "matplotlib") and is_writable(cache / "matplotlib"):
            return
    except RuntimeError:  # no home
        pass
    try:
        place = cache_root() / "matplotlib"
        if is_writable(place):
            place.mkdir(parents=True, exist_ok=True)
            os.environ["MPLCONFIGDIR"] = str(place)
            return
    except (BadInput, OSError):
        pass
    try:
        # Another user could be first to take a name that is known in advance.
        made = tempfile.mkdtemp(prefix="ganbench-")
    except OSError as error:
        raise BadInput(f"no folder can be written ({why(error)}); {WAY_OUT}") from error
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = made
