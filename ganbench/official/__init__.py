"""Checkpoint files of the methods' authors: read, recognised, and translated to checkpoints of ganbench and back."""

from __future__ import annotations

from ganbench.official.exporting import export_checkpoint
from ganbench.official.importing import Imported, import_checkpoint

__all__ = ["Imported", "export_checkpoint", "import_checkpoint"]
