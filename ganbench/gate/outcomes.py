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

from ganbench import parsing
from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.metrics import Moves
from ganbench.records import Record, Results

OUTCOMES = "outcomes.npz"

Outcomes = Mapping[str, NDArray[np.int8]]
"""For each method int8 [N, 7]: the judged emotion of each test image's edit to each target.

The images come in the order of the protocol, so that of two runs of one protocol row i is one image.
"""


def to_npz(outcomes: Outcomes, records: Iterable[Record] = ()) -> bytes:
    """The bytes of ``outcomes.npz``; equal for equal outcomes and records.

    Beside the outcomes of each method, for each headline among the records that knows how it moves an
    array ``method/metric``, float32 [2 + R + P]: R, the value, its moves with R parts, and with P
    pairs of them, which are none or R (R - 1) / 2.
    """
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: array.astype(np.int8) for name, array in outcomes.items()}
    for r in records:
        if r.headline and r.moves is not None and len(r.moves.parts):
            moves = [len(r.moves.parts), r.value, *r.moves.parts, *r.moves.pairs]
            arrays[f"{r.method}/{r.metric}"] = np.array(moves, np.float32)
    # As numpy.savez_compressed, to which a method labelled "file" would be another file to write to.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return file.getvalue()


def read_outcomes(path: Path, results: Results) -> tuple[Results, dict[str, NDArray[np.int8]]]:
    """The results with their moves, and the outcomes in ``path``; none if there is no such file.

    Raises:
        BadInput: no outcomes, or not those that ``results`` were computed from.
    """
    if not path.exists():
        return results, {}
    try:
        arrays = parsing.read_npz(path)
    except parsing.Refused as error:
        raise BadInput(f"cannot read outcomes: {path} ({error}); evaluate again") from error
    judged = {name: array for name, array in arrays.items() if "/" not in name}
    for name, array in judged.items():
        _check_judged(name, array, results, path)
    moves = {
        name: _moves(name, array, results, path) for name, array in arrays.items() if "/" in name
    }
    records = [
        replace(r, moves=moves.get(f"{r.method}/{r.metric}")) if r.headline else r
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


def _moves(name: str, array: NDArray[Any], results: Results, path: Path) -> Moves:
    """How a headline moves, from its array of the file."""
    whole = array.dtype == np.float32 and array.ndim == 1 and len(array) > 2
    parts = int(array[0]) if whole and np.isfinite(array).all() else 0
    if (
        parts < 1
        or parts != array[0]
        or len(array) - 2 - parts not in (0, parts * (parts - 1) // 2)
    ):
        raise BadInput(
            f"moves of {name} are damaged, {array.dtype} {list(array.shape)}, in: {path}; evaluate again"
        )
    record = results.find(*name.split("/", 1))
    known = None if record is None else record.value
    if known is None or not np.isclose(array[1], known, rtol=1e-6, atol=0):
        raise _disagree(name, path)
    moves = array[2:].astype(np.float64)
    return Moves(moves[:parts], moves[parts:])


def _disagree(name: str, path: Path) -> BadInput:
    return BadInput(
        f"outcomes and results of {name} disagree: {path}; the files are of different runs: "
        "evaluate again, or remove the outcomes"
    )


def right(judged: NDArray[np.int8]) -> NDArray[np.int64]:
    """1 where the judge saw the target, else 0; int64 [N, 7]."""
    return np.asarray(judged == np.arange(len(EMOTIONS)), np.int64)
