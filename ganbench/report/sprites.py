"""Small pictures of a run folder, from which other pages show the edits of two methods side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.evaluation.samples import Gallery
from ganbench.report.edits import sheet
from ganbench.report.explorer import small
from ganbench.scoring import REAL, TRUTH

PREFIX, ENDING = "edits_", ".webp"


def sprite_name(source: str) -> str:
    """The name of the file of a method, of ``REAL`` (the inputs) or of ``TRUTH`` (the true edits)."""
    return f"{PREFIX}{source}{ENDING}"


def make_sprites(gallery: Gallery) -> Mapping[str, bytes]:
    """The WebP of each source by its file's name.

    A row is one of the first test images, one of each emotion; a column is a target. The inputs have one column. A
    picture has at most ``explorer.TILE`` pixels a side, so that a file of seven images has about 40 kB.
    """
    sources = {TRUTH: gallery.truth, **gallery.edits}
    found = {sprite_name(REAL): _sheet(gallery.inputs, 1)}
    for source, edits in sources.items():
        if edits is not None:
            found[sprite_name(source)] = _sheet(edits, len(EMOTIONS))
    return found


def _sheet(pictures: NDArray[np.uint8], columns: int) -> bytes:
    flat = pictures.reshape(-1, *pictures.shape[-3:])
    return sheet(small(torch.from_numpy(flat).float() / 255), columns)
