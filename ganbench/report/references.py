"""What the points of reference win: which metrics reward doing nothing, another person, or the true edit."""

from __future__ import annotations

from ganbench.metrics import MetricSpec
from ganbench.records import REFERENCE, Results
from ganbench.report.naming import in_order, specs, title_of
from ganbench.scoring import TRUTH


def won(results: Results) -> dict[str, list[MetricSpec]]:
    """The metrics whose headline a point of reference wins, by its label.

    It wins where its value is better than that of every competing method with as many edits. The points are
    the methods that compete with no other, and the true edits; points without values are left out.
    """
    points = [name for name in in_order(results) if results.methods[name].get(REFERENCE)]
    found: dict[str, list[MetricSpec]] = {}
    for point in [*points, TRUTH]:
        for spec in specs(results).values():
            if (wins := _wins(results, point, spec)) is not None:
                found.setdefault(point, []).extend([spec] * wins)
    return found


def _wins(results: Results, point: str, spec: MetricSpec) -> bool | None:
    """Whether a point is better than every competing method; None where there is nothing to compare."""
    own = results.find(point, spec.name)
    if spec.direction == "reported" or own is None or own.value is None:
        return None
    records = (results.find(name, spec.name) for name in results.competing)
    values = [r.value for r in records if r and r.value is not None and r.n == own.n]
    if not values:
        return None
    return bool(own.value > max(values) if spec.direction == "higher" else own.value < min(values))


def told(results: Results) -> list[str]:
    """``won`` in words: a sentence for each point of reference."""
    return [
        f"{title_of(results, point)}: better than every method in "
        f"{', '.join(spec.title for spec in metrics) or 'no metric'}."
        for point, metrics in won(results).items()
    ]
