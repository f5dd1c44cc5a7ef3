"""Any listing of labelled images as a ``Dataset``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.action_units import AU_COLUMNS, SCALES, numbers, read_units
from ganbench.data.dataset import Dataset, Indices
from ganbench.data.files import in_threads, read_index, stamp, write_index
from ganbench.data.framing import CENTRE, check_framing, framing_note
from ganbench.data.listing import Listing
from ganbench.data.pictures import MAX_PIXELS
from ganbench.data.rows import Opened, RowFiles
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.stopwatch import Progress
from ganbench.text import plural

T = TypeVar("T")

# Splits with fewer bytes of pixels than this are kept in memory.
KEEP_BYTES = 1 << 30
# Above this many bytes on disk the fingerprint takes samples of large files for their content.
HASH_BYTES = 2 << 30
# From this many images on, the findings of opening are kept for the next time.
INDEXED = 10_000


class TableDataset(Dataset):
    """The images of a ``Listing``, decoded to RGB (see ``ganbench.data.pictures``) and framed.

    Images that are not square become squares by ``framing``. Images of another size are resampled by
    pillow's LANCZOS filter (windowed sinc, antialiased when shrinking); images of the right size stay
    untouched. Region maps are framed alike and resampled to the nearest pixel.

    A split whose pixels take less than ``keep_bytes`` is decoded once, when it is opened, and kept as
    uint8. A larger one is decoded at every access by a few threads, in constant memory; opening it
    reads headers and ends of files, which finds files that are cut short. Damage between the two is
    found when an image is first used (``undecodable`` looks at all).

    The fingerprint is the sha256 of the size, the framing and every row in order: path, label,
    content of the image and of its region map, action units; of aligned data also the frame. Above ``HASH_BYTES`` on disk the size
    and samples of a large file stand for its content, and ``stamp`` holds the times of all files.
    The order of the rows counts because results are kept by index.

    Args:
        listing: the rows.
        size, limit, skip_bad, au_scale, progress, framing, max_pixels: as for ``load_dataset``; limit
            takes the first image of every emotion, then the second of every emotion ...
        keep_bytes: see above.

    Attributes:
        listing: the rows as the reader found them.
        frame: the rows in use, in the order of ``labels``.
        dropped: see ``Listing``.
        bad: (path, reason) of every image left out by ``skip_bad``.
        au_scale: the largest value of the action units, once they were asked for.
        extents: int32 [N, 2], width and height of the images as stored.
        contents: for each row a hash of the content of its files, or of samples of large files.

    Raises:
        BadInput: there is no usable image, or an image is missing or unreadable and ``skip_bad`` is
            off.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        size: int = 64,
        limit: int | None = None,
        skip_bad: bool = False,
        au_scale: float | None = None,
        progress: Progress | None = None,
        keep_bytes: int = KEEP_BYTES,
        framing: str = CENTRE,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        check_limit(limit)
        check_framing(framing)
        if max_pixels < 1:
            raise BadInput(f"max_pixels must be at least 1, not {max_pixels}; leave it out")
        if size < 1:
            raise BadInput(f"image size must be at least 1 pixel, not {size}")
        self.name, self.split, self.size = listing.name, listing.split, size
        self.root, self.dropped = listing.root, dict(listing.dropped)
        self.listing, self.label_order = listing, listing.label_order
        self.framing = self._framing = framing
        self._max_pixels, self._given_scale = max_pixels, au_scale
        frame = listing.frame.reset_index(drop=True)
        if limit is not None:
            turn = frame.groupby("expression", sort=False).cumcount()
            frame = frame.loc[np.sort(np.argsort(turn.to_numpy(), kind="stable")[:limit])]
            frame = frame.reset_index(drop=True)
        self._use(frame)
        kept = 3 * size * size * len(frame) < keep_bytes
        self._pixels = np.empty((len(frame), 3, size, size), np.uint8) if kept else None
        self._maps: NDArray[np.uint8] | None = None
        if kept and self._files.maps is not None:
            self._maps = np.empty((len(frame), size, size), np.uint8)
        opened = self._open(progress)
        self._leave_out(frame, opened, skip_bad)
        opened = [one for one in opened if not one.fault]
        self.extents = np.array([one.extent for one in opened], dtype=np.int32)
        self.contents = [one.identity for one in opened]
        self.fingerprint = self._fingerprint()
        self._hash_as_opened = self._memory_hash()

    def _use(self, frame: pd.DataFrame) -> None:
        """Take the rows of a frame for the rows of the data set."""
        self.frame = frame
        self.labels = frame["expression"].to_numpy(dtype=np.int64)
        self.paths = [str(path) for path in frame["path"]]
        self._files = RowFiles(
            self.root, self.paths, self._map_paths(), self.size, self._framing, self._max_pixels
        )
        self._units: Tensor | None = None
        self.au_scale = SCALES[0]

    def _map_paths(self) -> list[str] | None:
        if "regions" not in self.frame:
            return None
        paths = ["" if pd.isna(path) else str(path) for path in self.frame["regions"]]
        missing = [self.paths[i] for i, path in enumerate(paths) if not path]
        if missing:
            raise BadInput(
                f"{len(missing)} of {plural(len(paths), 'row')} of {self.name} ({self.split}) have no region "
                f"map, first {missing[0]!r}; fill the column or remove it"
            )
        return paths

    def _open(self, progress: Progress | None) -> list[Opened]:
        """Look at the files of every row.

        The files of a large data set are not looked at again while their sizes and times stay the
        same.
        """
        rows = range(len(self.paths))
        stamps = [stamp(*self._files.of(i)) for i in rows]
        sizes = (int(one.partition(":")[0]) for text in stamps for one in text.split())
        whole = sum(sizes) < HASH_BYTES
        if not whole:
            self.stamp = hashlib.sha256("\n".join(stamps).encode()).hexdigest()
        large = self._pixels is None and len(rows) >= INDEXED
        known = read_index(self.root, whole) if large else {}
        opened: dict[int, Opened] = {}
        for i in rows:
            match known.get(self.paths[i]):
                case [str(then), int(width), int(height), str(identity)] if (
                    then == stamps[i] and width * height <= self._max_pixels
                ):
                    opened[i] = Opened((width, height), identity)
        new = [i for i in rows if i not in opened]
        found = in_threads(lambda i: self._files.open(i, whole, self._pixels, self._maps), new)
        for i, one in zip(new, found, strict=True):
            opened[i] = one
            if progress is not None and (len(opened) % 64 == 0 or len(opened) == len(rows)):
                progress(len(opened), len(rows))
        if new and large:
            for i in new:
                if stamps[i] and not opened[i].fault:
                    known[self.paths[i]] = [stamps[i], *opened[i].extent, opened[i].identity]
            write_index(self.root, whole, known)
        return [opened[i] for i in rows]

    def _leave_out(self, frame: pd.DataFrame, opened: Sequence[Opened], skip_bad: bool) -> None:
        """Leave out the rows of a frame that cannot be used.

        Raises:
            BadInput: there are some without ``skip_bad``, or no row is left.
        """
        self.bad = list(self.listing.unread)
        self.bad += [(self.paths[i], one.fault) for i, one in enumerate(opened) if one.fault]
        if self.bad and not skip_bad:
            path, reason = self.bad[0]
            total = plural(len(frame) + len(self.listing.unread), "image")
            raise BadInput(
                f"{len(self.bad)} of {total} of {self.name} ({self.split}) cannot be used, first "
                f"{str(self.root / path)!r}: {reason}; mend the files or leave them out with --skip-bad"
            )
        good = np.array([not one.fault for one in opened], dtype=np.bool_)
        if not good.any():
            raise BadInput(
                f"{self.name} ({self.split}) under {str(self.root)!r} has no usable image of the "
                f"emotions asked for; unused labels: {self.dropped or 'none'}, bad: {len(self.bad)}"
                + (f", first {self.bad[0][0]!r}: {self.bad[0][1]}" if self.bad else "")
            )
        # Positions of the remaining rows in the arrays in memory.
        self._rows = np.flatnonzero(good)
        remarks = self._files.remarks
        self._use(frame.loc[good].reset_index(drop=True))
        self._files.remarks = remarks

    def _fingerprint(self) -> str:
        head = {
            "format": 2,
            "size": self.size,
            "framing": self._framing,
            "resize": "lanczos",
            "emotions": EMOTIONS,
        }
        digest = hashlib.sha256(json.dumps(head).encode())
        maps = self._files.maps or [""] * len(self.paths)
        for row in zip(self.paths, self.labels.tolist(), maps, self.contents, strict=True):
            digest.update(json.dumps(row).encode())
        if self.listing.frame_rule:
            digest.update(self.listing.frame_rule.encode())
        present = [column for column in AU_COLUMNS if column in self.frame]
        if present:
            digest.update(json.dumps(present).encode())
            digest.update(numbers(self.frame, present).astype("<f8").tobytes())
            if self._given_scale == 1:
                digest.update(b"to 1")
        return digest.hexdigest()

    def _memory_hash(self) -> str:
        """sha256 of the pixels and maps in memory."""
        digest = hashlib.sha256()
        for array in (self._pixels, self._maps):
            if array is not None:
                digest.update(array.data)
        return digest.hexdigest()

    @property
    def in_memory(self) -> bool:
        return self._pixels is not None

    @property
    def left_out(self) -> str:
        """Unused labels and bad files, counted; the first bad file is named."""
        parts = [f"{count} of label {label}" for label, count in self.dropped.items()]
        parts += self.listing.aside
        if self.bad:
            path, reason = self.bad[0]
            parts.append(f"{plural(len(self.bad), 'bad file')}, first {path}: {reason}")
        return ", ".join(parts)

    @property
    def notes(self) -> list[str]:
        uneven = int(np.count_nonzero(self.extents[:, 0] != self.extents[:, 1]))
        lines = [*self.listing.notes, framing_note(uneven, len(self), self._framing)]
        by_remark: dict[str, list[str]] = {}
        for path, remark in sorted(self._files.remarks):
            by_remark.setdefault(remark, []).append(path)
        lines += [
            f"{plural(len(paths), 'picture')}, first {paths[0]}: {remark}"
            for remark, paths in by_remark.items()
        ]
        return [line for line in lines if line]

    def read_by(self) -> tuple[object, ...]:
        now = self._memory_hash()
        return type(self), self.size, "as opened" if now == self._hash_as_opened else now

    def images(self, indices: Indices) -> Tensor:
        """float32 [n, 3, size, size], RGB in [0, 1], on the CPU.

        Raises:
            BadInput: a file cannot be decoded (only if the split is not kept in memory).
        """
        return self.byte_images(indices).float().div_(255)

    def byte_images(self, indices: Indices) -> Tensor:
        """uint8 [n, 3, size, size], RGB, on the CPU.

        Raises:
            BadInput: as for ``images``.
        """
        rows = self._index(indices)
        if self._pixels is not None:
            pixels = self._pixels[self._rows[rows]]
        else:
            pixels = np.empty((len(rows), 3, self.size, self.size), np.uint8)
            for k, image in enumerate(in_threads(self._files.image, rows.tolist())):
                pixels[k] = image
        return torch.from_numpy(pixels)

    def regions(self, indices: Indices) -> Tensor | None:
        """Region maps uint8 [n, size, size]; None if the table has no ``regions_filePath``."""
        if self._files.maps is None:
            return None
        rows = self._index(indices)
        if self._maps is not None:
            return torch.from_numpy(self._maps[self._rows[rows]])
        maps = np.empty((len(rows), self.size, self.size), np.uint8)
        found = in_threads(lambda i: self._files.region_map(i, self._extent(i)), rows.tolist())
        for k, one in enumerate(found):
            maps[k] = one
        return torch.from_numpy(maps)

    def action_units(self, indices: Indices) -> Tensor | None:
        """FACS intensities, float32 [n, 17] in [0, 1]; None if the table has none.

        Columns are found by name (``AU01_r`` ...), never by position.

        Raises:
            BadInput: they cannot be used; see ``read_units``.
        """
        if self._units is None:
            where = f"{self.name} ({self.split})"
            values, self.au_scale = read_units(self.frame, where, self._given_scale)
            self._units = None if values is None else torch.from_numpy(values)
        return None if self._units is None else self._units[torch.from_numpy(self._index(indices))]

    def undecodable(self, progress: Progress | None = None) -> list[tuple[str, str]]:
        """(path, reason) of every image that cannot be decoded; looks at all, in constant memory.

        The list is empty for a split kept in memory, since opening it has decoded everything.
        """
        return [] if self._pixels is not None else self.measure(lambda _: None, progress)[0]

    def measure(
        self, function: Callable[[NDArray[np.uint8]], T], progress: Progress | None = None
    ) -> tuple[list[tuple[str, str]], list[T | None]]:
        """A function of every image, computed in threads and constant memory.

        Args:
            function: of uint8 [3, size, size].
            progress: called with (images done, images in total).

        Returns:
            (path, reason) of every image that cannot be decoded; the value of each image, None of those.
        """

        def one(row: int) -> tuple[str, T | None]:
            if self._pixels is not None:
                return "", function(self._pixels[self._rows[row]])
            fault, pixels = self._files.decoded(row, self._extent(row))
            return fault, None if pixels is None else function(pixels)

        bad: list[tuple[str, str]] = []
        values: list[T | None] = []
        for i, (fault, value) in enumerate(in_threads(one, range(len(self)))):
            values.append(value)
            if fault:
                bad.append((self.paths[i], fault))
            if progress is not None and (i % 64 == 63 or i + 1 == len(self)):
                progress(i + 1, len(self))
        return bad, values

    def _extent(self, row: int) -> tuple[int, int]:
        width, height = self.extents[row].tolist()
        return width, height

    def _index(self, indices: Indices) -> NDArray[np.int64]:
        chosen = np.asarray(indices)
        if chosen.size == 0:
            return np.empty(0, np.int64)
        # Indexing arange allows negative indices and checks the bounds as numpy does.
        rows: NDArray[np.int64] = np.arange(len(self), dtype=np.int64)[chosen]
        return rows


def check_limit(limit: int | None) -> None:
    """Raise ``BadInput`` unless ``limit`` is None or a number of images."""
    if limit is not None and limit < 1:
        raise BadInput(f"limit must be at least 1 image, not {limit}; leave it out to use all")
