"""What a run's bits depend on beside its recipe: versions and the code's commit."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganbench


def versions() -> dict[str, str]:
    """Versions of what computes."""
    return {
        "ganbench": ganbench.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def git(folder: Path = Path(ganbench.__file__).parent) -> dict[str, Any] | None:
    """Commit, and whether tracked files were changed since; None if ``folder`` is in no checkout.

    An installed package that merely lies below somebody's checkout, in a virtual environment say,
    is not part of it.
    """

    def ask(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", "__init__.py")
        return {
            "commit": ask("rev-parse", "HEAD"),
            "dirty": bool(ask("status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return None
