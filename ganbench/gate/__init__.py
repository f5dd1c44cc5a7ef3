"""The gate: whether one evaluation is worse than another, beyond noise and by more than a margin."""

from __future__ import annotations

from ganbench.gate.comparison import Comparison, Report, Run, compare, load
from ganbench.gate.predictions import PREDICTIONS, Predictions, to_npz
from ganbench.gate.tolerance import Tolerance, tolerances

__all__ = [
    "PREDICTIONS",
    "Comparison",
    "Predictions",
    "Report",
    "Run",
    "Tolerance",
    "compare",
    "load",
    "to_npz",
    "tolerances",
]
