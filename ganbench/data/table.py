"""Any table of labelled images as a ``Dataset``; the readers beside this file make the tables."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data import index, pictures
from ganbench.data.action_units import AU_COLUMNS, SCALES, numbers, read_units
from ganbench.data.dataset import Dataset, Indices
from ganbench.data.framing import CENTRE, check_framing, framing_note, to_square
from ganbench.data.pictures import MAX_PIXELS, UNREADABLE, why_unreadable
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.text import plural

# Splits with fewer bytes of pixels than this are kept in memory.
KEEP_BYTES = 1 << 30
# Above this many bytes on disk the fingerprint takes samples of large files for their content.
HASH_BYTES = 2 << 30
# Then a file of more bytes than the first number is known by its size and by so many bytes, as the second
# says, of its beginning, its middle and its end.
SAMPLED, SAMPLE = 64 << 10, 16 << 10
# From this many images on, what opening found out is kept for the next time.
INDEXED = 10_000

Progress = Callable[[int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """What a reader found: the rows of one split; no image has been opened yet.

    Attributes:
        name: what the data is called in reports.
        split: ``"train"`` or ``"test"``.
        root: the folder that ``path`` and ``regions`` are relative to.
        frame: a row per image: ``path``, ``expression`` (0-6; 7 is contempt; -1 in a list without
            emotions), where known ``regions`` (the region map) and ``AU01_r`` ..., and whatever else
            the table held.
        dropped: how many rows of which other label were left out.
        unread: (path, reason) of images that the reader could not label.
        aside: what else of the source belongs to no split that is used, in words.
        undivided: the list or folder whose images serve as whichever split is asked for, because
            nothing in it tells the splits apart; empty where the split is known.
        label_order: what the labels' numbers were said to mean; empty if nothing was said.
        numbered: whether the labels are given as numbers, whose meaning depends on an order.
        kind, source: the kind of data set and the place that ``read_listing`` was given.
    """

    name: str
    split: str
    root: Path
    frame: pd.DataFrame
    dropped: dict[str, int] = field(default_factory=dict)
    unread: tuple[tuple[str, str], ...] = ()
    aside: tuple[str, ...] = ()
    undivided: str = ""
    label_order: str = ""
    numbered: bool = False
    kind: str = ""
    source: Path | None = None


class TableDataset(Dataset):
    """The images of a ``Listing``, decoded to RGB (see ``ganbench.data.pictures``) and framed.

    Images that are not square are brought to a square by ``framing``, and images of another size are
    resampled by pillow's LANCZOS filter (windowed sinc, antialiased when shrinking); images of the
    right size are left untouched. Region maps are framed alike and resampled to the nearest pixel.

    A split whose pixels take less than ``keep_bytes`` is decoded once, when it is opened, and kept
    as uint8. A larger one is decoded at every access by a few threads, in constant memory; opening
    it reads headers and ends of files, which finds those cut short. Damage between the two is found
    when an image is first used (``undecodable`` looks at all).

    The fingerprint is the sha256 of the size, the framing and every row in order: path, label,
    content of the image and of its region map, action units. Above ``HASH_BYTES`` on disk size and
    samples of a large file stand for its content, and ``stamp`` holds the times of all files. Rows
    count in order because results are kept by index.

    Args:
        listing: the rows.
        size: side of the images, in pixels.
        limit: use only so many images: the first of every emotion, then the second of every one ...
        skip_bad: leave out images that are missing or unreadable instead of failing.
        au_scale: 5 or 1, where the action units end; None finds it out (``read_units``).
        progress: called with (images done, images in all) while opening.
        keep_bytes: see above.
        framing: how images that are not square become squares: ``"centre"`` cuts out the middle
            square, ``"stretch"`` gives up the proportions.
        max_pixels: images with more pixels cannot be used; their headers tell.

    Attributes:
        listing: the rows as the reader found them.
        frame: the rows used, in the order of ``labels``.
        dropped: see ``Listing``.
        bad: (path, reason) of every image left out by ``skip_bad``.
        au_scale: where the action units end, once they were asked for.
        extents: int32 [N, 2], width and height of the images as stored.
        remarks: (path, what a user should know of it) of images that were decoded, e.g. that the
            colour profile is damaged.

    Raises:
        BadInput: nothing to use, or an image is missing or unreadable and ``skip_bad`` is off.
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
        self._au_scale = au_scale
        check_framing(framing)
        pictures.check_max_pixels(max_pixels)
        if size < 1:
            raise BadInput(f"image size must be at least 1 pixel, not {size}")
        self.name, self.split, self.size = listing.name, listing.split, size
        self.root, self.dropped = listing.root, dict(listing.dropped)
        self.listing, self.label_order = listing, listing.label_order
        self.framing = self._framing = framing
        self._max_pixels = max_pixels
        self.remarks: set[tuple[str, str]] = set()
        frame = listing.frame.reset_index(drop=True)
        if limit is not None:
            turn = frame.groupby("expression", sort=False).cumcount()
            frame = frame.loc[np.sort(np.argsort(turn.to_numpy(), kind="stable")[:limit])]
            frame = frame.reset_index(drop=True)
        self._use(frame)
        kept = 3 * size * size * len(frame) < keep_bytes
        self._pixels = np.empty((len(frame), 3, size, size), np.uint8) if kept else None
        self._maps: NDArray[np.uint8] | None = None
        if kept and self._regions is not None:
            self._maps = np.empty((len(frame), size, size), np.uint8)
        seen = self._inspect(progress)
        good = np.array([not one.fault for one in seen], dtype=np.bool_)
        self.bad = list(listing.unread)
        self.bad += [(self.paths[i], one.fault) for i, one in enumerate(seen) if one.fault]
        if self.bad and not skip_bad:
            path, reason = self.bad[0]
            raise BadInput(
                f"{len(self.bad)} of {plural(len(frame) + len(listing.unread), 'image')} of {self.name} "
                f"({self.split}) cannot be used, first {str(self.root / path)!r}: {reason}; "
                "mend the files or leave them out with --skip-bad"
            )
        # Where the remaining rows lie in the arrays in memory.
        self._rows = np.flatnonzero(good)
        self._use(frame.loc[good].reset_index(drop=True))
        seen = [one for one in seen if not one.fault]
        if not seen:
            raise BadInput(
                f"{self.name} ({self.split}) under {str(self.root)!r} has no usable image of the "
                f"emotions asked for; unused labels: {self.dropped or 'none'}, bad: {len(self.bad)}"
                + (f", first {self.bad[0][0]!r}: {self.bad[0][1]}" if self.bad else "")
            )
        self.extents = np.array([one.extent for one in seen], dtype=np.int32)
        # Of each row a hash of the content of its files, or of samples of large ones.
        self.contents = [one.identity for one in seen]
        self.fingerprint = self._fingerprint(self.contents)
        self._opened = self._in_memory()

    @property
    def in_memory(self) -> bool:
        """Whether all pixels are kept in memory."""
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
        lines = [framing_note(uneven, len(self), self._framing)]
        by_remark: dict[str, list[str]] = {}
        for path, remark in sorted(self.remarks):
            by_remark.setdefault(remark, []).append(path)
        lines += [
            f"{plural(len(paths), 'picture')}, first {paths[0]}: {remark}"
            for remark, paths in by_remark.items()
        ]
        return [line for line in lines if line]

    def _use(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.labels = frame["expression"].to_numpy(dtype=np.int64)
        self.paths = [str(path) for path in frame["path"]]
        self._regions = self._region_paths()
        self._units: Tensor | None = None
        self.au_scale = SCALES[0]

    def _region_paths(self) -> list[str] | None:
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

    # --- opening

    def _inspect(self, progress: Progress | None) -> list[_Seen]:
        """Look at every file once: there, readable, its extent and content.

        The files of a large data set are not looked at again while their size and time of change
        stay the same.
        """
        rows = range(len(self.paths))
        stamps = [index.stamp(*self._files(i)) for i in rows]
        sizes = (int(one.partition(":")[0]) for text in stamps for one in text.split())
        whole = sum(sizes) < HASH_BYTES
        if not whole:
            self.stamp = hashlib.sha256("\n".join(stamps).encode()).hexdigest()
        large = self._pixels is None and len(rows) >= INDEXED
        known = index.read(self.root, whole) if large else {}
        seen: dict[int, _Seen] = {}
        for i in rows:
            before = known.get(self.paths[i])
            if (
                before is not None
                and before[0] == stamps[i]
                and before[1] * before[2] <= self._max_pixels
            ):
                seen[i] = _Seen((before[1], before[2]), before[3])
        new = [i for i in rows if i not in seen]
        for i, one in zip(new, _threaded(lambda i: self._look(i, whole), new), strict=True):
            seen[i] = one
            if progress is not None and (len(seen) % 64 == 0 or len(seen) == len(rows)):
                progress(len(seen), len(rows))
        if new and large:
            for i in new:
                if stamps[i] and not seen[i].fault:
                    known[self.paths[i]] = [stamps[i], *seen[i].extent, seen[i].identity]
            index.write(self.root, whole, known)
        return [seen[i] for i in rows]

    def _files(self, i: int) -> tuple[Path, ...]:
        image = self.root / self.paths[i]
        return (image,) if self._regions is None else (image, self.root / self._regions[i])

    def _look(self, i: int, whole: bool) -> _Seen:
        digest = hashlib.sha256()
        extent = (0, 0)
        for kind, path in enumerate(self._files(i)):
            try:
                with pictures.open_file(path, self._max_pixels) as stream:
                    source: BinaryIO = stream
                    size = os.fstat(stream.fileno()).st_size
                    if whole or size <= SAMPLED:
                        content = stream.read()
                        digest.update(hashlib.sha256(content).digest())
                        source = BytesIO(content)
                    else:
                        digest.update(_samples(stream, size))
                    source.seek(0)
                    if kind == 0:
                        extent = self._take_image(i, source)
                    else:
                        self._take_map(i, source, extent)
            except UNREADABLE as error:
                reason = why_unreadable(error)
                return _Seen(fault=self._of_map(i, reason) if kind else reason)
        return _Seen(extent, digest.hexdigest())

    def _take_image(self, i: int, source: BinaryIO) -> tuple[int, int]:
        if self._pixels is None:
            return pictures.header(source, self._max_pixels)
        found = pictures.decode(source.read(), self._max_pixels)
        self._pixels[i] = self._framed(found)
        self._note(i, found)
        return found.extent

    def _take_map(self, i: int, source: BinaryIO, extent: tuple[int, int]) -> None:
        if self._maps is None:
            pictures.header(source, self._max_pixels)
        else:
            self._maps[i] = self._framed_map(source, extent)

    def _note(self, i: int, found: pictures.Picture) -> None:
        if found.remark:
            self.remarks.add((self.paths[i], found.remark))

    def _framed(self, found: pictures.Picture) -> NDArray[np.uint8]:
        """uint8 [3, size, size]."""
        square = to_square(found.image, self.size, self._framing)
        return pictures.to_array(square).transpose(2, 0, 1)

    def _framed_map(self, source: BinaryIO, extent: tuple[int, int]) -> NDArray[np.uint8]:
        """uint8 [size, size]."""
        return pictures.decode_map(
            source.read(), self.size, self._framing, extent, self._max_pixels
        )

    def _of_map(self, i: int, reason: str) -> str:
        """Why a row cannot be used whose region map is at fault."""
        assert self._regions is not None  # there is no map to be at fault
        what = "no such region map" if reason == "no such file" else f"{reason}, in the region map"
        return (
            f"{what} {self._regions[i]!r} (column regions_filePath); put it there, or remove the column "
            "to use none"
        )

    def _fingerprint(self, identities: Sequence[str]) -> str:
        head = {
            "format": 2,
            "size": self.size,
            "framing": self._framing,
            "resize": "lanczos",
            "emotions": EMOTIONS,
        }
        digest = hashlib.sha256(json.dumps(head).encode())
        regions = self._regions or [""] * len(self.paths)
        for row in zip(self.paths, self.labels.tolist(), regions, identities, strict=True):
            digest.update(json.dumps(row).encode())
        present = [column for column in AU_COLUMNS if column in self.frame]
        if present:
            digest.update(json.dumps(present).encode())
            digest.update(numbers(self.frame, present).astype("<f8").tobytes())
            if self._au_scale == 1:
                digest.update(b"to 1")
        return digest.hexdigest()

    def read_by(self) -> tuple[object, ...]:
        now = self._in_memory()
        return type(self), self.size, "as opened" if now == self._opened else now

    def _in_memory(self) -> str:
        """sha256 of the pixels and maps in memory."""
        digest = hashlib.sha256()
        for array in (self._pixels, self._maps):
            if array is not None:
                digest.update(array.data)
        return digest.hexdigest()

    # --- use

    def images(self, indices: Indices) -> Tensor:
        """float32 [n, 3, size, size], RGB in [0, 1], on the CPU.

        Raises:
            BadInput: a file cannot be decoded (only where the split is not kept in memory).
        """
        rows = self._index(indices)
        if self._pixels is not None:
            pixels = self._pixels[self._rows[rows]]
        else:
            pixels = np.empty((len(rows), 3, self.size, self.size), np.uint8)
            for k, image in enumerate(_threaded(self._image, rows.tolist())):
                pixels[k] = image
        return torch.from_numpy(pixels).float().div_(255)

    def regions(self, indices: Indices) -> Tensor | None:
        """Region maps uint8 [n, size, size]; None if the table has no ``regions_filePath``."""
        if self._regions is None:
            return None
        rows = self._index(indices)
        if self._maps is not None:
            return torch.from_numpy(self._maps[self._rows[rows]])
        maps = np.empty((len(rows), self.size, self.size), np.uint8)
        for k, one in enumerate(_threaded(self._map, rows.tolist())):
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
            values, self.au_scale = read_units(self.frame, where, self._au_scale)
            self._units = None if values is None else torch.from_numpy(values)
        return None if self._units is None else self._units[torch.from_numpy(self._index(indices))]

    def undecodable(self, progress: Progress | None = None) -> list[tuple[str, str]]:
        """(path, reason) of every image that cannot be decoded; looks at all, in constant memory.

        Always empty for a split kept in memory: opening it has decoded everything.
        """
        if self._pixels is not None:
            return []
        found: list[tuple[str, str]] = []

        def attempt(i: int) -> str:
            try:
                self._image(i, thorough=True)
            except BadInput as error:
                return why_unreadable(error.__cause__ or error)
            try:
                if self._regions is not None:
                    self._map(i)
            except BadInput as error:
                return self._of_map(i, why_unreadable(error.__cause__ or error))
            return ""

        for i, fault in enumerate(_threaded(attempt, range(len(self)))):
            if fault:
                found.append((self.paths[i], fault))
            if progress is not None and (i % 64 == 63 or i + 1 == len(self)):
                progress(i + 1, len(self))
        return found

    def _index(self, indices: Indices) -> NDArray[np.int64]:
        chosen = np.asarray(indices)
        if chosen.size == 0:
            return np.empty(0, np.int64)
        # Through arange: negative indices and the bounds check are numpy's own.
        rows: NDArray[np.int64] = np.arange(len(self), dtype=np.int64)[chosen]
        return rows

    def _image(self, i: int, thorough: bool = False) -> NDArray[np.uint8]:
        path = self.root / self.paths[i]
        try:
            found = pictures.read(path, self._max_pixels, thorough)
        except UNREADABLE as error:
            raise _unusable(path, error) from error
        self._note(i, found)
        return self._framed(found)

    def _map(self, i: int) -> NDArray[np.uint8]:
        assert self._regions is not None  # callers checked
        path = self.root / self._regions[i]
        width, height = self.extents[i].tolist()
        try:
            with pictures.open_file(path, self._max_pixels) as stream:
                return self._framed_map(stream, (width, height))
        except UNREADABLE as error:
            raise _unusable(path, error) from error


def check_limit(limit: int | None) -> None:
    """Raise ``BadInput`` unless ``limit`` is None or a number of images."""
    if limit is not None and limit < 1:
        raise BadInput(f"limit must be at least 1 image, not {limit}; leave it out to use all")


def _samples(stream: BinaryIO, size: int) -> bytes:
    """sha256 of the size and of the beginning, middle and end of a file of ``size`` bytes."""
    content = index.three_blocks(stream, size, SAMPLE)
    stream.seek(0)
    return hashlib.sha256(str(size).encode() + content).digest()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What opening found out about one row."""

    extent: tuple[int, int] = (0, 0)
    identity: str = ""
    fault: str = ""


def _unusable(path: Path, error: BaseException) -> BadInput:
    return BadInput(f"{str(path)!r} cannot be decoded: {why_unreadable(error)}; mend or remove it")


def _threaded(function: Callable[[int], T], items: Sequence[int]) -> Iterator[T]:
    """``function`` of each item in order, by a few threads; never more than a block ahead."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        cores = os.cpu_count() or 1
    workers = min(8, cores, len(items))
    if workers < 2:
        yield from map(function, items)
        return
    # An order for every item would cost as much as opening a file.
    size = max(1, min(64, len(items) // (4 * workers)))
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    ahead = 2 * workers
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(parts), ahead):
            for done in pool.map(
                lambda part: [function(item) for item in part], parts[start : start + ahead]
            ):
                yield from done
