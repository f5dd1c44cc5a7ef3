"""The table of a run with several judges."""

from __future__ import annotations

from ganbench.metrics import METRICS
from ganbench.metrics.agreement import KAPPA, SPEC
from ganbench.records import EXTRA, JUDGE, Results
from ganbench.report.tables import Table, column_of, in_order, row_of
from ganbench.scoring import REAL, TRUTH


def judges_table(results: Results) -> Table | None:
    """Accuracy by each judge, and how far the others agree with the first; None with one judge."""
    extra = results.protocol.get(EXTRA)
    if not extra:
        return None
    first, accuracy = results.protocol["judge"], METRICS["accuracy"]
    shown = [(column_of(accuracy, f"Accuracy, {first['name']}"), "accuracy", "")]
    for name in extra:
        for spec in (accuracy, SPEC, KAPPA):
            shown.append((column_of(spec, f"{spec.title}, {name}"), spec.name, JUDGE + name))
    columns, rows = tuple(column for column, *_ in shown), []
    for maker in (REAL, *in_order(results), TRUTH):
        found = [results.find(maker, metric, variant=variant) for _, metric, variant in shown]
        if any(found):
            rows.append(row_of(results, maker, found, columns))
    caption = (
        f"The same edits by several judges: {first['title']}; "
        f"{'; '.join(judge['title'] for judge in extra.values())}. "
        f"Agreement (%) and {KAPPA.title} are with the first."
    )
    return Table(caption, columns, tuple(rows))
