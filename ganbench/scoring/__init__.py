"""From the arrays of the pass to records: the metrics that an evaluation can record.

A metric is a class that says what it records and how; ours are registered in the entry-point group
``ganbench.metrics`` as a third party's would be. The formulas are in ``ganbench.metrics``.
"""

from __future__ import annotations

from ganbench.scoring.choice import DEFAULT, choose, score
from ganbench.scoring.interface import (
    ANCHOR,
    NOISY,
    REAL,
    TRUTH,
    Metric,
    MetricInputs,
    Probe,
    record,
)
from ganbench.scoring.intervals import ends

__all__ = [
    "ANCHOR",
    "DEFAULT",
    "NOISY",
    "REAL",
    "TRUTH",
    "Metric",
    "MetricInputs",
    "Probe",
    "choose",
    "ends",
    "record",
    "score",
]
