"""The verdict of a run in words: which method leads in what, and which methods are tied."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from ganbench.metrics import MetricSpec
from ganbench.records import Results
from ganbench.report.naming import in_order, specs, title_of
from ganbench.report.ties import ties_of

# The headlines of Table 1 of which more, or less, is better.
ASKED = ("accuracy", "fed", "ere", "background", "gt_error")


def verdict(results: Results) -> list[str]:
    """A sentence for each headline of Table 1 whose methods can be compared, the best method first.

    Methods are tied where no other method is shown to be better: the intervals of the paired differences
    of all pairs hold together with 95 % probability, as in the table of differences.
    """
    known, names = specs(results), in_order(results)
    sentences = []
    for metric in ASKED:
        if metric in known and (ties := ties_of(results, known[metric], names)) is not None:
            best = [name for name, tied in zip(names, ties, strict=True) if tied]
            sentences.append(_sentence(results, known[metric], best, len(names)))
    return sentences


def _best_first(results: Results, spec: MetricSpec, names: Sequence[str]) -> list[str]:
    """Names by their values, those without a value last."""
    sign = -1 if spec.direction == "higher" else 1

    def key(name: str) -> float:
        record = results.find(name, spec.name)
        return inf if record is None or record.value is None else sign * record.value

    return sorted(names, key=key)


def _sentence(results: Results, spec: MetricSpec, best: Sequence[str], methods: int) -> str:
    told = []
    for name in _best_first(results, spec, best):
        record = results.find(name, spec.name)
        unit = " %" if spec.unit == "%" else ""
        value = (
            "n/a" if record is None or record.value is None else f"{record.value:.{spec.digits}f}"
        )
        told.append(f"{title_of(results, name)} ({value}{unit})")
    if len(best) == 1:
        return f"{spec.title} {spec.arrow}: {told[0]} leads."
    every = f"all {methods} methods are tied" if len(best) == methods > 2 else "tied at the top"
    listed = f"{', '.join(told[:-1])} and {told[-1]}"
    return f"{spec.title} {spec.arrow}: {every}: {listed}."
