"""The metrics: pure functions of arrays, in float64, each with its definition beside it."""

from __future__ import annotations

from ganbench.metrics import accuracy as _accuracy
from ganbench.metrics import background as _background
from ganbench.metrics import calibration as _calibration
from ganbench.metrics import diversity as _diversity
from ganbench.metrics import ere as _ere
from ganbench.metrics import frechet as _frechet
from ganbench.metrics import gain as _gain
from ganbench.metrics import identity as _identity
from ganbench.metrics import intensity as _intensity
from ganbench.metrics import kid as _kid
from ganbench.metrics import neighbours as _neighbours
from ganbench.metrics import smoothness as _smoothness
from ganbench.metrics import structural as _structural
from ganbench.metrics import truth as _truth
from ganbench.metrics import units as _units
from ganbench.metrics.accuracy import cells, confusion, wilson
from ganbench.metrics.background import background_change
from ganbench.metrics.calibration import Calibration, calibration_interval, judge_calibration
from ganbench.metrics.diversity import noise_diversity
from ganbench.metrics.ere import ere_distance, softmax, total_variation
from ganbench.metrics.frechet import frechet_distance
from ganbench.metrics.gain import probability_gain, truth_gain
from ganbench.metrics.identity import deviations, identity_similarity, identity_statistic
from ganbench.metrics.intensity import intensity_response
from ganbench.metrics.intervals import (
    Interval,
    Moves,
    assign_groups,
    difference,
    frechet_statistic,
    jackknife,
    kernel_statistic,
    paired,
)
from ganbench.metrics.kid import kernel_distance
from ganbench.metrics.neighbours import PRDC, PRDCIntervals, prdc, prdc_intervals
from ganbench.metrics.sampling import ratio_interval, share_interval
from ganbench.metrics.smoothness import path_smoothness
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.structural import structural_confusion
from ganbench.metrics.truth import feature_distances, relative_distance, truth_distances
from ganbench.metrics.units import unit_position, unit_response

# The definitions of our own; ``ganbench.scoring`` has what evaluations record.
METRICS: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        _accuracy.SPEC,
        _frechet.SPEC,
        _ere.SPEC,
        _background.SPEC,
        _truth.SPEC,
        _gain.SPEC,
        _structural.SPEC,
        _identity.SPEC,
        _calibration.SPEC,
        _kid.SPEC,
        *_neighbours.SPECS,
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
    "Interval",
    "MetricSpec",
    "Moves",
    "PRDCIntervals",
    "assign_groups",
    "background_change",
    "calibration_interval",
    "cells",
    "confusion",
    "deviations",
    "difference",
    "ere_distance",
    "feature_distances",
    "frechet_distance",
    "frechet_statistic",
    "identity_similarity",
    "identity_statistic",
    "intensity_response",
    "jackknife",
    "judge_calibration",
    "kernel_distance",
    "kernel_statistic",
    "noise_diversity",
    "paired",
    "path_smoothness",
    "prdc",
    "prdc_intervals",
    "probability_gain",
    "ratio_interval",
    "relative_distance",
    "share_interval",
    "softmax",
    "structural_confusion",
    "total_variation",
    "truth_distances",
    "truth_gain",
    "unit_position",
    "unit_response",
    "wilson",
]
