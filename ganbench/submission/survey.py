"""The check of a folder of edits before anything is computed: every file is decoded, named and counted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganbench.data import pictures
from ganbench.devices import cores
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.parsing import is_folder, user_path
from ganbench.stopwatch import Progress
from ganbench.submission.tasks import task_id
from ganbench.text import clipped, plural

# Kinds of faults, in the order of messages, with what a user can do about them.
FAULTS = {
    "missing": "write them, or score the complete images as such with --partial",
    "unreadable": "write PNG files of 8 bits",
    "of another size": "edit the pictures of the protocol, or have them resized with --resize",
    "out of range": "multiply values in [0, 1] by 255",
}
NAMED = 3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Survey:
    """The usable edits of a folder.

    Attributes:
        rows: int64 [n], the rows of the data set all of whose edits are there.
        files: the file of each edit, [n][7].
        hashes: ``picture_hash`` of each edit, [n][7], before it is resized.
        size: side of the edits that are scored, pixels.
        sizes: the sides of the files where they differ from ``size``.
        extra: names of files that belong to no task.
        missing: names of the edits that are missing.
    """

    rows: NDArray[np.int64]
    files: Sequence[Sequence[Path]]
    hashes: Sequence[Sequence[str]]
    size: int
    sizes: tuple[int, ...] = ()
    extra: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What a user should know, a line each."""
        notes = []
        if self.extra:
            notes.append(f"{plural(len(self.extra), 'file')} of no task: {_names(self.extra)}")
        if self.missing:
            notes.append(
                f"a part of the tasks: {plural(len(self.missing), 'edit')} missing: "
                f"{_names(self.missing)}; {plural(len(self.rows), 'image')} with all edits are scored"
            )
        if self.sizes:
            sides = ", ".join(map(str, self.sizes))
            notes.append(f"edits of {sides} px were resized to {self.size} px")
        return notes


@dataclass
class _Found:
    """What decoding of the files has found."""

    hashes: dict[str, str] = field(default_factory=dict)
    sides: set[int] = field(default_factory=set)
    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in FAULTS})


def survey(
    folder: str | Path,
    images: int,
    size: int,
    *,
    resize: bool = False,
    partial: bool = False,
    progress: Progress | None = None,
) -> Survey:
    """Look at every edit of a folder.

    Args:
        folder: holds ``ID.png`` for each task.
        images: number of pictures of the protocol.
        size: their side, pixels.
        resize: whether edits of another size are resized; they must be square.
        partial: whether images that lack an edit are left out.
        progress: called with (done, total) files.

    Raises:
        BadInput: no such folder; edits are missing (unless ``partial``), unreadable, of another size
            (unless ``resize``) or out of range. The message names and counts them.
    """
    place = user_path(folder)
    if not is_folder(place):
        raise BadInput(
            f"no folder of edits: {clipped(str(folder))}; give the folder of the files ID.png"
        )
    wanted = [task_id(row, target) for row in range(images) for target in range(len(EMOTIONS))]
    present, extra = _listed(place, wanted)
    found = _decoded(present, size, resize, progress)
    missing = [name for name in wanted if name not in present]
    if not present:
        raise BadInput(
            f"no edit in: {clipped(str(folder))}; its files must be called {wanted[0]}.png and so on, as "
            f"tasks.csv says{f'; it has {_names(extra)}' if extra else ''}"
        )
    if not partial:
        found.faults["missing"] = [f"{name}.png" for name in missing]
    _refuse(found.faults, extra)
    grid = [wanted[i : i + len(EMOTIONS)] for i in range(0, len(wanted), len(EMOTIONS))]
    whole = [row for row, names in enumerate(grid) if all(name in present for name in names)]
    if not whole:
        raise BadInput(
            f"no image has an edit to every emotion in: {clipped(str(folder))}; write the edits of some images "
            "to all emotions"
        )
    return Survey(
        np.array(whole, np.int64),
        [[present[name] for name in grid[row]] for row in whole],
        [[found.hashes[name] for name in grid[row]] for row in whole],
        size,
        tuple(sorted(found.sides - {size})),
        tuple(extra),
        tuple(f"{name}.png" for name in missing),
    )


def _listed(place: Path, wanted: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """The files of the tasks by name, and the names of all other entries."""
    names, present, extra = set(wanted), {}, []
    try:
        entries = sorted(place.iterdir())
    except OSError as error:
        raise BadInput(
            f"cannot list: {clipped(str(place))} ({error.strerror}); check its permissions"
        ) from error
    for path in entries:
        if path.suffix == ".png" and path.stem in names:
            present[path.stem] = path
        else:
            extra.append(path.name)
    return present, extra


def _decoded(
    present: Mapping[str, Path], size: int, resize: bool, progress: Progress | None
) -> _Found:
    found = _Found()

    def look(path: Path) -> tuple[int, int, int, str] | str:
        """Width, height, largest value and hash of a picture, or why there is none."""
        try:
            pixels = read_picture(path)
        except pictures.UNREADABLE as error:
            return pictures.why_unreadable(error)
        return pixels.shape[1], pixels.shape[0], int(pixels.max()), picture_hash(pixels)

    with ThreadPoolExecutor(cores()) as threads:
        looked = threads.map(look, present.values())
        for done, (name, one) in enumerate(zip(present, looked, strict=True), 1):
            if isinstance(one, str):
                found.faults["unreadable"].append(f"{name}.png ({one})")
            else:
                width, height, largest, found.hashes[name] = one
                if height != width or (height != size and not resize):
                    found.faults["of another size"].append(f"{name}.png ({width} x {height})")
                elif largest <= 1:
                    found.faults["out of range"].append(
                        f"{name}.png (no value above {largest} of 255)"
                    )
                found.sides.add(width)
            if progress is not None:
                progress(done, len(present))
    return found


def _refuse(faults: Mapping[str, Sequence[str]], extra: Sequence[str]) -> None:
    """Raise the error that names and counts all faults; without any do nothing."""
    kinds = [kind for kind in FAULTS if faults[kind]]
    if not kinds:
        return
    counted = [
        f"{plural(len(faults[kind]), 'edit')} {kind}: {_names(faults[kind])}" for kind in kinds
    ]
    if extra:
        counted.append(f"{plural(len(extra), 'file')} of no task: {_names(extra)}")
    fixes = "; ".join(FAULTS[kind] for kind in kinds)
    raise BadInput(f"edits cannot be scored: {'; '.join(counted)}; {fixes}")


def _names(names: Sequence[str]) -> str:
    """The first names of a list."""
    shown = ", ".join(clipped(name) for name in names[:NAMED])
    return shown + ", ..." * (len(names) > NAMED)


def read_picture(path: Path) -> Pixels:
    """An edit, uint8 [H, W, 3].

    Raises:
        one of ``pictures.UNREADABLE``: also for a file of another format than PNG, since lossy formats change
            the scores.
    """
    with pictures.open_file(path) as stream:
        content = stream.read()
    picture, stored = pictures.decode_stored(content)
    if stored.kind != "PNG":
        raise ValueError(f"it is a {stored.kind} file")
    return pictures.to_array(picture.image)


def picture_hash(pixels: Pixels) -> str:
    """sha256 (hex) of the size and the pixels of a picture, however its file is compressed."""
    head = "x".join(map(str, pixels.shape)).encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def at_size(pixels: Pixels, size: int) -> Pixels:
    """A square picture at another size, by Lanczos' filter."""
    if pixels.shape[0] == size:
        return pixels
    resized = Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(resized, np.uint8)
