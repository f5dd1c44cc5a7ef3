"""Metrics of pixels: background change and ground-truth error, from distances that the jobs computed."""

from __future__ import annotations

import numpy as np

from ganbench.metrics import METRICS, feature_distances, relative_distance
from ganbench.metrics.gt_error import REGIONS
from ganbench.records import Record
from ganbench.scoring.interface import BY_TARGET, Metric, MetricInputs, record
from ganbench.scoring.intervals import over_images, ratio_over_images


class Background(Metric):
    """Mean change outside the face; it has no value where the data have no face masks."""

    specs = (METRICS["background"],)
    sources = ("truth", "method")

    def score(self, inputs: MetricInputs) -> list[Record]:
        """One record."""
        (spec,), edits = self.specs, inputs.edits
        if "background" not in edits:
            n = inputs.judged.size
            return [record(spec, inputs.method, None, n, note="the data have no face masks")]
        change = edits["background"]
        known = ~np.isnan(change)
        value = float(change[known].mean()) if known.any() else None
        limits = over_images(inputs.labels, change, known)
        return [record(spec, inputs.method, value, int(known.sum()), **limits)]


class GroundTruthError(Metric):
    """Distance to the true edit relative to the unedited input, over edits to another emotion.

    The headline is about the whole image, and the variants are about regions and the judge's features.
    """

    specs = (METRICS["gt_error"],)

    def score(self, inputs: MetricInputs) -> list[Record]:
        """A record for each region and target; a single one without a value where no true edit is known."""
        (spec,), truth, n = self.specs, inputs.true_edits, inputs.judged.size
        if truth is None:
            note = "photographs have no true edits"
            return [record(spec, inputs.method, None, n, note=note)]
        edits, start = inputs.edits, inputs.real["features"][:, None]
        distances = {
            region: (edits["gt_distance"][..., i], truth["gt_distance"][..., i])
            for i, region in enumerate(REGIONS)
        }
        distances["features"] = (
            feature_distances(edits["features"], truth["features"]),
            feature_distances(start, truth["features"]),
        )
        records = []
        for region, (edited, unedited) in distances.items():
            floor = {"nothing_to_do": 0.0} if region == "features" else {}
            for c, column in BY_TARGET:
                chosen, before = inputs.changed[:, column], unedited[:, column]
                after = edited[:, column]
                value = relative_distance(after[chosen], before[chosen], **floor)
                limits = (
                    {} if value is None else ratio_over_images(inputs.labels, after, before, chosen)
                )
                records.append(
                    record(
                        spec,
                        inputs.method,
                        value,
                        int(chosen.sum()),
                        c,
                        variant="" if region == "all" else region,
                        note="" if value is not None else "the inputs are already right there",
                        **limits,
                    )
                )
        return records
