"""Headlines by subgroup: by properties of the rendered person and scene, such as age, pose and light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganbench.records import Record, group_variant
from ganbench.scoring.interface import Metric, MetricInputs
from ganbench.scoring.selection import score

# A group of fewer images has no numbers: its intervals would be as wide as the range of the metrics.
LEAST = 10


def group_records(
    metrics: Sequence[Metric],
    inputs: MetricInputs,
    groups: Mapping[str, NDArray[np.str_]],
) -> list[Record]:
    """The headlines of one source of images for each group of test images.

    Distances of sets have no such records, because they depend on the number of images, and neither have
    metrics of few extra edits (``Metric.by_group``).

    Args:
        groups: for each property, such as ``"pose"``, the group of each image [N].

    Returns:
        Records with the variant ``"by pose: turned"``, without influence values.
    """
    records = []
    for name, of_images in groups.items():
        for group in sorted(set(of_images.tolist())):
            rows = of_images == group
            if rows.sum() < LEAST:
                continue
            part = inputs.subset(rows)
            for metric in metrics:
                if metric.by_group and not metric.probes:
                    records += [
                        replace(r, variant=group_variant(name, group), influence=None)
                        for r in score(metric, part)
                        if r.headline
                    ]
    return records
