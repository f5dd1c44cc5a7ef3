"""The data set on disk: the layout of AffectNet 2017, with region maps and all parameters of each face."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ganbench.data.faces.face import Face
from ganbench.data.faces.head import load_head
from ganbench.data.faces.renderer import RENDERER_VERSION, check_size, render
from ganbench.data.faces.sample import sample_face
from ganbench.devices import cores
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.parsing import is_folder
from ganbench.storage.root import using_cache
from ganbench.storage.source import code_hash
from ganbench.storage.store import touch
from ganbench.text import shown

if TYPE_CHECKING:
    from ganbench.stopwatch import Progress

TABLES = {"train": "training.csv", "test": "validation.csv"}  # AffectNet's names
MOST = 1_000_000  # pictures in a split: a day of rendering
SUMS = "SHA256SUMS"  # of all other files, as sha256sum writes and checks it
CHUNK = 64  # pictures handed to the threads at a time


@dataclass(frozen=True)
class FacesConfig:
    """Which data set: pictures in each split, their side in pixels, and the seed.

    Raises:
        BadInput: a number of pictures, a size or a seed is out of range.
    """

    train: int = 7000
    test: int = 700
    size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            count = getattr(self, name)
            if count > MOST:
                raise BadInput(f"too many {name} pictures: {shown(count)}; use at most {MOST:,}")
            if count < len(EMOTIONS):
                raise BadInput(f"too few {name} pictures: {count}; use 7 or more, one an emotion")
        check_size(self.size)
        if self.seed < 0:
            raise BadInput(f"negative seed: {self.seed}; use 0 or more")
        if self.seed >= 2**63:
            raise BadInput(f"seed out of range: {shown(self.seed)}; use less than 2**63")


def split_faces(config: FacesConfig, split: str) -> Iterator[Face]:
    """The faces of a split, train or test, in order; picture i shows emotion i % 7."""
    count = config.train if split == "train" else config.test
    for i in range(count):
        yield sample_face(config.seed, split, i, EMOTIONS[i % len(EMOTIONS)])


def _save(face: Face, size: int, files: tuple[Path, Path]) -> list[str]:
    """Render a face into two PNG files, the picture and its region map; the sha256 of each."""
    hashes = []
    for path, pixels in zip(files, render(face, size), strict=True):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
        path.write_bytes(file.getvalue())
        hashes.append(hashlib.sha256(file.getvalue()).hexdigest())
    return hashes


def _write_split(
    config: FacesConfig,
    split: str,
    folder: Path,
    pool: ThreadPoolExecutor,
    report: Callable[[int], None],
) -> None:
    for kind in ("images", "regions"):
        (folder / kind / split).mkdir(parents=True)
    hashes: dict[Path, str] = {}
    listed = folder / TABLES[split]
    with open(listed, "w", newline="", encoding="utf-8") as stream:
        table: csv.DictWriter[str] | None = None
        numbered = enumerate(split_faces(config, split))
        while chunk := list(itertools.islice(numbered, CHUNK)):
            jobs = []
            for i, face in chunk:
                name = f"{split}/{i:06d}.png"
                files = (folder / "images" / name, folder / "regions" / name)
                jobs.append((files, pool.submit(_save, face, config.size, files)))
                row: dict[str, Any] = {
                    "subDirectory_filePath": name,
                    "expression": EMOTIONS.index(face.emotion),
                    "regions_filePath": name,
                    **face.to_row(),
                }
                if table is None:
                    table = csv.DictWriter(stream, list(row), lineterminator="\n")
                    table.writeheader()
                table.writerow(row)
            for files, job in jobs:
                hashes |= zip(files, job.result(), strict=True)
                report(1)
    hashes[listed] = hashlib.sha256(listed.read_bytes()).hexdigest()
    with open(folder / SUMS, "a", encoding="utf-8") as sums:
        for path, value in sorted(hashes.items()):
            sums.write(f"{value}  {path.relative_to(folder).as_posix()}\n")


def build(
    config: FacesConfig, folder: Path, progress: Progress | None = None, workers: int | None = None
) -> Path:
    """Write the data set; ``folder`` appears complete or not at all.

    Args:
        config: of the data set. The bytes depend on it alone, not on the number of workers.
        folder: must not exist yet, or be empty.
        progress: called with (pictures done, pictures in total).
        workers: number of threads; None takes one a core.

    Returns:
        The folder, with training.csv, validation.csv, images/, regions/ and SHA256SUMS.

    Raises:
        BadInput: the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"not an empty folder: {folder}; choose a new one or empty it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    total, done = config.train + config.test, 0

    def report(step: int) -> None:
        nonlocal done
        done += step
        if progress is not None:
            progress(done, total)

    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with ThreadPoolExecutor(workers or cores()) as pool:
            for split in TABLES:
                _write_split(config, split, partial, pool, report)
        partial.chmod(0o755)  # mkdtemp makes it private
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder


def sums(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a data set when it was built, by name; empty if that is unknown."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: value for value, _, name in (line.partition("  ") for line in lines)}


def changed(folder: Path) -> list[str]:
    """The files of a data set that changed since it was built."""
    return [name for name, value in sums(folder).items() if _file_hash(folder / name) != value]


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def ensure_built(config: FacesConfig, cache_root: Path, progress: Progress | None = None) -> Path:
    """The folder of the data set below ``cache_root``, built if it is missing.

    If two processes ask at once, both build, and both use the folder of the first to finish.
    """
    # The name depends on the code, too: old pictures are not used again after a change to the renderer
    # that did not raise its version. The fingerprint in results does not depend on the code.
    parts = [
        RENDERER_VERSION,
        load_head().sha256,
        dataclasses.astuple(config),
        code_hash([__name__]),
    ]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    folder = cache_root / f"faces-{key[:16]}"
    if not is_folder(folder):
        try:
            with using_cache(cache_root):
                build(config, folder, progress)
        except BadInput:
            if not folder.is_dir():
                raise
    touch(folder)
    return folder
