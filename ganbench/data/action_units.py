"""Action units of a list: their scale, and their faults."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ganbench.errors import BadInput
from ganbench.text import plural

# OpenFace 2's intensity outputs, in its order; the columns are called AU01_r ... AU45_r.
ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
AU_COLUMNS = tuple(f"AU{unit:02d}_r" for unit in ACTION_UNITS)
# OpenFace's intensities end at 5, the FACS level E; other programs divide them by 5.
SCALES = (5.0, 1.0)
# The scale ends at 1 if at least ROWS rows have no value above 1, but one above ONE_SIDED. On OpenFace's
# scale 1 is a trace, and so many pictures without a stronger expression are improbable.
ROWS, ONE_SIDED = 100, 0.5


class UnknownScale(BadInput):
    """The action units do not tell the end of their scale."""


def read_units(
    frame: pd.DataFrame, where: str, scale: float | None = None
) -> tuple[NDArray[np.float32] | None, float]:
    """The action units of a list's rows.

    Args:
        frame: with columns ``path`` and ``AU01_r`` ...
        where: the name of the list in messages.
        scale: the largest value of the scale, 5 or 1; None finds it out: it is 5 if a value is above
            1, and 1 if at least 100 rows have no value above 1, but one above 0.5.

    Returns:
        float32 [N, 17] in [0, 1], and the scale; None without these columns.

    Raises:
        BadInput: a column is missing, a value is no number or out of range, OpenFace found no face, a
            path stands twice with different units, or the scale is unknown.
    """
    present = [column for column in AU_COLUMNS if column in frame]
    if not present:
        return None, SCALES[0]
    if len(present) < len(AU_COLUMNS):
        missing = ", ".join(column for column in AU_COLUMNS if column not in present)
        raise BadInput(
            f"{where} has {len(present)} of OpenFace's 17 action unit columns; missing: {missing}; "
            "add them or remove the others"
        )
    paths = [str(path) for path in frame["path"]]
    _refuse_failures(frame, paths, where)
    values = numbers(frame, AU_COLUMNS)
    if len(bad := np.argwhere(~np.isfinite(values))):
        row, column = bad[0].tolist()
        raise BadInput(
            f"{AU_COLUMNS[column]} of {paths[row]!r} is {frame[AU_COLUMNS[column]].iat[row]!r}, "
            "not a number; run the extractor again on this image or remove its row"
        )
    scale = _scale(values, where) if scale is None else scale
    if len(bad := np.argwhere((values < 0) | (values > scale))):
        row, column = bad[0].tolist()
        other = " or give --au-scale 5" if scale == 1 and values.max() <= SCALES[0] else ""
        raise BadInput(
            f"{AU_COLUMNS[column]} of {paths[row]!r} is {values[row, column]:g}, outside 0 to {scale:g} "
            f"({len(np.unique(bad[:, 0]))} of {plural(len(values), 'row')} of {where} have such values); mend or "
            f"remove them{other}"
        )
    _refuse_contradictions(values, paths, where)
    return (values / scale).astype(np.float32), scale


def numbers(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Columns of a frame as float64 [N, columns]; NaN where a cell holds no number."""
    found = frame[list(columns)].apply(pd.to_numeric, errors="coerce")
    values: NDArray[np.float64] = found.to_numpy(dtype=np.float64)
    return values


def parse_units(text: str) -> list[float]:
    """``"AU12=.8,AU06=.5"`` -> the 17 intensities in [0, 1]; units that are not named are 0.

    Raises:
        BadInput: the text has another form, a unit is unknown or stands twice, or a value is out of
            range.
    """
    values = dict.fromkeys(ACTION_UNITS, 0.0)
    seen = set()
    for part in text.split(","):
        name, _, given = (piece.strip() for piece in part.partition("="))
        digits = name.upper().removeprefix("AU").removesuffix("_R")
        unit = int(digits) if digits.isdecimal() and len(digits) < 4 else -1
        if unit not in values:
            known = ", ".join(f"AU{number:02d}" for number in ACTION_UNITS)
            raise BadInput(f"unknown action unit: {name!r} in {text!r}; known: {known}")
        if unit in seen:
            raise BadInput(f"AU{unit:02d} stands twice in {text!r}; give it one value")
        try:
            value = float(given)
        except ValueError:
            raise BadInput(
                f"no value for AU{unit:02d} in {text!r}; write AU12=0.8,AU06=0.5"
            ) from None
        if not 0 <= value <= 1:
            raise BadInput(
                f"AU{unit:02d} must be in 0 to 1: {given}; divide OpenFace's intensities by 5"
            )
        seen.add(unit)
        values[unit] = value
    return list(values.values())


def _scale(values: NDArray[np.float64], where: str) -> float:
    highest = values.max(initial=0.0)
    if highest > 1 or highest <= 0:
        return SCALES[0]
    if len(values) >= ROWS and highest > ONE_SIDED:
        return SCALES[1]
    raise UnknownScale(
        f"the action units of {where} end at {highest:g} in {plural(len(values), 'row')}, so they may be "
        "OpenFace's (0 to 5, and hardly any expression) or divided by 5 already; say which: "
        "--au-scale 5 or --au-scale 1"
    )


def _refuse_failures(frame: pd.DataFrame, paths: Sequence[str], where: str) -> None:
    """Refuse rows where OpenFace found no face: it writes zeros, and 0 in the column ``success``."""
    if "success" not in frame:
        return
    failed = np.flatnonzero(numbers(frame, ["success"])[:, 0] == 0)
    if len(failed):
        raise BadInput(
            f"OpenFace found no face in {len(failed)} of {plural(len(paths), 'image')} of {where} (success is 0), "
            f"first {paths[failed[0]]!r}: their action units mean nothing; remove these rows"
        )


def _refuse_contradictions(values: NDArray[np.float64], paths: Sequence[str], where: str) -> None:
    first: dict[str, int] = {}
    for row, path in enumerate(paths):
        before = first.setdefault(path, row)
        if before != row and not np.array_equal(values[before], values[row]):
            column = int(np.flatnonzero(values[before] != values[row])[0])
            raise BadInput(
                f"{path!r} stands twice in {where} with different action units: {AU_COLUMNS[column]} is "
                f"{values[before, column]:g} in row {before + 1} and {values[row, column]:g} in row "
                f"{row + 1} of those used; keep one of them"
            )
