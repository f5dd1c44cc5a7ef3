"""Tables of headlines by subgroup of the test images, and of the worst group of each headline."""

from __future__ import annotations

from ganbench.metrics import MetricSpec
from ganbench.records import Record, Results, group_variant
from ganbench.report.naming import in_order, specs, title_of
from ganbench.report.table import Cell, Column, Row, Table
from ganbench.scoring import REAL, TRUTH
from ganbench.text import plural

# Marks a group whose interval lies on the worse side of the value over all images.
CLEARLY = "*"


def groups_of(results: Results) -> dict[str, dict[str, int]]:
    """The groups of each property in the order of the records, with their largest n."""
    found: dict[str, dict[str, int]] = {}
    for record in results.records:
        if record.group is not None:
            name, group = record.group
            counts = found.setdefault(name, {})
            counts[group] = max(counts.get(group, 0), record.n)
    return found


def group_tables(results: Results) -> dict[str, Table]:
    """For each property, such as ``"pose"``, a table with a row for each source and group."""
    return {
        name: _group_table(results, name, groups) for name, groups in groups_of(results).items()
    }


def _group_table(results: Results, name: str, groups: dict[str, int]) -> Table:
    shown = _specs_by_group(results)
    columns = tuple(Column.of(spec, spec.title) for spec in shown)
    rows = []
    for source in (REAL, *in_order(results), TRUTH):
        for group in groups:
            records = [_of(results, source, spec, name, group) for spec in shown]
            if any(records):
                cells = tuple(
                    Cell.of(record, column.digits)
                    for record, column in zip(records, columns, strict=True)
                )
                title = f"{title_of(results, source)}: {group}"
                rows.append(Row(title, cells, source in results.competing))
    caption = f"By {name} of the rendered face; ±, or + and -: to the ends of the 95 % interval."
    return Table(caption, columns, tuple(rows))


def worst_groups_table(results: Results) -> Table | None:
    """The worst group of each headline of each method; None if the data know no groups."""
    groups = groups_of(results)
    shown = [spec for spec in _specs_by_group(results) if spec.direction != "reported"]
    if not groups or not shown:
        return None
    columns = tuple(Column.of(spec, spec.title) for spec in shown)
    rows = tuple(
        Row(
            title_of(results, source),
            tuple(_worst(results, source, spec, groups) for spec in shown),
            competes=False,
        )
        for source in (REAL, *in_order(results), TRUTH)
        if any(_worst(results, source, spec, groups).value is not None for spec in shown)
    )
    count = sum(map(len, groups.values()))
    caption = (
        f"The worst of {plural(count, 'group')} by {', '.join(groups)}, and its value. Some group is always the worst; "
        f"{CLEARLY}: its 95 % interval lies on the worse side of the method's value over all images, "
        "which happens to a few groups by chance."
    )
    return Table(caption, columns, rows)


def _worst(
    results: Results, source: str, spec: MetricSpec, groups: dict[str, dict[str, int]]
) -> Cell:
    """The cell that names the worst group of a source under a metric."""
    records = [
        record
        for name, of_name in groups.items()
        for group in of_name
        if (record := _of(results, source, spec, name, group)) is not None
        and record.value is not None
    ]
    if not records:
        return Cell()
    higher = spec.direction == "higher"
    values = [r.value for r in records if r.value is not None]
    worst = records[values.index(min(values) if higher else max(values))]
    if len(set(values)) == 1:
        return Cell(worst.value, best=False, text="all groups")
    whole = results.find(source, spec.name)
    mark = ""
    if whole and whole.value is not None and worst.low is not None and worst.high is not None:
        beyond = worst.high < whole.value if higher else worst.low > whole.value
        mark = f" {CLEARLY}" if beyond else ""
    assert worst.group is not None
    name, group = worst.group
    note = Cell.of(worst, spec.digits).note
    return Cell(worst.value, note=note, best=False, text=f"{name}: {group}{mark}")


def _specs_by_group(results: Results) -> list[MetricSpec]:
    """The metrics that have values by group."""
    known = {record.metric for record in results.records if record.group is not None}
    return [spec for name, spec in specs(results).items() if name in known]


def _of(results: Results, source: str, spec: MetricSpec, name: str, group: str) -> Record | None:
    return results.find(source, spec.name, variant=group_variant(name, group))
