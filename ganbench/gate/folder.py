"""Whether the files of a run folder are of one run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ganbench import parsing
from ganbench.errors import BadInput

MANIFEST = "manifest.json"
READ = ("results.json", "predictions.npz", "outcomes.npz")


def check_whole(folder: Path) -> None:
    """Compare the files that a comparison reads with the hashes in the manifest of their folder.

    A folder without a manifest passes, and so does one without some files: a reference may be kept as
    results alone.

    Raises:
        BadInput: a file is not the one that the run of the manifest wrote.
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
    """The sha256 of each file by the manifest of a run folder; empty if it has none that can be read."""
    try:
        files = parsing.read_json(folder / MANIFEST, kind=dict).get("files")
    except BadInput:
        return {}
    return files if isinstance(files, dict) else {}


def _hash(path: Path) -> str:
    """Empty without the file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
