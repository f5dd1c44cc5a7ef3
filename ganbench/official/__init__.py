"""The authors' own checkpoint files: read, recognised, translated into ours and back."""

from __future__ import annotations

from ganbench.official.convert import Imported, export_checkpoint, import_checkpoint

__all__ = ["Imported", "export_checkpoint", "import_checkpoint"]
