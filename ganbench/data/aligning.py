"""A data set of photographs, brought into the frame of the rendered faces once: ``ganbench data align``.

Threads decode, find the faces and write, a few pictures at a time. A journal in the new folder tells what is done,
so that a run that was stopped goes on where it was. The lists, by which the folder is a data set, are written last.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ganbench import parsing
from ganbench.data import pictures
from ganbench.data.action_units import AU_COLUMNS
from ganbench.data.aligned import RULE_FILE, frame_rule
from ganbench.data.files import cores
from ganbench.data.finding import keep_originals
from ganbench.data.pictures import UNREADABLE, why_unreadable
from ganbench.data.sources import PICTURES, UNDIVIDED, Source
from ganbench.emotions import KNOWN
from ganbench.errors import BadInput
from ganbench.faces_in_photos import FaceNetworks, align, frame_matrix, largest
from ganbench.faces_in_photos.geometry import FRAME
from ganbench.stopwatch import Progress
from ganbench.storage.store import write_atomic
from ganbench.text import plural

# Pictures that a thread decodes at once, and their pixels together; a larger picture is alone.
PART, PIXELS = 16, 12_000_000
NO_FACE = "no face was found"
LEFT_OUT, JOURNAL = "left-out.txt", ".aligning"
# Columns of a list that stay beside path, emotion and action units.
_KEPT = ("valence", "arousal", "person")


@dataclass(frozen=True)
class Aligned:
    """What an alignment has done.

    Attributes:
        pictures: number of pictures in the frame.
        without_face: number of pictures in which no face was found.
        unreadable: number of files that could not be read.
    """

    pictures: int
    without_face: int
    unreadable: int


@dataclass(frozen=True)
class _Task:
    source: Path
    key: str
    target: Path


def align_pictures(
    source: Source,
    out: Path,
    networks: FaceNetworks,
    *,
    size: int = 128,
    margin: float = 0.0,
    max_pixels: int = pictures.MAX_PIXELS,
    skip_bad: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Aligned:
    """Write the largest face of each picture, in the frame of the rendered faces, and lists with the labels.

    Args:
        source: the pictures.
        out: the new folder.
        networks: find the faces.
        size: side of the new pictures, in pixels.
        margin: border around the frame on each side, in shares of the frame's side, in [0, 1].
        max_pixels: pictures with more pixels are unreadable.
        skip_bad: leave out unreadable pictures instead of failing.
        overwrite: write into a folder that is not empty, where no stopped run of the same kind was.
        progress: called with (pictures done, pictures in total).

    Raises:
        BadInput: the folder cannot be used; a picture is unreadable without ``skip_bad``; no picture shows a
            face. What is done stays, and the next run goes on from there.
    """
    tasks = _tasks(source, out)
    head = _head(source, size, margin, max_pixels)
    with _Journal.open(out, head, overwrite, tasks) as journal:
        work = [task for task in tasks if not journal.has(task)]
        aligner = _Aligner(networks, size, margin, max_pixels)
        count = len(tasks) - len(work)
        for part, reasons in aligner.run(work):
            for task, (reason, bad) in zip(part, reasons, strict=True):
                journal.note(task, reason, bad)
                if bad and not skip_bad:
                    raise BadInput(
                        f"{task.source} cannot be used: {reason}; mend it, or leave such files out with "
                        "--skip-bad: the command goes on where it stopped"
                    )
            count += len(part)
            if progress is not None:
                progress(count, len(tasks))
        # Pictures that an earlier run with --skip-bad left out.
        faults = {task.key: journal.done[task.key] for task in tasks}
        if all(reason for reason, _ in faults.values()):
            raise BadInput(
                f"none of {plural(len(tasks), 'picture')} shows a face; nothing was made"
            )
        _write_lists(source, out, tasks, {key: reason for key, (reason, _) in faults.items()}, head)
        journal.remove()
    unreadable = sum(bad for _, bad in faults.values())
    left_out = sum(bool(reason) for reason, _ in faults.values())
    return Aligned(len(faults) - left_out, left_out - unreadable, unreadable)


def check_apart(source: Path, out: Path) -> None:
    """Refuse a new folder in the source, and one that contains it.

    Raises:
        BadInput: either.
    """
    inner, outer = out.resolve(), (source if source.is_dir() else source.parent).resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise BadInput(
            f"{str(out)!r} and {str(source)!r} lie in one another, and the source is never written to; give a "
            "folder apart from it"
        )


def _tasks(source: Source, out: Path) -> list[_Task]:
    """Each picture once, with its place in the new folder."""
    found: dict[str, _Task] = {}
    names: dict[str, str] = {}
    for part, listing in source.listings.items():
        folder = PICTURES if part == UNDIVIDED else f"{PICTURES}/{part}"
        for path in listing.frame["path"]:
            key = f"{part}/{path}"
            if key in found:
                continue
            pure = PurePosixPath(path)
            name = str(PurePosixPath(folder, pure.with_suffix(".png")))
            outside = pure.is_absolute() or ".." in pure.parts
            if outside or not _plain(path) or names.get(name.lower(), key) != key:
                # Two pictures may differ in their endings alone; a list may name places anywhere.
                digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()
                name = f"{folder}/{digest[:24]}.png"
            names[name.lower()] = key
            found[key] = _Task(listing.root / path, key, out / name)
    return list(found.values())


def _plain(path: str) -> bool:
    """Whether a list can hold a path as it is, on all systems."""
    parts = PurePosixPath(path).parts
    return path.isprintable() and all(
        part == part.strip() and not part.startswith(".") and len(part.encode()) < 200
        for part in parts
    )


def _head(source: Source, size: int, margin: float, max_pixels: int) -> dict[str, Any]:
    """What the new pictures depend on."""
    rows = hashlib.sha256()
    roots = []
    for part, listing in source.listings.items():
        roots.append(str(listing.root.resolve()))
        labels = listing.frame["expression"].tolist()
        rows.update(json.dumps([part, *zip(listing.frame["path"], labels, strict=True)]).encode())
    return {
        "format": 1,
        "size": size,
        "margin": margin,
        "frame": [list(eye) for eye in FRAME],
        "kind": source.kind,
        "roots": roots,
        "rows": rows.hexdigest(),
        "max_pixels": max_pixels,
    }


class _Journal:
    """What is done of an alignment: a line for the whole, and one for each picture."""

    def __init__(self, path: Path, done: dict[str, tuple[str, bool]]) -> None:
        self.path, self.done = path, done
        self.file = path.open("a", encoding="utf-8")

    @classmethod
    @contextmanager
    def open(
        cls, out: Path, head: dict[str, Any], overwrite: bool, tasks: Sequence[_Task]
    ) -> Iterator[_Journal]:
        """The journal of a folder; a new one, unless a run of the same kind was stopped there.

        Raises:
            BadInput: the folder holds other things, and ``overwrite`` is false, or cannot be written.
        """
        path = out / JOURNAL
        try:
            done = _stopped_run(path, head)
            if done is None:
                _check_empty(out, overwrite)
                if overwrite and out.is_dir():
                    way_out = "choose another folder"
                    keep_originals((t.target for t in tasks), [t.source for t in tasks], way_out)
                    _forget(out)
                out.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(head) + "\n", encoding="utf-8")
            journal = cls(path, done or {})
        except OSError as error:
            raise BadInput(
                f"cannot write: {out} ({error.strerror or error}); choose another folder"
            ) from error
        try:
            yield journal
        finally:
            journal.file.close()

    def has(self, task: _Task) -> bool:
        """Whether a picture is done: its file is there, or it has no face."""
        reason, bad = self.done.get(task.key, ("", True))
        return task.key in self.done and not bad and (bool(reason) or task.target.is_file())

    def note(self, task: _Task, reason: str, bad: bool) -> None:
        """Remember why a picture was left out; an empty reason says that it was written."""
        self.done[task.key] = reason, bad
        self.file.write(json.dumps([task.key, reason, bad]) + "\n")
        self.file.flush()

    def remove(self) -> None:
        """Remove the file: the alignment is complete."""
        self.file.close()
        self.path.unlink()


def _stopped_run(path: Path, head: dict[str, Any]) -> dict[str, tuple[str, bool]] | None:
    """What a stopped run of the same kind has done; None if there was none."""
    if not parsing.is_file(path):
        return None
    lines = parsing.read_text(path, parsing.RESULTS).splitlines()
    done: dict[str, tuple[str, bool]] = {}
    for number, line in enumerate(lines):
        try:
            value = parsing.parse_json(line)
        except parsing.Refused:
            continue  # the last line of a killed run may be torn
        if number == 0:
            if value != head:
                return None
            continue
        match value:
            case [str(key), str(reason), bool(bad)]:
                done[key] = reason, bad
    return done if lines else None


def _check_empty(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise BadInput(f"{str(out)!r} is a file; give a folder")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        stopped = (out / JOURNAL).exists()
        what = "holds a run of other pictures or options" if stopped else "is not empty"
        raise BadInput(f"{str(out)!r} {what}; add --overwrite or give a new folder")


def _forget(out: Path) -> None:
    """Remove the lists of an earlier alignment, so that no half of it remains."""
    if (out / RULE_FILE).is_file() or (out / JOURNAL).is_file():
        for name in (RULE_FILE, JOURNAL, LEFT_OUT, "train.csv", "test.csv", f"{UNDIVIDED}.csv"):
            (out / name).unlink(missing_ok=True)


class _Aligner:
    """Aligns pictures in threads, each of which uses one core."""

    def __init__(self, networks: FaceNetworks, size: int, margin: float, max_pixels: int) -> None:
        self.networks, self.size, self.margin = networks, size, margin
        self.max_pixels = max_pixels

    def run(self, tasks: Sequence[_Task]) -> Iterator[tuple[list[_Task], list[tuple[str, bool]]]]:
        """Parts of the tasks, in order, with (reason, unreadable) of each; see ``_Journal.note``."""
        workers = min(8, cores())
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # pictures are computed side by side, which is faster
        waiting: deque[tuple[list[_Task], Future[list[tuple[str, bool]]]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for part in self._parts(tasks):
                    waiting.append((part, pool.submit(self._align, part)))
                    if len(waiting) > 2 * workers:
                        done, future = waiting.popleft()
                        yield done, future.result()
                while waiting:
                    done, future = waiting.popleft()
                    yield done, future.result()
            finally:
                torch.set_num_threads(threads)
                pool.shutdown(wait=True, cancel_futures=True)

    def _parts(self, tasks: Sequence[_Task]) -> Iterator[list[_Task]]:
        part: list[_Task] = []
        held = 0
        for task in tasks:
            width, height = pictures.extent_of(task.source, self.max_pixels) or (0, 0)
            if part and (held + width * height > PIXELS or len(part) == PART):
                yield part
                part, held = [], 0
            part.append(task)
            held += width * height
        if part:
            yield part

    def _align(self, part: Sequence[_Task]) -> list[tuple[str, bool]]:
        seen: dict[int, NDArray[np.uint8]] = {}
        results = [("", False)] * len(part)
        for i, task in enumerate(part):
            try:
                picture = pictures.read(task.source, self.max_pixels)
                seen[i] = pictures.to_array(picture.image)
            except UNREADABLE as error:
                results[i] = why_unreadable(error), True
        found = self.networks.find_all(list(seen.values()))
        for (i, whole), faces in zip(seen.items(), found, strict=True):
            if not faces:
                results[i] = NO_FACE, False
                continue
            matrix = frame_matrix(largest(faces).landmarks, self.size, self.margin)
            framed = align(whole, matrix, self.size)
            pixels = (framed * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            write_atomic(part[i].target, file.getvalue())
        return results


def _write_lists(
    source: Source,
    out: Path,
    tasks: Sequence[_Task],
    reasons: dict[str, str],
    head: dict[str, Any],
) -> None:
    """Write the lists of what was aligned and of what was left out, and last the file that tells how."""
    targets = {task.key: task.target.relative_to(out).as_posix() for task in tasks}
    for part, listing in source.listings.items() if source.labelled else ():
        columns = [c for c in (*_KEPT, *AU_COLUMNS) if c in listing.frame]
        named = bool((listing.frame["expression"] >= 0).all())
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("image", *(["label"] if named else []), *columns))
        rows = listing.frame[["path", "expression", *columns]].itertuples(index=False, name=None)
        for path, label, *others in rows:
            key = f"{part}/{path}"
            if not reasons[key]:
                table.writerow((targets[key], *([KNOWN[label]] if named else []), *others))
        write_atomic(out / f"{part}.csv", text.getvalue())
    lines = [f"{key}\t{reason}\n" for key, reason in reasons.items() if reason]
    if lines:
        write_atomic(out / LEFT_OUT, "".join(lines).encode("utf-8", "surrogateescape"))
    else:
        with suppress(FileNotFoundError):
            (out / LEFT_OUT).unlink()
    rule = frame_rule(head["margin"])
    known = {k: head[k] for k in ("format", "size", "margin", "frame", "kind")}
    counts = {"pictures": len(reasons) - len(lines), "left out": len(lines)}
    write_atomic(out / RULE_FILE, json.dumps({**known, **counts, "rule": rule}, indent=1) + "\n")
