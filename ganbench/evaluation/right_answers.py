"""The right answers of a probe, and what the pass measures of edits against them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganbench.metrics.gt_error import gt_distances, joint_regions
from ganbench.metrics.units import unit_position
from ganbench.storage.store import Arrays

Pixels = NDArray[np.float32]


def against(
    answers: Arrays,
    units: Sequence[tuple[int, float]],
    rows: NDArray[np.int64],
    sources: Pixels,
    edits: Pixels,
    regions: NDArray[np.uint8] | None,
) -> Arrays:
    """Distances to the right answers, and positions on the way between them.

    Args:
        answers: ``images`` uint8 [n, P, 3, S, S] and ``regions`` uint8 [n, P, S, S].
        units: of each of the P edits of an image the action unit and its intensity.
        rows: int64 [B], P * image + edit.
        sources: [n, 3, S, S] in [0, 1], the inputs.
        edits: [B, 3, S, S] in [0, 1].
        regions: uint8 [n, S, S], region maps of the inputs; None if these are unknown.

    Returns:
        ``gt_distance`` and ``unedited`` [B, 6], the distances of edit and input to the right answer in
        ``metrics.gt_error.REGIONS``, and ``position`` [B], as of ``unit_position`` between the right
        answers for the least and for the most of the edit's unit.
    """
    image, edit = rows // len(units), rows % len(units)

    def answer(which: NDArray[np.int64]) -> Pixels:
        return answers["images"][image, which].astype(np.float32) / np.float32(255)

    after = answers["regions"][image, edit]
    joint = joint_regions(after if regions is None else regions[image], after)
    source, truth = sources[image], answer(edit)
    line = [source, edits, *(answer(end[edit]) for end in ends(units))]
    return {
        "gt_distance": gt_distances(edits, truth, joint),
        "unedited": gt_distances(source, truth, joint),
        "position": unit_position(*(pixels.reshape(len(rows), -1) for pixels in line)),
    }


def ends(units: Sequence[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each edit the places of those to the least and to the most of the same unit."""
    rising = sorted(range(len(units)), key=lambda place: units[place])
    most = {units[place][0]: place for place in rising}
    least = {units[place][0]: place for place in reversed(rising)}
    low, high = (np.array([of[unit] for unit, _ in units], np.int64) for of in (least, most))
    return low, high
