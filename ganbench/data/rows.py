"""The files of the rows of a listing: their pictures and region maps, read as squares."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganbench.data import pictures
from ganbench.data.files import three_blocks
from ganbench.data.framing import to_square
from ganbench.data.pictures import UNREADABLE, why_unreadable
from ganbench.errors import BadInput

# In a large data set a file of more than SAMPLED bytes is known by its size and by its first, middle and
# last SAMPLE bytes.
SAMPLED, SAMPLE = 64 << 10, 16 << 10


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening the files of a row found out.

    Attributes:
        extent: width and height of the picture as stored.
        identity: sha256 (hex) of the content of its files.
        fault: why the row cannot be used; empty if it can.
    """

    extent: tuple[int, int] = (0, 0)
    identity: str = ""
    fault: str = ""


class RowFiles:
    """The files of rows, which are numbered from 0.

    Args:
        root: the folder that the paths are relative to.
        paths: the picture of each row.
        maps: the region map of each row; None if there are none.
        size: side of the squares, in pixels.
        framing: how pictures become squares; see ``ganbench.data.framing``.
        max_pixels: pictures with more pixels are refused.

    Attributes:
        remarks: (path, remark) of pictures that were decoded; see ``pictures.Picture``.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        maps: Sequence[str] | None,
        size: int,
        framing: str,
        max_pixels: int,
    ) -> None:
        self.root, self.paths, self.maps = root, paths, maps
        self.size, self.framing, self.max_pixels = size, framing, max_pixels
        self.remarks: set[tuple[str, str]] = set()

    def of(self, row: int) -> tuple[Path, ...]:
        """The picture of a row and, if there are region maps, its map."""
        image = self.root / self.paths[row]
        return (image,) if self.maps is None else (image, self.root / self.maps[row])

    def image(self, row: int, thorough: bool = False) -> NDArray[np.uint8]:
        """The picture of a row, uint8 [3, size, size]; ``thorough`` as for ``pictures.decode``.

        Raises:
            BadInput: it cannot be decoded.
        """
        path = self.root / self.paths[row]
        with _refused(path):
            return self._square(row, pictures.read(path, self.max_pixels, thorough))

    def region_map(self, row: int, extent: tuple[int, int]) -> NDArray[np.uint8]:
        """The region map, uint8 [size, size], of a row whose picture has this stored extent.

        Raises:
            BadInput: it cannot be decoded.
        """
        _, path = self.of(row)
        with _refused(path), pictures.open_file(path, self.max_pixels) as stream:
            return self._square_map(stream, extent)

    def open(
        self,
        row: int,
        whole: bool,
        pixels: NDArray[np.uint8] | None,
        maps: NDArray[np.uint8] | None,
    ) -> Opened:
        """Look at the files of a row: whether they are there and readable, their extent and content.

        Args:
            row: which.
            whole: hash all bytes of every file.
            pixels: [N, 3, size, size], into which the picture is decoded; None reads its header.
            maps: [N, size, size], into which the region map is decoded; None reads its header.
        """
        digest = hashlib.sha256()
        extent = (0, 0)
        for of_map, path in enumerate(self.of(row)):
            try:
                with pictures.open_file(path, self.max_pixels) as stream:
                    source = _hashed(stream, whole, digest)
                    if not of_map:
                        extent = self._open_image(row, source, pixels)
                    elif maps is None:
                        pictures.header(source, self.max_pixels)
                    else:
                        maps[row] = self._square_map(source, extent)
            except UNREADABLE as error:
                reason = why_unreadable(error)
                return Opened(fault=self.fault_of_map(row, reason) if of_map else reason)
        return Opened(extent, digest.hexdigest())

    def decoded(self, row: int, extent: tuple[int, int]) -> tuple[str, NDArray[np.uint8] | None]:
        """Why a row cannot be decoded, empty if it can; and its picture, uint8 [3, size, size], if that can."""
        try:
            image = self.image(row, thorough=True)
        except BadInput as error:
            return why_unreadable(error.__cause__ or error), None
        try:
            if self.maps is not None:
                self.region_map(row, extent)
        except BadInput as error:
            return self.fault_of_map(row, why_unreadable(error.__cause__ or error)), None
        return "", image

    def fault_of_map(self, row: int, reason: str) -> str:
        """Why a row cannot be used whose region map cannot be read for ``reason``."""
        assert self.maps is not None  # a map was read
        return (
            f"{reason}: the region map {self.maps[row]!r} (column regions_filePath); put it there, or "
            "remove the column to use none"
        )

    def _open_image(
        self, row: int, source: BinaryIO, pixels: NDArray[np.uint8] | None
    ) -> tuple[int, int]:
        if pixels is None:
            return pictures.header(source, self.max_pixels)
        picture = pictures.decode(source.read(), self.max_pixels)
        pixels[row] = self._square(row, picture)
        return picture.extent

    def _square(self, row: int, picture: pictures.Picture) -> NDArray[np.uint8]:
        if picture.remark:
            self.remarks.add((self.paths[row], picture.remark))
        square = to_square(picture.image, self.size, self.framing)
        return pictures.to_array(square).transpose(2, 0, 1)

    def _square_map(self, source: BinaryIO, extent: tuple[int, int]) -> NDArray[np.uint8]:
        return pictures.decode_map(source.read(), self.size, self.framing, extent, self.max_pixels)


def _hashed(stream: BinaryIO, whole: bool, digest: hashlib._Hash) -> BinaryIO:
    """The file, at its beginning, after its content (``whole``) or samples of it went into the digest."""
    size = os.fstat(stream.fileno()).st_size
    if whole or size <= SAMPLED:
        content = stream.read()
        digest.update(hashlib.sha256(content).digest())
        return BytesIO(content)
    blocks = three_blocks(stream, size, SAMPLE)
    digest.update(hashlib.sha256(str(size).encode() + blocks).digest())
    stream.seek(0)
    return stream


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn errors of reading a picture into ``BadInput``."""
    try:
        yield
    except UNREADABLE as error:
        raise BadInput(
            f"{str(path)!r} cannot be decoded: {why_unreadable(error)}; mend or remove it"
        ) from error
