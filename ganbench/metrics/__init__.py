"""The metrics: pure functions of arrays, in float64, each with its definition beside it."""

from __future__ import annotations

from ganbench.metrics import accuracy as _accuracy
from ganbench.metrics import background as _background
from ganbench.metrics import ere as _ere
from ganbench.metrics import frechet as _frechet
from ganbench.metrics import truth as _truth
from ganbench.metrics.accuracy import cells, confusion, wilson
from ganbench.metrics.background import background_change
from ganbench.metrics.ere import ere_distance, softmax, total_variation
from ganbench.metrics.frechet import frechet_distance
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.truth import feature_distances, relative_distance, truth_distances

METRICS: dict[str, MetricSpec] = {
    module.SPEC.name: module.SPEC for module in (_accuracy, _frechet, _ere, _background, _truth)
}

__all__ = [
    "METRICS",
    "MetricSpec",
    "background_change",
    "cells",
    "confusion",
    "ere_distance",
    "feature_distances",
    "frechet_distance",
    "relative_distance",
    "softmax",
    "total_variation",
    "truth_distances",
    "wilson",
]
