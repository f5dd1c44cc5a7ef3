"""The shared t-SNE map as data, for the explorer of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganbench.figures.feature_map import Placed

# Places are whole numbers up to this one: finer than a pixel at the largest zoom.
SCALE = 9999

# What the names of sets of codes mean on the page.
CODES = {
    "": "",
    "anchor": "codes of the emotions",
    "noisy": "codes around the means",
    "uniform": "codes uniform over Z",
}


def make_points(placed: Sequence[Placed]) -> dict[str, Any] | None:
    """What ``map.js`` reads, JSON-ready; None without a map.

    Returns:
        ``scale``, and for each cloud its ``method``, ``title`` and ``codes`` in words; ``anchor``, whether its edits
        are those of ``make_edits``; and for each point ``x`` and ``y`` from 0 to ``scale``, y upwards,
        the ``label`` that it shows or should show, and ``row``, see ``Cloud.rows``.
    """
    if not placed:
        return None
    everything = np.concatenate([positions for _, positions in placed])
    low = everything.min(axis=0)
    span = max(float(np.ptp(everything, axis=0).max()), 1e-9)
    # The map keeps its proportions, and lies in the middle.
    shift = (1 - np.ptp(everything, axis=0) / span) / 2
    clouds = []
    for cloud, positions in placed:
        x, y = np.round(SCALE * ((positions - low) / span + shift)).astype(int).T.tolist()
        clouds.append(
            {
                "method": cloud.method,
                "title": cloud.title,
                "codes": CODES.get(cloud.codes, cloud.codes),
                "anchor": cloud.codes == "anchor",
                "x": x,
                "y": y,
                "label": cloud.labels.tolist(),
                "row": [] if cloud.rows is None else cloud.rows.tolist(),
            }
        )
    return {"scale": SCALE, "clouds": clouds}
