"""Metrics of pixels, which the pass has reduced to distances: background change and truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS, feature_distances, ratio_interval, relative_distance
from ganbench.metrics.truth import REGIONS
from ganbench.records import Record
from ganbench.scoring.interface import Evidence, Metric, ends, record
from ganbench.scoring.verdicts import MEAN, over_images


class Background(Metric):
    """Mean change outside the face; without a value where the data have no masks."""

    specs = (METRICS["background"],)
    makers = ("truth", "method")

    def score(self, evidence: Evidence) -> list[Record]:
        """One record."""
        (spec,), edits = self.specs, evidence.edits
        if "background" not in edits:
            n = evidence.judged.size
            return [record(spec, evidence.method, None, n, note="the data have no face masks")]
        change = edits["background"]
        known = ~np.isnan(change)
        value = float(change[known].mean()) if known.any() else None
        limits = over_images(change, known)
        return [record(spec, evidence.method, value, int(known.sum()), **limits)]


class Truth(Metric):
    """Distance to the right answer relative to the unedited input, over edits to another emotion.

    By region as variants, the whole image being the one that tables show, and by target.
    """

    specs = (METRICS["truth"],)

    def score(self, evidence: Evidence) -> list[Record]:
        """A record of each region and target; one without a value where right answers are unknown."""
        (spec,), truth, n = self.specs, evidence.truth, evidence.judged.size
        if truth is None:
            note = "photographs have no known right answer"
            return [record(spec, evidence.method, None, n, note=note)]
        edits, start = evidence.edits, evidence.real["features"][:, None]
        distances = {
            region: (edits["truth"][..., i], truth["truth"][..., i])
            for i, region in enumerate(REGIONS)
        }
        distances["features"] = (
            feature_distances(edits["features"], truth["features"]),
            feature_distances(start, truth["features"]),
        )
        found = []
        for region, (edited, unedited) in distances.items():
            floor = {"nothing_to_do": 0.0} if region == "features" else {}
            for c in (None, *range(len(EMOTIONS))):
                chosen = evidence.changed & (True if c is None else np.arange(len(EMOTIONS)) == c)
                value = relative_distance(edited[chosen], unedited[chosen], **floor)
                limits = {} if value is None else relative_over_images(edited, unedited, chosen)
                found.append(
                    record(
                        spec,
                        evidence.method,
                        value,
                        int(chosen.sum()),
                        c,
                        variant="" if region == "all" else region,
                        note="" if value is not None else "the inputs are already right there",
                        **limits,
                    )
                )
        return found


def relative_over_images(
    edited: NDArray[np.float64], unedited: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """The fields of the interval of ``relative_distance``."""
    known = chosen & ~(np.isnan(edited) | np.isnan(unedited))
    parts, wholes = (np.where(known, d, 0).sum(axis=1) for d in (edited, unedited))
    return ends(ratio_interval(parts, wholes), MEAN)
