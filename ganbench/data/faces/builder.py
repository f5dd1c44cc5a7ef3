"""The data set on disk: the layout of AffectNet 2017, plus regions and the whole truth."""

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
from typing import Any

from PIL import Image

from ganbench.data.faces.face import Face
from ganbench.data.faces.head import load_head
from ganbench.data.faces.renderer import RENDERER_VERSION, check_size, render
from ganbench.data.faces.sample import sample_face
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.parsing import is_folder
from ganbench.storage.root import using_cache
from ganbench.storage.source import code_hash
from ganbench.storage.store import touch
from ganbench.text import shown

Progress = Callable[[int, int], None]
TABLES = {"train": "training.csv", "test": "validation.csv"}  # AffectNet's names
SUFFIX = {"png": ".png", "jpeg": ".jpg"}
MOST = 1_000_000  # pictures in a split: a day of rendering
SUMS = "SHA256SUMS"  # of all other files, as sha256sum writes and checks it
CHUNK = 64  # pictures handed to the threads at a time


@dataclass(frozen=True)
class FacesConfig:
    """Which data set: numbers of pictures, side in pixels, seed, and the format of the pictures.

    Raises:
        BadInput: fewer than one picture a class, a size that cannot be rendered, a negative seed,
            or an unknown format.
    """

    train: int = 7000
    test: int = 700
    size: int = 64
    seed: int = 0
    images: str = "png"  # or jpeg, quality 95

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
        if self.images not in SUFFIX:
            raise BadInput(f"unknown picture format: {self.images!r}; use png or jpeg")


def faces_fingerprint(config: FacesConfig) -> str:
    """sha256 over all that decides the pictures: renderer, head model, configuration."""
    parts = {"renderer": RENDERER_VERSION, "head": load_head().sha256}
    text = json.dumps(parts | dataclasses.asdict(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def split_faces(config: FacesConfig, split: str) -> Iterator[Face]:
    """The faces of a split, train or test, in order; picture i shows emotion i % 7."""
    count = config.train if split == "train" else config.test
    for i in range(count):
        yield sample_face(config.seed, split, i, EMOTIONS[i % len(EMOTIONS)])


def _save(face: Face, config: FacesConfig, picture: Path, mask: Path) -> dict[Path, str]:
    """Render a face and write both files; the sha256 of each."""
    image, regions = render(face, config.size)
    if config.images == "jpeg":
        options: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0}
    else:
        options = {"format": "PNG", "compress_level": 1}
    hashes = {}
    for path, pixels, how in (
        (picture, image, options),
        (mask, regions, {"format": "PNG", "compress_level": 1}),
    ):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, **how)
        path.write_bytes(file.getvalue())
        hashes[path] = hashlib.sha256(file.getvalue()).hexdigest()
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
    with open(folder / TABLES[split], "w", newline="", encoding="utf-8") as stream:
        table: csv.DictWriter[str] | None = None
        numbered = enumerate(split_faces(config, split))
        while chunk := list(itertools.islice(numbered, CHUNK)):
            jobs = []
            for i, face in chunk:
                name = f"{split}/{i:06d}"
                files: dict[str, Any] = {
                    "subDirectory_filePath": name + SUFFIX[config.images],
                    "expression": EMOTIONS.index(face.emotion),
                    "regions_filePath": f"{name}.png",
                }
                jobs.append(
                    pool.submit(
                        _save,
                        face,
                        config,
                        folder / "images" / files["subDirectory_filePath"],
                        folder / "regions" / files["regions_filePath"],
                    )
                )
                row = files | face.to_row()
                if table is None:
                    table = csv.DictWriter(stream, list(row), lineterminator="\n")
                    table.writeheader()
                table.writerow(row)
            for job in jobs:
                hashes |= job.result()
                report(1)
    table_path = folder / TABLES[split]
    hashes[table_path] = hashlib.sha256(table_path.read_bytes()).hexdigest()
    with open(folder / SUMS, "a", encoding="utf-8") as sums:
        for path, value in sorted(hashes.items()):
            sums.write(f"{value}  {path.relative_to(folder).as_posix()}\n")


def build(
    config: FacesConfig, folder: Path, progress: Progress | None = None, workers: int | None = None
) -> Path:
    """Write the data set; ``folder`` appears complete or not at all.

    Args:
        config: what to draw. The bytes depend on it alone, not on the number of workers.
        folder: must not exist yet, or be an empty directory.
        progress: called with (pictures done, pictures in total).
        workers: threads; all cores by default.

    Returns:
        The folder, with training.csv, validation.csv, images/, regions/ and SHA256SUMS.

    Raises:
        BadInput: the folder holds something already.
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
        with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
            for split in TABLES:
                _write_split(config, split, partial, pool, report)
        partial.chmod(0o755)  # mkdtemp makes it private
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder


def sums(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a data set when it was made, by name; empty if that is not known."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: value for value, _, name in (line.partition("  ") for line in lines)}


def changed(folder: Path) -> list[str]:
    """The files of a data set that are not what they were when it was made."""
    return [name for name, value in sums(folder).items() if _file_hash(folder / name) != value]


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def ensure_built(config: FacesConfig, cache_root: Path, progress: Progress | None = None) -> Path:
    """The folder of the data set below ``cache_root``, built if it is missing.

    Two processes may ask at once: both build, the first to finish wins, the other uses its folder.
    """
    # The name also covers the code, so that a change to the renderer that forgot to raise its version
    # cannot leave old pictures behind; the fingerprint, which results carry, does not.
    key = faces_fingerprint(config) + code_hash([__name__])
    folder = cache_root / f"faces-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if not is_folder(folder):
        try:
            with using_cache(cache_root):
                build(config, folder, progress)
        except BadInput:
            if not folder.is_dir():
                raise
    touch(folder)
    return folder
