"""``MANIFEST.toml``, which lists the checkpoints of a folder and their hashes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from ganbench import config
from ganbench.errors import BadInput
from ganbench.storage.store import is_file_name

MANIFEST = "MANIFEST.toml"


def shipped_folder() -> Path:
    """The folder of the shipped checkpoints and their manifest."""
    return Path(str(resources.files("ganbench.checkpoints") / "faces"))


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a manifest by name; each has ``file``, a file beside the manifest, and ``sha256``.

    Raises:
        BadInput: the manifest is missing or no TOML, or an entry lacks one of these two texts or names a
            file in another folder.
    """
    entries = config.read_toml(path)
    for name, entry in entries.items():
        texts = [entry.get(key) for key in ("file", "sha256")] if isinstance(entry, dict) else []
        if not texts or not all(isinstance(text, str) for text in texts):
            raise BadInput(
                f"entry {name!r} of {path} is no table with the texts 'file' and 'sha256'; mend it"
            )
        if not is_file_name(entry["file"]):
            raise BadInput(
                f"entry {name!r} of {path} names no file beside it: {entry['file'][:80]!r}; give the "
                "name of a file, without a folder"
            )
    return entries
