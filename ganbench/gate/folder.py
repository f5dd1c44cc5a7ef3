"""Checks that the files of a run folder were written by one run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ganbench import parsing
from ganbench.errors import BadInput

MANIFEST = "manifest.json"
READ = ("results.json", "predictions.npz", "outcomes.npz")


def check_whole(folder: Path) -> None:
    """Compare the files that a comparison reads with the hashes in the folder's manifest.

    A folder without a manifest passes, and missing files are not checked, since a reference may consist
    of results alone.

    Raises:
        BadInput: a file differs from the one that the run of the manifest wrote.
    """
    files = files_of(folder)
    for name, value in ((name, files[name]) for name in READ if name in files):
        path = folder / name
        if _hash(path) not in ("", value):
            raise BadInput(
                f"run folder is not whole: {path} is not the file that {MANIFEST} names, as after a run "
                "that was cut off while it wrote; evaluate again into it"
            )


def files_of(folder: Path) -> dict[str, Any]:
    """The sha256 of each file in the manifest of a run folder; empty without a readable manifest."""
    try:
        files = parsing.read_json(folder / MANIFEST, kind=dict).get("files")
    except BadInput:
        return {}
    return files if isinstance(files, dict) else {}


def _hash(path: Path) -> str:
    """The sha256 (hex) of a file; empty if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
