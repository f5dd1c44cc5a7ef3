"""A strip of pictures: the faces of a photograph before, and with each expression."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from ganbench.photographs.files import Box, Bytes

# The largest height of a strip, and the white between its pictures, in pixels.
HEIGHT, GAP = 512, 4


def strip_of(seen: Iterable[Bytes], count: int, boxes: Sequence[Box], ending: str) -> bytes:
    """The file of a strip: the part of each picture that holds all boxes, side by side.

    Args:
        seen: pictures of one photograph, uint8 [H, W, 3].
        count: their number.
        boxes: of its faces: left, top, right, bottom.
        ending: ".png", or that of a JPEG.
    """
    corners = np.array(boxes)
    left, top = corners[:, :2].min(0)
    right, bottom = corners[:, 2:].max(0)
    height = min(HEIGHT, int(bottom - top))
    width = max(1, round((right - left) * height / (bottom - top)))
    strip = Image.new("RGB", (count * (width + GAP) - GAP, height), "white")
    for n, picture in enumerate(seen):
        part = Image.fromarray(np.ascontiguousarray(picture[top:bottom, left:right]))
        if part.size != (width, height):
            part = part.resize((width, height), Image.Resampling.LANCZOS)
        strip.paste(part, (n * (width + GAP), 0))
    file = BytesIO()
    if ending.lower() == ".png":
        strip.save(file, "PNG")
    else:
        strip.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()
