"""Proof of a row: whether a run folder of ``ganbench score`` tells the truth about a folder of edits."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench import parsing
from ganbench.data import pictures
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.evaluation import protocol
from ganbench.gate.comparison import load
from ganbench.gate.folder import MANIFEST, files_of
from ganbench.gate.predictions import PREDICTIONS
from ganbench.judges.interface import ask
from ganbench.parsing import user_path
from ganbench.protocols import FOLDER, list_protocols
from ganbench.records import Results
from ganbench.stopwatch import Progress
from ganbench.storage.store import digest
from ganbench.submission.opened import Opened
from ganbench.submission.scorer import PART, PICTURES, fingerprint_of
from ganbench.submission.survey import at_size, picture_hash, read_picture
from ganbench.submission.tasks import task_id
from ganbench.text import clipped, plural

# Two verdicts on one picture may differ between machines if the judge hardly prefers one emotion: the logits
# of the shipped judges differ by 1e-5 at most.
NEAR = 1e-3


@dataclass(frozen=True)
class Verified:
    """What a verification found.

    Attributes:
        pictures: number of pictures that were looked at, of ``of`` pictures of the run.
        of: number of pictures of the run.
        faults: what is wrong, a line each; empty if the run tells the truth.
    """

    pictures: int
    of: int
    faults: tuple[str, ...]


def protocol_of(run: str | Path) -> str:
    """The name of the protocol of a run, which may be about a part of it.

    Raises:
        BadInput: the run cannot be read, or is of a user's own data.
    """
    name = Results.load(user_path(run)).protocol_name.removeprefix(PART).split(":")[0]
    if name not in list_protocols():
        raise BadInput(
            f"a run of no named protocol: {clipped(str(run))}; give --protocol {FOLDER}, and --data and "
            "--root of its data"
        )
    return name


def read_hashes(folder: Path, results: Results) -> tuple[str, dict[str, str]]:
    """The label of the row that was scored, and the hash of each of its pictures by task.

    Rows of ``--beside`` stand in the results, too; the file of the pictures is about one of them.

    Raises:
        BadInput: the run is not of ``ganbench score``, or the file is missing or damaged, or is not the file that
            the results were made with.
    """
    named = {
        label: facts["pictures"] for label, facts in results.methods.items() if "pictures" in facts
    }
    if not named:
        raise BadInput(f"not a run of ganbench score: {folder}; give the folder that it wrote")
    try:
        text = parsing.read_text(folder / PICTURES)
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except (parsing.Refused, csv.Error) as error:
        raise BadInput(
            f"cannot read: {folder / PICTURES} ({parsing.why(error)}); give the folder of ganbench score"
        ) from error
    if lines[:1] != [["id", "sha256"]] or any(len(line) != 2 for line in lines):
        raise BadInput(f"not the pictures of a run: {folder / PICTURES}; score again")
    found = {name: value for name, value in lines[1:]}
    hashed = digest(found)
    for label, known in named.items():
        if known == hashed:
            return label, found
    raise BadInput(
        f"{PICTURES} and results.json disagree: {folder}; the files are of different runs: score again"
    )


def verify(
    run: str | Path,
    folder: str | Path,
    opened: Opened,
    *,
    images: int | None = 20,
    seed: int = 0,
    only: Collection[int] | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Compare a run folder with a folder of edits: the hash of each picture, and the judge's verdict on it.

    Args:
        run: the folder that ``ganbench score`` wrote.
        folder: of the edits.
        opened: the protocol of the run.
        images: number of images whose seven edits are looked at, drawn at random; None takes all.
        seed: of the choice of images.
        only: the rows of the data set that are looked at, instead of a choice.
        progress: called with (done, total) images.

    Raises:
        BadInput: the run is damaged, or is of another protocol.
    """
    place, source = user_path(run), user_path(folder)
    loaded = load(place)
    results = loaded.results
    _check_manifest(place)
    label, hashes = read_hashes(place, results)
    rows = rows_of(hashes)
    if not rows or rows[-1] >= len(opened.dataset):
        raise BadInput(f"{PICTURES} of {run} names other tasks than {opened.name}; score again")
    if not _of(results, opened, rows):
        raise BadInput(
            f"the run is of {results.protocol_name}, not of {opened.name}; give its --protocol"
        )
    judged = loaded.predictions.get(label)
    if judged is None or len(judged) != len(rows):
        raise BadInput(
            f"no verdicts on {plural(len(rows), 'image')} in: {place / PREDICTIONS}; give the folder that "
            "ganbench score wrote, as it is"
        )
    order = np.array(rows)[protocol.order(opened.dataset.labels[rows])]
    chosen = np.arange(len(order))
    if only is not None:
        chosen = np.flatnonzero(np.isin(order, list(only)))
    elif images is not None and images < len(order):
        random = np.random.default_rng(seed)
        chosen = np.sort(random.choice(len(order), images, replace=False))
    faults: list[str] = []
    for done, place_of in enumerate(chosen.tolist(), 1):
        names = [task_id(int(order[place_of]), target) for target in range(len(EMOTIONS))]
        faults += _look(source, names, hashes, judged[place_of], opened)
        if progress is not None:
            progress(done, len(chosen))
    return Verified(len(chosen) * len(EMOTIONS), len(hashes), tuple(faults))


def rows_of(hashes: Mapping[str, str]) -> list[int]:
    """The rows of the data set that hashes are about, in their order; empty if they name other things than tasks.

    Args:
        hashes: of each picture by task, as ``read_hashes`` returns them.
    """
    rows = sorted({int(name.split("-")[0]) for name in hashes if re.match("[0-9]{1,9}-", name)})
    wanted = {task_id(row, target) for row in rows for target in range(len(EMOTIONS))}
    return rows if wanted == hashes.keys() else []


def _of(results: Results, opened: Opened, rows: list[int]) -> bool:
    """Whether the results are about these rows of the protocol's data, and by its judge."""
    known = {
        "data": fingerprint_of(opened.dataset, rows),
        "judge": opened.judge.spec.fingerprint,
    }
    told = {key: results.protocol.get(key) for key in known}
    return all(
        isinstance(facts, dict) and facts.get("fingerprint") == known[key]
        for key, facts in told.items()
    )


def _check_manifest(folder: Path) -> None:
    """Refuse a run folder whose manifest does not name the pictures' file as it is."""
    known = files_of(folder).get(PICTURES)
    try:
        now = hashlib.sha256(parsing.read_bytes(folder / PICTURES)).hexdigest()
    except parsing.Refused:
        return  # ``read_hashes`` tells why
    if known != now:
        raise BadInput(
            f"run folder is not whole: {folder / PICTURES} is not the file that {MANIFEST} names; score again"
        )


def _look(
    source: Path,
    names: list[str],
    hashes: dict[str, str],
    judged: NDArray[np.int8],
    opened: Opened,
) -> list[str]:
    """The faults of the seven edits of one image; ``judged`` [7] are the run's verdicts on them."""
    faults: list[str] = []
    edits: list[NDArray[Any] | None] = []
    for name in names:
        try:
            pixels = read_picture(source / f"{name}.png")
        except pictures.UNREADABLE as error:
            faults.append(f"{name}.png cannot be read ({pictures.why_unreadable(error)})")
            edits.append(None)
            continue
        if picture_hash(pixels) != hashes[name]:
            faults.append(f"{name}.png is not the picture that was scored")
            edits.append(None)
            continue
        edits.append(at_size(pixels, opened.dataset.size))
    known = [target for target, edit in enumerate(edits) if edit is not None]
    if known:
        stack = np.stack([edit for edit in edits if edit is not None]).transpose(0, 3, 1, 2)
        images = torch.from_numpy(np.ascontiguousarray(stack)).float().div_(255)
        logits = ask(opened.judge, images, opened.judge.spec).logits.numpy()
        for target, row in zip(known, logits, strict=True):
            told = int(judged[target])
            if not 0 <= told < len(row) or row.max() - row[told] > NEAR:
                seen = EMOTIONS[int(row.argmax())]
                said = EMOTIONS[told] if 0 <= told < len(EMOTIONS) else told
                faults.append(f"{names[target]}.png is judged as {seen}, and the run says {said}")
    return faults
