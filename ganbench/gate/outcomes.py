"""What the judge saw in every edit: the evidence for paired tests, kept beside ``results.json``."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.errors import BadInput
from ganbench.records import Results

OUTCOMES = "outcomes.npz"

Outcomes = Mapping[str, NDArray[np.int8]]
"""For each method int8 [N, 7]: the judged emotion of each test image's edit to each target.

The images come in the order of the protocol, so that of two runs of one protocol row i is one image.
"""


def to_npz(outcomes: Outcomes) -> bytes:
    """The bytes of ``outcomes.npz``; equal for equal outcomes."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {name: array.astype(np.int8) for name, array in outcomes.items()}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read_outcomes(path: Path, results: Results) -> dict[str, NDArray[np.int8]]:
    """The outcomes in ``path``; none if there is no such file.

    Raises:
        BadInput: no outcomes, or not those that ``results`` were computed from.
    """
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"cannot read outcomes: {path} ({error}); evaluate again") from error
    for name, judged in found.items():
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
            raise BadInput(
                f"outcomes and results of {name} disagree: {path}; the files are of different runs: "
                "evaluate again, or remove the outcomes"
            )
    return found


def right(judged: NDArray[np.int8]) -> NDArray[np.int64]:
    """1 where the judge saw the target, else 0; int64 [N, 7]."""
    return np.asarray(judged == np.arange(len(EMOTIONS)), np.int64)
