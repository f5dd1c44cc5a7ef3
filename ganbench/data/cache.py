"""Where rendered data is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """``$GANBENCH_CACHE``, else ``ganbench`` under ``$XDG_CACHE_HOME`` or ``~/.cache``.

    The folder need not exist yet.
    """
    own = os.environ.get("GANBENCH_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "ganbench"
