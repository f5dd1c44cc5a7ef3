"""The metrics: pure functions of arrays, in float64, each with its definition beside it."""

from __future__ import annotations

from ganbench.metrics import accuracy as _accuracy
from ganbench.metrics import background as _background
from ganbench.metrics import calibration as _calibration
from ganbench.metrics import diversity as _diversity
from ganbench.metrics import ere as _ere
from ganbench.metrics import frechet as _frechet
from ganbench.metrics import gain as _gain
from ganbench.metrics import gt_error as _gt_error
from ganbench.metrics import input_similarity as _input_similarity
from ganbench.metrics import intensity as _intensity
from ganbench.metrics import kid as _kid
from ganbench.metrics import neighbour_confusion as _neighbour_confusion
from ganbench.metrics import precision_recall as _precision_recall
from ganbench.metrics import smoothness as _smoothness
from ganbench.metrics import units as _units
from ganbench.metrics.accuracy import cells, confusion, wilson
from ganbench.metrics.background import background_change
from ganbench.metrics.calibration import Calibration, calibration_interval, judge_calibration
from ganbench.metrics.diversity import noise_diversity
from ganbench.metrics.ere import ere_distance, softmax, total_variation
from ganbench.metrics.frechet import frechet_distance
from ganbench.metrics.gain import gt_gain, probability_gain
from ganbench.metrics.gt_error import feature_distances, gt_distances, relative_distance
from ganbench.metrics.input_similarity import cosine_similarity, deviations, similarity_statistic
from ganbench.metrics.intensity import intensity_response
from ganbench.metrics.intervals import (
    Influence,
    Interval,
    assign_groups,
    difference,
    frechet_statistic,
    jackknife,
    kernel_statistic,
    paired,
)
from ganbench.metrics.kid import kernel_distance
from ganbench.metrics.neighbour_confusion import neighbour_counts
from ganbench.metrics.precision_recall import PRDC, PRDCIntervals, prdc, prdc_intervals
from ganbench.metrics.sampling import ratio_interval, share_interval
from ganbench.metrics.smoothness import path_smoothness
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.units import unit_position, unit_response

# The definitions of our own; ``ganbench.scoring`` has what evaluations record.
METRICS: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        _accuracy.SPEC,
        _frechet.SPEC,
        _ere.SPEC,
        _background.SPEC,
        _gt_error.SPEC,
        _gain.SPEC,
        _neighbour_confusion.SPEC,
        _input_similarity.SPEC,
        _calibration.SPEC,
        _kid.SPEC,
        *_precision_recall.SPECS,
        _diversity.SPEC,
        _intensity.SPEC,
        _smoothness.SPEC,
        *_units.SPECS,
    )
}

__all__ = [
    "METRICS",
    "PRDC",
    "Calibration",
    "Influence",
    "Interval",
    "MetricSpec",
    "PRDCIntervals",
    "assign_groups",
    "background_change",
    "calibration_interval",
    "cells",
    "confusion",
    "cosine_similarity",
    "deviations",
    "difference",
    "ere_distance",
    "feature_distances",
    "frechet_distance",
    "frechet_statistic",
    "gt_distances",
    "gt_gain",
    "intensity_response",
    "jackknife",
    "judge_calibration",
    "kernel_distance",
    "kernel_statistic",
    "neighbour_counts",
    "noise_diversity",
    "paired",
    "path_smoothness",
    "prdc",
    "prdc_intervals",
    "probability_gain",
    "ratio_interval",
    "relative_distance",
    "share_interval",
    "similarity_statistic",
    "softmax",
    "total_variation",
    "unit_position",
    "unit_response",
    "wilson",
]
