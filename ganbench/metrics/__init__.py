"""The metrics: pure functions of arrays that compute in float64, each with its definition beside it."""

from __future__ import annotations

from ganbench.metrics import (
    accuracy,
    background,
    calibration,
    diversity,
    ere,
    frechet,
    gain,
    gt_error,
    hes,
    identity,
    input_similarity,
    kid,
    landmarks,
    neighbour_confusion,
    paths,
    precision_recall,
    units,
)
from ganbench.metrics.accuracy import binomial_ends, cells, confusion
from ganbench.metrics.background import background_change
from ganbench.metrics.calibration import Calibration, calibration_interval, judge_calibration
from ganbench.metrics.diversity import noise_diversity
from ganbench.metrics.ere import ere_distance, softmax, total_variation
from ganbench.metrics.frechet import frechet_distance, frechet_interval
from ganbench.metrics.gain import gt_gain, probability_gain
from ganbench.metrics.gt_error import feature_distances, gt_distances, relative_distance
from ganbench.metrics.hes import harmonic_score
from ganbench.metrics.identity import fit_whitening, found_again, whitened
from ganbench.metrics.input_similarity import cosine_similarity, deviations, similarity_influence
from ganbench.metrics.intervals import Influence, Interval, difference, paired, skewed_interval
from ganbench.metrics.kid import kernel_distance, kernel_interval
from ganbench.metrics.landmarks import nearer, part_distances
from ganbench.metrics.multiple import rank_ranges, simultaneous_differences, tied_with_best
from ganbench.metrics.neighbour_confusion import neighbour_counts
from ganbench.metrics.paths import control_linearity, intensity_response, path_smoothness
from ganbench.metrics.precision_recall import PRDC, PRDCIntervals, prdc, prdc_intervals
from ganbench.metrics.sampling import ratio_interval, share_interval
from ganbench.metrics.spec import MetricSpec
from ganbench.metrics.strata import strata_of, variance_counted
from ganbench.metrics.units import unit_position, unit_response

# The metrics of this package by name; ``ganbench.scoring`` has those that evaluations record.
METRICS: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        accuracy.SPEC,
        frechet.SPEC,
        ere.SPEC,
        background.SPEC,
        gt_error.SPEC,
        gain.SPEC,
        neighbour_confusion.SPEC,
        input_similarity.SPEC,
        identity.SPEC,
        hes.SPEC,
        landmarks.SPEC,
        landmarks.FOUND,
        calibration.SPEC,
        kid.SPEC,
        *precision_recall.SPECS,
        diversity.SPEC,
        paths.INTENSITY,
        paths.LINEARITY,
        paths.SMOOTHNESS,
        *units.SPECS,
    )
}

# The metrics whose numbers depend on the networks of ``ganbench.faces_in_photos``.
OF_FACES: tuple[str, ...] = tuple(
    spec.name for spec in (identity.SPEC, hes.SPEC, landmarks.SPEC, landmarks.FOUND)
)

__all__ = [
    "METRICS",
    "OF_FACES",
    "PRDC",
    "Calibration",
    "Influence",
    "Interval",
    "MetricSpec",
    "PRDCIntervals",
    "background_change",
    "binomial_ends",
    "calibration_interval",
    "cells",
    "confusion",
    "control_linearity",
    "cosine_similarity",
    "deviations",
    "difference",
    "ere_distance",
    "feature_distances",
    "fit_whitening",
    "found_again",
    "frechet_distance",
    "frechet_interval",
    "gt_distances",
    "gt_gain",
    "harmonic_score",
    "intensity_response",
    "judge_calibration",
    "kernel_distance",
    "kernel_interval",
    "nearer",
    "neighbour_counts",
    "noise_diversity",
    "paired",
    "part_distances",
    "path_smoothness",
    "prdc",
    "prdc_intervals",
    "probability_gain",
    "rank_ranges",
    "ratio_interval",
    "relative_distance",
    "share_interval",
    "similarity_influence",
    "simultaneous_differences",
    "skewed_interval",
    "softmax",
    "strata_of",
    "tied_with_best",
    "total_variation",
    "unit_position",
    "unit_response",
    "variance_counted",
    "whitened",
]
