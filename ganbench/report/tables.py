"""The tables of a report, as data. ``formats`` writes them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from importlib import resources

from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS, MetricSpec
from ganbench.metrics.truth import REGIONS
from ganbench.records import Direction, Record, Results
from ganbench.scoring import REAL, TRUTH

# Rows of the paper's Table 1, then StarGAN-v2 of its figures; other methods follow as given.
ROWS: tuple[str, ...] = ("stargan", "linear", "gaussian", "ganimation", "smit", "stargan-v2")


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether more is better, and the decimals shown."""

    title: str
    direction: Direction
    digits: int
    arrow: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its heading, and a value, or None, for each column.

    Attributes:
        competes: whether it may be best; real images and right answers are marks, not rivals.
        notes: for each column what to say beside the value: its interval, or why there is none.
    """

    title: str
    values: tuple[float | None, ...]
    competes: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows and columns under a caption."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def cell(self, row: Row, column: int) -> str:
        """The value as shown; ``n/a`` where it does not exist."""
        value = row.values[column]
        return "n/a" if value is None else f"{value:.{self.columns[column].digits}f}"

    def is_best(self, row: Row, column: int) -> bool:
        """Whether no rival shows a better value, and some show a worse; shown ties share it."""
        direction = self.columns[column].direction
        rivals = [r for r in self.rows if r.competes and r.values[column] is not None]
        if row not in rivals or direction == "reported":
            return False
        shown = [float(self.cell(r, column)) for r in rivals]
        best, worst = max(shown), min(shown)
        if direction == "lower":
            best, worst = worst, best
        return float(self.cell(row, column)) == best != worst


def in_order(results: Results) -> list[str]:
    """The methods in the order of Table 1, then the others as given."""
    first = [name for name in ROWS if name in results.methods]
    return first + [name for name in results.methods if name not in first]


def table1(results: Results) -> Table:
    """Table 1: accuracy for each emotion and their mean; then FED, ERE, background and truth."""
    others = [METRICS[name] for name in ("fed", "ere", "background", "truth")]
    accuracy = METRICS["accuracy"]
    columns = [_column(accuracy, emotion.capitalize(), arrow="") for emotion in EMOTIONS]
    columns += [_column(accuracy, "Mean"), *(_column(spec, spec.title) for spec in others)]
    rows = []
    for name in [REAL, *in_order(results)]:
        found = [results.find(name, "accuracy", emotion) for emotion in (*EMOTIONS, None)]
        found += [results.find(name, spec.name) for spec in others]
        rows.append(_row(results, name, found))
    data, judge = results.protocol["data"], results.protocol["judge"]
    caption = (
        f"Accuracy (%, ↑) for each emotion; {data['images']} test images of {data['name']} "
        f"at {data['size']} px, judge {judge['title']}."
    )
    return Table(caption, tuple(columns), tuple(rows))


def truth_table(results: Results) -> Table:
    """Judged accuracy beside truth by region; last what the right answers themselves get."""
    spec = METRICS["truth"]
    names = {"mouth": "Mouth", "eyes": "Eyes, brows", "face": "Rest of face", "head": "Hair, neck"}
    names |= {"background": "Background", "all": "Whole image", "features": "Judge's features"}
    columns = (
        _column(METRICS["accuracy"], "Judged accuracy"),
        *(_column(spec, names[region]) for region in (*REGIONS, "features")),
    )
    rows = []
    for name in [*in_order(results), TRUTH]:
        found = [results.find(name, "accuracy")]
        found += [
            results.find(name, "truth", variant="" if region == "all" else region)
            for region in (*REGIONS, "features")
        ]
        rows.append(_row(results, name, found))
    caption = "Distance to the rendered right answer; 0 is perfect, 1 is as good as doing nothing."
    return _dense(Table(caption, columns, tuple(rows)))


def variants_table(results: Results) -> Table:
    """FED and ERE with each set of codes, and the right answers as a mark."""
    fed, ere = METRICS["fed"], METRICS["ere"]
    columns = (
        _column(fed, "FED"),
        _column(fed, "FED, exact anchors"),
        _column(fed, "FED, uniform over Z"),
        _column(ere, "ERE"),
        _column(ere, "ERE, noisy anchors"),
        _column(ere, "ERE, uniform over Z"),
    )
    rows = []
    for name in [*in_order(results), TRUTH]:
        found = [results.find(name, "fed", variant=v) for v in ("", "exact", "space")]
        found += [results.find(name, "ere", variant=v) for v in ("", "near", "space")]
        if any(found):
            rows.append(_row(results, name, found))
    return _dense(Table("FED and ERE by the codes that were used.", columns, tuple(rows)))


def paper_table1() -> Table:
    """The published Table 1, with the mean of each row; other data, judge and weights than ours."""
    text = resources.files("ganbench.report").joinpath("paper_table1.toml").read_text("utf-8")
    paper = tomllib.loads(text)
    names = [*(name.capitalize() for name in paper["columns"]), "Mean"]
    columns = tuple(Column(name, "reported", 1) for name in names)
    rows = tuple(
        Row(title, (*values, sum(values) / len(values)), competes=False)
        for title, values in paper["rows"].items()
    )
    caption = (
        f"{paper['title']}: accuracy ({paper['unit']}) on {paper['data']}; judge: {paper['judge']}. "
        "Another data set, judge and weights: not comparable with ours."
    )
    return Table(caption, columns, rows)


def _dense(table: Table) -> Table:
    """The table without columns that have no value in any row."""
    kept = [
        i for i in range(len(table.columns)) if any(row.values[i] is not None for row in table.rows)
    ]
    rows = (
        replace(
            row,
            values=tuple(row.values[i] for i in kept),
            notes=tuple(row.notes[i] for i in kept),
        )
        for row in table.rows
    )
    return Table(table.caption, tuple(table.columns[i] for i in kept), tuple(rows))


def _column(spec: MetricSpec, title: str, arrow: str | None = None) -> Column:
    return Column(title, spec.direction, spec.digits, spec.arrow if arrow is None else arrow)


def _row(results: Results, name: str, found: list[Record | None]) -> Row:
    marks = {REAL: "Real", TRUTH: "True edits"}
    return Row(
        title=marks.get(name) or str(results.methods[name]["title"]),
        values=tuple(None if record is None else record.value for record in found),
        competes=name not in marks,
        notes=tuple(_note(record) for record in found),
    )


def _note(record: Record | None) -> str:
    if record is None:
        return ""
    if record.low is None or record.high is None:
        return record.note
    return (
        f"{record.low:.1f} to {record.high:.1f} {record.unit} ({record.interval}, n = {record.n})"
    )
