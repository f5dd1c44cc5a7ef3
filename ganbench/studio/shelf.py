"""The photographs that are open in the tabs: in memory only, and few of them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image

from ganbench.errors import BadInput
from ganbench.faces_in_photos import Face
from ganbench.faces_in_photos.geometry import Floats, corners_box, cut_box
from ganbench.photographs.files import Box, Bytes, Photograph
from ganbench.photographs.framed import Framed, framed

# A tab keeps so many photographs. All tabs together keep so many pixels, of 6 bytes each, or one photograph.
PER_TAB, PIXELS = 4, 96_000_000

# Largest sides of a photograph and of a face on the page, in pixels. At 400 an edit is pasted in some 25 ms.
WHOLE, CLOSE = 720, 400
# What is shown around a face's frame, in shares of the frame's side.
AROUND = 0.12
# Quality of the JPEGs on the page; saved files keep their own tables.
QUALITY = 90


class Gone(BadInput):
    """A photograph that is not kept any more."""


class View(NamedTuple):
    """A part of a photograph at the size of the page.

    Attributes:
        pixels: uint8 [h, w, 3].
        box: the part: left, top, right, bottom, in pixels of the photograph.
        scale: from pixels of the photograph to those of the view, of x and y: float64 [2].
    """

    pixels: Bytes
    box: Box
    scale: Floats

    @property
    def corner(self) -> Floats:
        """Left and top of the part, float64 [2]."""
        return np.array(self.box[:2], float)


@dataclass
class OpenPhotograph:
    """A photograph in a tab.

    Attributes:
        tab: where it is open.
        path: as a command names it; its last part decides the noise.
        photo: the decoded file.
        faces: from left to right.
        id: what requests call it.
    """

    tab: str
    path: str
    photo: Photograph
    faces: Sequence[Face]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    _frames: dict[tuple[int, int], Framed] = field(default_factory=dict)
    _views: dict[int, View] = field(default_factory=dict)

    @property
    def extent(self) -> tuple[int, int]:
        """Width and height, upright."""
        height, width = self.photo.seen.shape[:2]
        return width, height

    @cached_property
    def whole(self) -> View:
        """The whole photograph."""
        return view(self.photo.seen, (0, 0, *self.extent), WHOLE)

    def frame(self, number: int, size: int) -> Framed:
        """A face, counted from 0, in a frame of ``size`` pixels."""
        key = number, size
        if key not in self._frames:
            self._frames[key] = framed(self.photo.seen, self.faces[number], size)
        return self._frames[key]

    def close(self, number: int, size: int) -> View:
        """The surroundings of a face, counted from 0."""
        if number not in self._views:
            matrix = self.frame(number, size).matrix
            left, _, right, _ = corners_box(matrix, size)
            box = corners_box(matrix, size, AROUND * (right - left))
            self._views[number] = view(self.photo.seen, cut_box(box, *self.extent), CLOSE)
        return self._views[number]


class Shelf:
    """All open photographs; those that were used least recently are dropped first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, OpenPhotograph] = {}

    def put(self, one: OpenPhotograph) -> None:
        """Keep a photograph, and drop others if there are too many."""
        with self._lock:
            self._kept[one.id] = one
            of_tab = [each.id for each in self._kept.values() if each.tab == one.tab]
            for old in of_tab[:-PER_TAB]:
                del self._kept[old]
            while len(self._kept) > 1 and self._pixels() > PIXELS:
                del self._kept[next(iter(self._kept))]

    def get(self, name: str) -> OpenPhotograph:
        """The photograph with an id.

        Raises:
            Gone: it was dropped, or never kept.
        """
        with self._lock:
            if name not in self._kept:
                raise Gone("this photograph is not kept any more: choose it again")
            self._kept[name] = self._kept.pop(name)
            return self._kept[name]

    def _pixels(self) -> int:
        return sum(each.photo.seen.size // 3 for each in self._kept.values())


def to_jpeg(pixels: Bytes) -> bytes:
    """The JPEG of pixels [h, w, 3]; a WebP would take ten times as long."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def view(seen: Bytes, box: Box, most: int) -> View:
    """A part of a photograph, made smaller where its longer side has more than ``most`` pixels."""
    left, top, right, bottom = box
    part = seen[top:bottom, left:right]
    size = np.array([right - left, bottom - top])
    if size.max() <= most:
        return View(part, box, np.ones(2))
    width, height = np.maximum(1, np.rint(size * most / size.max()).astype(int))
    smaller = Image.fromarray(np.ascontiguousarray(part)).resize(
        (int(width), int(height)), Image.Resampling.LANCZOS, reducing_gap=3.0
    )
    return View(np.asarray(smaller), box, np.array([width, height]) / size)
