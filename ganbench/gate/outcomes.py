"""The evidence for paired tests, kept beside ``results.json``.

For accuracy it is what the judge saw in every edit, for the other values over all emotions how they
move with parts of the images.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.records import Record, Results

OUTCOMES = "outcomes.npz"

Outcomes = Mapping[str, NDArray[np.int8]]
"""For each method int8 [N, 7]: the judged emotion of each test image's edit to each target.

The images come in the order of the protocol, so that of two runs of one protocol row i is one image.
"""


def to_npz(outcomes: Outcomes, records: Iterable[Record] = ()) -> bytes:
    """The bytes of ``outcomes.npz``; equal for equal outcomes and records.

    Beside the outcomes of each method, for each headline among the records that has deviations an
    array ``method/metric``, float32 [1 + R]: the value and the deviations.
    """
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: array.astype(np.int8) for name, array in outcomes.items()}
    for r in records:
        if r.headline and r.deviations:
            arrays[f"{r.method}/{r.metric}"] = np.array([r.value, *r.deviations], np.float32)
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read_outcomes(path: Path, results: Results) -> tuple[Results, dict[str, NDArray[np.int8]]]:
    """The results with their deviations, and the outcomes in ``path``; none if there is no such file.

    Raises:
        BadInput: no outcomes, or not those that ``results`` were computed from.
    """
    if not path.is_file():
        return results, {}
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"cannot read outcomes: {path} ({error}); evaluate again") from error
    judged = {name: array for name, array in arrays.items() if "/" not in name}
    for name, array in judged.items():
        _check_judged(name, array, results, path)
    moved = {name: array for name, array in arrays.items() if "/" in name}
    for name, array in moved.items():
        _check_deviations(name, array, results, path)
    records = [
        replace(r, deviations=tuple(moved[f"{r.method}/{r.metric}"][1:].tolist()))
        if r.headline and f"{r.method}/{r.metric}" in moved
        else r
        for r in results.records
    ]
    return replace(results, records=tuple(records)), judged


def _check_judged(name: str, judged: NDArray[Any], results: Results, path: Path) -> None:
    if judged.dtype != np.int8 or judged.ndim != 2 or judged.shape[1] != len(EMOTIONS):
        raise BadInput(
            f"outcomes of {name} are {judged.dtype} {list(judged.shape)} in: {path}; they must "
            f"be int8 [images, {len(EMOTIONS)}]: evaluate again"
        )
    record = results.find(name, "accuracy")
    accuracy = 100 * right(judged).mean() if len(judged) else None
    if (
        record is None
        or record.value is None
        or accuracy is None
        or len(judged) != record.n
        or abs(accuracy - record.value) > 1e-6
    ):
        raise _disagree(name, path)


def _check_deviations(name: str, array: NDArray[Any], results: Results, path: Path) -> None:
    if array.dtype != np.float32 or array.ndim != 1 or not np.isfinite(array).all():
        raise BadInput(
            f"deviations of {name} are {array.dtype} {list(array.shape)} in: {path}; they must be "
            "finite float32 [1 + parts]: evaluate again"
        )
    record = results.find(*name.split("/", 1))
    if record is None or record.value is None or not len(array):
        raise _disagree(name, path)
    if not np.isclose(array[0], record.value, rtol=1e-6, atol=0):
        raise _disagree(name, path)


def _disagree(name: str, path: Path) -> BadInput:
    return BadInput(
        f"outcomes and results of {name} disagree: {path}; the files are of different runs: "
        "evaluate again, or remove the outcomes"
    )


def right(judged: NDArray[np.int8]) -> NDArray[np.int64]:
    """1 where the judge saw the target, else 0; int64 [N, 7]."""
    return np.asarray(judged == np.arange(len(EMOTIONS)), np.int64)
