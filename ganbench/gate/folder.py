"""Whether the files of a run folder are of one run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ganbench.errors import BadInput

MANIFEST = "manifest.json"
READ = ("results.json", "outcomes.npz")


def check_whole(folder: Path) -> None:
    """Compare the files that a comparison reads with the hashes in the manifest of their folder.

    A folder without a manifest passes, and so does one without some files: a reference may be kept as
    results alone.

    Raises:
        BadInput: a file is not the one that the run of the manifest wrote.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        hashes = {name: files[name] for name in READ if name in files}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    for name, value in hashes.items():
        path = folder / name
        if _hash(path) not in ("", value):
            raise BadInput(
                f"run folder is not whole: {path} is not the file that {MANIFEST} names, as after a run "
                "that was cut off while it wrote; evaluate again into it"
            )


def _hash(path: Path) -> str:
    """Empty without the file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
