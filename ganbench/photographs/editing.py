"""Editing of photographs: bounded memory, and decoding and writing beside finding and editing.

A part of the photographs is edited while threads decode the next part and write the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from ganbench.data import pictures
from ganbench.devices import cores
from ganbench.editing import Item, Unreadable
from ganbench.errors import BadInput
from ganbench.evaluation import contract
from ganbench.faces_in_photos import Face, FaceNetworks, largest
from ganbench.methods.interface import Method
from ganbench.methods.outputs import MUCH, cut_note
from ganbench.methods.tensors import check_parameters
from ganbench.photographs.files import Photograph, read_photograph, with_changes
from ganbench.photographs.framed import (
    Framed,
    NewFace,
    coarse_note,
    code_for,
    framed,
    new_faces,
    pasted,
)
from ganbench.photographs.goals import Goal
from ganbench.photographs.strip import strip_of
from ganbench.storage.store import write_atomic
from ganbench.text import plural

# Photographs that are decoded at once have at most so many pixels together, or are one photograph. Three such
# parts are in memory: one is decoded, one edited, one written.
PIXELS = 24_000_000
LARGEST, ALL = "largest", "all"


class NoFace(BadInput):
    """A photograph shows no face, or not the one that is asked for; ``reason`` says which."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}; give a photograph of a face, or --framed if faces fill the pictures"
        )
        self.reason = reason


@dataclass(frozen=True)
class Edited:
    """An edited photograph.

    Attributes:
        source: the photograph.
        path: its edit.
        faces: the faces that were edited, from left to right.
        of: the number of faces that were found.
    """

    source: Path
    path: Path
    faces: tuple[Face, ...]
    of: int

    @property
    def said(self) -> str:
        """The edited faces in words."""
        sizes = ", ".join(
            f"{face.box[2] - face.box[0]:.0f} x {face.box[3] - face.box[1]:.0f} px"
            for face in self.faces
        )
        among = f" of {self.of}" if self.of > len(self.faces) else ""
        return f"{len(self.faces)}{among} {'face' if self.of == 1 else 'faces'} ({sizes})"


@dataclass
class _Work:
    """A photograph on its way."""

    item: Item
    photo: Photograph
    faces: list[Framed]
    of: int
    edits: list[list[NewFace]]  # of each goal and each face


def edit_photographs(
    method: Method,
    goals: Sequence[Goal],
    items: Sequence[Item],
    out: Path,
    networks: FaceNetworks,
    *,
    which: str = LARGEST,
    max_pixels: int = pictures.MAX_PIXELS,
    batch_size: int = 32,
    seed: int = 0,
    on_bad: Callable[[Item, str], None] | None = None,
    on_remark: Callable[[Item, str], None] = lambda item, remark: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Iterator[Edited]:
    """Edit the faces of photographs, and write each photograph with its new face.

    Args:
        method: makes the edits.
        goals: what the edits show. Several goals give one picture: the face before and for each of them.
        items: the photographs, and the names of their edits relative to ``out``.
        out: folder of the edits.
        networks: find the faces.
        which: the faces that are edited: "largest", "all", or a number, counted from the left from 1.
        max_pixels: pictures with more pixels are unreadable.
        batch_size: faces edited at once; changes memory and speed only.
        seed: of the noise of stochastic methods; with the photograph's name it decides the noise.
        on_bad: called with each photograph that is unreadable or shows no face, which is left out; None
            raises instead.
        on_remark: called with a line for everything that a user should know of a photograph.
        on_note: called at the end if many values of the edits lay outside [0, 1] and were cut.

    Yields:
        each edit, after it was written.

    Raises:
        BadInput: the method fails (``ganbench.evaluation.contract``), or a photograph is unreadable or shows
            no face. The files written before remain.
    """
    check_parameters(method, method.name)
    editor = _Editor(method, goals, networks, which, batch_size, seed)
    with ThreadPoolExecutor(min(4, cores() + 1)) as pool:
        read = partial(_read, max_pixels=max_pixels)
        waiting: list[tuple[Item, Future[Photograph | Unreadable]]] = []
        writing: list[tuple[_Work, Future[Path]]] = []
        parts = iter(_parts(items, max_pixels))
        try:
            while (part := next(parts, None)) is not None or waiting:
                decoding = [(item, pool.submit(read, item.source)) for item in part or ()]
                works = editor.edited(_ready(waiting, on_bad, on_remark), on_bad, on_remark)
                yield from _written(writing)
                writing = [(work, pool.submit(_write, work, len(goals), out)) for work in works]
                waiting = decoding
            yield from _written(writing)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if editor.count and editor.clamped / editor.count > MUCH:
        on_note(cut_note(method.title, editor.clamped / editor.count, judged=False))


def _parts(items: Iterable[Item], max_pixels: int) -> Iterator[list[Item]]:
    """The photographs in parts of at most ``PIXELS`` pixels, by their headers."""
    part: list[Item] = []
    held = 0
    for item in items:
        width, height = pictures.extent_of(item.source, max_pixels) or (0, 0)
        if part and held + width * height > PIXELS:
            yield part
            part, held = [], 0
        part.append(item)
        held += width * height
        if len(part) == 64:  # of tiny pictures a part has enough work
            yield part
            part, held = [], 0
    if part:
        yield part


def _read(path: Path, max_pixels: int) -> Photograph | Unreadable:
    try:
        return read_photograph(path, max_pixels)
    except Unreadable as error:
        return error


def _ready(
    waiting: Sequence[tuple[Item, Future[Photograph | Unreadable]]],
    on_bad: Callable[[Item, str], None] | None,
    on_remark: Callable[[Item, str], None],
) -> list[tuple[Item, Photograph]]:
    """The decoded photographs, without unreadable ones."""
    ready = []
    for item, future in waiting:
        photo = future.result()
        if isinstance(photo, Unreadable):
            if on_bad is None:
                raise photo
            on_bad(item, photo.reason)
            continue
        for remark in photo.remarks:
            on_remark(item, remark)
        ready.append((item, photo))
    return ready


class _Editor:
    """Finds and edits the faces of some photographs."""

    def __init__(
        self,
        method: Method,
        goals: Sequence[Goal],
        networks: FaceNetworks,
        which: str,
        batch_size: int,
        seed: int,
    ) -> None:
        self.method, self.goals, self.networks, self.which = method, goals, networks, which
        self.batch_size, self.seed = batch_size, seed
        self.size = int(method.config.image_size)
        self.count, self.clamped = 0, 0.0

    def edited(
        self,
        photos: Sequence[tuple[Item, Photograph]],
        on_bad: Callable[[Item, str], None] | None,
        on_remark: Callable[[Item, str], None],
    ) -> list[_Work]:
        """The photographs with their edits, without those that show no face."""
        found = self.networks.find_all(
            [photo.seen for _, photo in photos], thorough=self.which != LARGEST
        )
        works = []
        for (item, photo), faces in zip(photos, found, strict=True):
            try:
                chosen = choose(faces, self.which, item.source)
            except NoFace as error:
                if on_bad is None:
                    raise
                on_bad(item, error.reason)
                continue
            for face in chosen:
                if note := coarse_note(face, self.size):
                    on_remark(item, note)
            frames = [framed(photo.seen, face, self.size) for face in chosen]
            works.append(_Work(item, photo, frames, len(faces), []))
        for goal in self.goals:
            self._edit(works, goal)
        return works

    def _edit(self, works: Sequence[_Work], goal: Goal) -> None:
        """Add the edits to one goal."""
        inputs = [face.before for work in works for face in work.faces]
        if not inputs:
            return
        codes = torch.cat(
            [
                code_for(self.method, goal, self.seed, work.item.source.name).expand(
                    len(work.faces), -1
                )
                for work in works
            ]
        )
        edits: list[Tensor] = []
        for start in range(0, len(inputs), self.batch_size):
            batch = torch.stack(inputs[start : start + self.batch_size])
            some = codes[start : start + self.batch_size]
            edit = contract.edit(self.method, batch, some, first=not self.count)
            self.count += len(batch)
            self.clamped += 0.0 if edit.clamped is None else float(edit.clamped.sum())
            edits += list(edit.images.cpu())
        results = iter(new_faces(self.networks, edits))
        for work in works:
            work.edits.append([next(results) for _ in work.faces])


def choose(faces: Sequence[Face], which: str, path: Path) -> list[Face]:
    """The faces that are to be edited, from left to right.

    Args:
        faces: all that were found.
        which: "largest", "all", or a number, counted from the left from 1.
        path: of the photograph, for messages.

    Raises:
        NoFace: there is none, or none of this number.
    """
    if not faces:
        raise NoFace(path, "no face was found")
    ordered = sorted(faces, key=lambda face: face.box[0] + face.box[2])
    if which == ALL:
        return ordered
    if which == LARGEST:
        return [largest(faces)]
    if int(which) > len(ordered):
        raise NoFace(
            path, f"it has {plural(len(ordered), 'face')}, and no face {which} from the left"
        )
    return [ordered[int(which) - 1]]


def _write(work: _Work, goals: int, out: Path) -> Path:
    """Paste the edits of a photograph, and write its file."""
    height, width = work.photo.seen.shape[:2]
    boxes = [face.box(width, height) for face in work.faces]
    # One at a time is in memory.
    seen = (pasted(work.photo.seen, work.faces, edits) for edits in work.edits)
    path = out / work.item.name
    if goals == 1:
        write_atomic(path, with_changes(work.photo, next(seen), boxes))
    else:
        write_atomic(path, strip_of(chain([work.photo.seen], seen), 1 + goals, boxes, path.suffix))
    return path


def _written(writing: Sequence[tuple[_Work, Future[Path]]]) -> Iterator[Edited]:
    for work, future in writing:
        yield Edited(
            work.item.source, future.result(), tuple(face.face for face in work.faces), work.of
        )
