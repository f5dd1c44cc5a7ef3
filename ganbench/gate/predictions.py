"""The file ``predictions.npz`` beside ``results.json``, which paired tests of two runs need.

For accuracies it holds the emotion that the judge predicted for every edit, and for all headlines their
influence values.
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
from ganbench.metrics import Influence
from ganbench.records import RENAMED_METRICS, Record, Results

PREDICTIONS = "predictions.npz"
OLD_PREDICTIONS = "outcomes.npz"

Predictions = Mapping[str, NDArray[np.int8]]
"""For each method int8 [N, 7]: the emotion that the judge predicts for each image's edit to each target.

The images are in the order of the protocol, so row i of two runs of one protocol is the same image.
"""


def to_npz(predictions: Predictions, records: Iterable[Record] = ()) -> bytes:
    """The bytes of ``predictions.npz``, which are equal for equal predictions and records.

    Beside the predictions of each method, the file has an array ``method/metric`` for each headline with
    influence values. It is float32 [R + 3] and holds R, the value, the influence values of R parts, and
    the degrees of freedom (``metrics.Influence``).
    """
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: array.astype(np.int8) for name, array in predictions.items()}
    for r in records:
        if r.headline and r.influence is not None and len(r.influence.parts):
            values = [len(r.influence.parts), r.value, *r.influence.parts, r.influence.freedom]
            arrays[f"{r.method}/{r.metric}"] = np.array(values, np.float32)
    # numpy.savez_compressed would take a method labelled "file" for its argument of this name.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return file.getvalue()


def read_predictions(path: Path, results: Results) -> tuple[Results, dict[str, NDArray[np.int8]]]:
    """The results with their influence values, and the predictions in ``path``.

    If ``path`` does not exist, ``outcomes.npz`` in the same folder is read, which is the file's old name.
    Without either file there are no influence values and no predictions.

    Raises:
        BadInput: the file is damaged, or does not belong to ``results``.
    """
    old = not path.exists()
    path = path.with_name(OLD_PREDICTIONS) if old else path
    if not path.exists():
        return results, {}
    try:
        arrays = parsing.read_npz(path)
    except parsing.Refused as error:
        raise BadInput(f"cannot read predictions: {path} ({error}); evaluate again") from error
    judged = {name: array for name, array in arrays.items() if "/" not in name}
    for name, array in judged.items():
        _check_judged(name, array, results, path)
    influence = {}
    for name, array in arrays.items():
        if "/" in name:
            method, metric = name.split("/", 1)
            metric = RENAMED_METRICS.get(metric, metric) if old else metric
            influence[method, metric] = _influence(array, results.find(method, metric), name, path)
    records = [
        replace(r, influence=influence.get((r.method, r.metric))) if r.headline else r
        for r in results.records
    ]
    return replace(results, records=tuple(records)), judged


def _check_judged(name: str, judged: NDArray[Any], results: Results, path: Path) -> None:
    if judged.dtype != np.int8 or judged.ndim != 2 or judged.shape[1] != len(EMOTIONS):
        raise BadInput(
            f"predictions of {name} are {judged.dtype} {list(judged.shape)} in: {path}; they must "
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


def _influence(array: NDArray[Any], record: Record | None, name: str, path: Path) -> Influence:
    """The influence values of a headline, from its array ``name`` in the file.

    Early versions wrote no degrees of freedom, but nothing or the values of R (R - 1) / 2 pairs of parts,
    which are not needed. Their influence values have the opposite sign.
    """
    whole = array.dtype == np.float32 and array.ndim == 1 and len(array) > 2
    parts = int(array[0]) if whole and np.isfinite(array).all() else 0
    if (
        parts < 1
        or parts != array[0]
        or len(array) - 2 - parts not in (0, 1, parts * (parts - 1) // 2)
        or (len(array) - 2 - parts == 1 and array[-1] < 0)
    ):
        raise BadInput(
            f"influence values of {name} are damaged, {array.dtype} {list(array.shape)}, in: {path}; "
            "evaluate again"
        )
    known = None if record is None else record.value
    if known is None or not np.isclose(array[1], known, rtol=1e-6, atol=0):
        raise _disagree(name, path)
    values = array[2:].astype(np.float64)
    if len(values) == parts + 1:
        return Influence(values[:parts], float(values[parts]))
    return Influence(-values[:parts])


def _disagree(name: str, path: Path) -> BadInput:
    return BadInput(
        f"predictions and results of {name} disagree: {path}; the files are of different runs: "
        "evaluate again, or remove the predictions"
    )


def right(judged: NDArray[np.int8]) -> NDArray[np.int64]:
    """int64 [N, 7]: 1 where the judge predicts the target, else 0."""
    return np.asarray(judged == np.arange(len(EMOTIONS)), np.int64)
