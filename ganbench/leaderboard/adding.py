"""A row for a leaderboard from the folder of a run: small files, with a sample of the edits as proof."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from ganbench.data import pictures
from ganbench.data.export import check_folder
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.gate.folder import MANIFEST
from ganbench.gate.predictions import PREDICTIONS, to_npz
from ganbench.leaderboard.rows import Row, read_manifest, read_rows
from ganbench.report.sprites import sprite_name
from ganbench.storage.store import write_atomic
from ganbench.submission.rows import RESULTS
from ganbench.submission.scorer import PICTURES
from ganbench.submission.survey import picture_hash, read_picture
from ganbench.submission.tasks import task_id
from ganbench.submission.verification import rows_of

# The folder of a row that holds its sample of edits, and the number of images in it.
EDITS, SAMPLE = "edits", 7

# What a row keeps of the manifest of its run: not the machine, and no times.
KEPT = ("schema", "ganbench", "command", "finished", "seed", "protocol_hash", "left_out", "notes", "python", "packages")  # fmt: skip


def sample_of(hashes: Mapping[str, str], images: int) -> list[int]:
    """The images whose seven edits prove a row: drawn by the hashes of all edits, so that nobody can choose them.

    Args:
        hashes: the hash of each edit by task.
        images: number of images.

    Returns:
        Rows of the data set, in their order; all of them if there are fewer than ``images``.
    """
    everything = hashlib.sha256("".join(hashes[name] for name in sorted(hashes)).encode())

    def drawn(row: int) -> str:
        return hashlib.sha256(f"{everything.hexdigest()} {row}".encode()).hexdigest()

    return sorted(sorted(rows_of(hashes), key=drawn)[:images])


def add(
    run: Path, to: Path, edits: Path | None = None, images: int = SAMPLE, force: bool = False
) -> list[Path]:
    """Write a folder for each row of a run: what a pull request to a leaderboard adds.

    Args:
        run: the folder of ``ganbench score`` or ``ganbench eval``.
        to: folder of the results, in which each row gets a folder of its label.
        edits: the folder that was scored; a run of ``ganbench eval`` has none.
        images: number of images whose edits are added.
        force: replace a folder of the same name.

    Returns:
        The folders.

    Raises:
        BadInput: the run is damaged or adds no row, ``edits`` is missing or is not what was scored, or a folder
            exists.
    """
    rows = read_rows(run)
    if not rows:
        raise BadInput(
            f"no row to add in: {run}; all of its rows are reference values of the protocol"
        )
    if any(row.hashes for row in rows) and edits is None:
        raise BadInput(f"no edits for: {run}; give --edits, the folder that was scored")
    written = []
    for row in rows:
        target = to / row.label
        check_folder(target, force)
        files = _files(run, row, sample_of(row.hashes, images), edits)
        for name, content in files.items():
            write_atomic(target / name, content)
        for stale in (
            path for path in (target / EDITS).glob("*") if f"{EDITS}/{path.name}" not in files
        ):
            stale.unlink()
        written.append(target)
    return written


def _files(run: Path, row: Row, sample: Sequence[int], edits: Path | None) -> dict[str, bytes]:
    """The files of a row by name, the manifest last."""
    files = {
        RESULTS: row.run.results.to_json().encode(),
        PREDICTIONS: to_npz(row.run.predictions, row.run.results.records),
        **{sprite_name(source): webp for source, webp in row.sprites.items()},
    }
    if row.hashes:
        files[PICTURES] = (run / PICTURES).read_bytes()
    for image in sample:
        for target in range(len(EMOTIONS)):
            assert edits is not None
            name = task_id(image, target)
            files[f"{EDITS}/{name}.png"] = _png(edits / f"{name}.png", row.hashes[name])
    manifest = read_manifest(run)
    kept = {key: manifest[key] for key in KEPT if key in manifest}
    kept["files"] = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    files[MANIFEST] = json.dumps(kept, indent=1).encode() + b"\n"
    return files


def _png(path: Path, known: str) -> bytes:
    """An edit as a small PNG without whatever else its file holds."""
    try:
        pixels = read_picture(path)
    except pictures.UNREADABLE as error:
        raise BadInput(
            f"cannot read: {path} ({pictures.why_unreadable(error)}); give the folder that was scored"
        ) from error
    if picture_hash(pixels) != known:
        raise BadInput(f"not the picture that was scored: {path}; give the folder that was scored")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()
