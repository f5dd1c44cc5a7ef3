"""The metrics that an evaluation can record: they turn the arrays of finished jobs into records.

A metric is a class that is registered in the entry-point group ``ganbench.metrics``; a package of a
third party registers its metrics in the same way. The formulas are in ``ganbench.metrics``.
"""

from __future__ import annotations

from ganbench.scoring.interface import (
    ANCHOR,
    NOISY,
    REAL,
    TRUTH,
    FaceArrays,
    Metric,
    MetricInputs,
    Probe,
    record,
)
from ganbench.scoring.intervals import ends
from ganbench.scoring.selection import DEFAULT, score, select_metrics

__all__ = [
    "ANCHOR",
    "DEFAULT",
    "NOISY",
    "REAL",
    "TRUTH",
    "FaceArrays",
    "Metric",
    "MetricInputs",
    "Probe",
    "ends",
    "record",
    "score",
    "select_metrics",
]
