"""The tables of a report, as data. ``formats`` writes them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources

from ganbench import config
from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS, MetricSpec
from ganbench.metrics.gt_error import REGIONS
from ganbench.metrics.spec import Direction
from ganbench.records import MINUS, Record, Results
from ganbench.scoring import REAL, TRUTH
from ganbench.scoring.spread import DEVIATION, OVER_SEEDS, of
from ganbench.text import plural

# Rows of the paper's Table 1, then StarGAN-v2 of its figures; other methods follow as given.
ROWS: tuple[str, ...] = ("stargan", "linear", "gaussian", "ganimation", "smit", "stargan-v2")

# The columns of the main table after the accuracies: metric, variant, heading. Its second half asks
# whether what convinces the judge is an expression at all; another judge's verdict belongs there too.
FIRST: tuple[tuple[str, str, str], ...] = (
    ("fed", "", "FED"),
    ("ere", "", "ERE"),
    ("background", "", "Background"),
)
SECOND: tuple[tuple[str, str, str], ...] = (
    ("gt_error", "", "Ground-truth error"),
    ("gain", "", "Gain"),
    ("gain", "parallel", "Parallel gain"),
)


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether more is better, and the decimals shown.

    Attributes:
        second: whether it belongs to the table's second half.
    """

    title: str
    direction: Direction
    digits: int
    arrow: str = ""
    second: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its heading, and a value, or None, for each column.

    Attributes:
        competes: whether it may be best; real images and right answers are marks, not rivals.
        notes: for each column what to say beside the value: its interval, or why there is none.
        halves: for each column the distance from the value to the farther end of its interval, or
            None; empty where no value has an interval.
        ties: for each column whether it counts as best; empty where the values as shown decide.
    """

    title: str
    values: tuple[float | None, ...]
    competes: bool = True
    notes: tuple[str, ...] = ()
    halves: tuple[float | None, ...] = ()
    ties: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows and columns under a caption."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def cell(self, row: Row, column: int) -> str:
        """The value as shown; ``n/a`` where it does not exist."""
        value = row.values[column]
        return "n/a" if value is None else f"{value:z.{self.columns[column].digits}f}"

    def half(self, row: Row, column: int) -> str:
        """How uncertain the value is, as shown: ``±1.2``; empty where it has no interval."""
        half = row.halves[column] if row.halves else None
        return "" if half is None else f"±{half:.{self.columns[column].digits}f}"

    def is_best(self, row: Row, column: int) -> bool:
        """Whether no rival shows a better value, and some show a worse; shown ties share it."""
        if row.ties:
            return row.ties[column]
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
    """The labels of the methods in the order of Table 1, then the others as given.

    Several checkpoints of one method stand together, as given.
    """
    places = {name: place for place, name in enumerate(ROWS)}

    def place(label: str) -> int:  # results of earlier versions have registered names only
        return places.get(results.methods[label].get("method", label), len(ROWS))

    return sorted(results.methods, key=place)


def specs(results: Results) -> dict[str, MetricSpec]:
    """The definition of each metric that was recorded, as the results tell it, in their order.

    Raises:
        BadInput: a definition was changed by hand.
    """
    recorded = dict.fromkeys(record.metric for record in results.records)
    told = {
        name: config.build(MetricSpec, facts, f"metric {name!r} of the results")
        for name, facts in results.metrics.items()
    }
    return {name: (told | METRICS)[name] for name in recorded if name in told or name in METRICS}


def table1(results: Results) -> Table:
    """Table 1: accuracy for each emotion and their mean; then what else was recorded of it."""
    known = specs(results)
    recorded = {(record.metric, record.variant) for record in results.records}
    others = [item for item in (*FIRST, *SECOND) if item[:2] in recorded]
    accuracy = METRICS["accuracy"]
    columns = [column_of(accuracy, emotion.capitalize(), arrow="") for emotion in EMOTIONS]
    columns += [column_of(accuracy, "Mean")]
    columns += [
        replace(column_of(known[item[0]], item[2]), second=item in SECOND) for item in others
    ]
    rows = []
    for name in [REAL, *in_order(results)]:
        found = [results.find(name, "accuracy", emotion) for emotion in (*EMOTIONS, None)]
        found += [results.find(name, metric, variant=variant) for metric, variant, _ in others]
        rows.append(row_of(results, name, found, columns))
    data, judge = results.protocol["data"], results.protocol["judge"]
    caption = (
        f"Accuracy (%, ↑) for each emotion; {plural(data['images'], 'test image')} of {data['name']} "
        f"at {data['size']} px, judge {judge['title']}."
    )
    if any(half is not None for row in rows for half in row.halves):
        caption += " ±: to the farther end of the 95 % interval, over images."
    return Table(caption, tuple(columns), tuple(rows))


def further_table(results: Results) -> Table:
    """Every metric that was recorded and is not in Table 1: ours, and those of plug-ins."""
    shown = {"accuracy", *(metric for metric, _, _ in (*FIRST, *SECOND))}
    chosen = [spec for name, spec in specs(results).items() if name not in shown]
    columns = [column_of(spec, spec.title) for spec in chosen]
    rows = []
    for name in [REAL, *in_order(results), TRUTH]:
        found = [results.find(name, spec.name) for spec in chosen]
        if any(found):
            rows.append(row_of(results, name, found, columns))
    return Table("What else was recorded.", tuple(columns), tuple(rows))


def seeds_table(results: Results) -> Table:
    """Mean and standard deviation over the seeds of the noise, of methods that have any."""
    chosen = [("accuracy", "", "Mean accuracy"), *FIRST, *SECOND]
    known = specs(results)
    chosen = [item for item in chosen if item[0] in known]
    columns = [replace(column_of(known[m], title), direction="reported") for m, _, title in chosen]
    rows, seeds = [], ""
    for name in in_order(results):
        means, deviations = (
            [results.find(name, m, variant=of(variant, what)) for m, variant, _ in chosen]
            for what in (OVER_SEEDS, DEVIATION)
        )
        if any(means):
            seeds = next(r.note for r in means if r)
            row = row_of(results, name, means, columns)
            halves = tuple(None if r is None else r.value for r in deviations)
            rows.append(replace(row, halves=halves, competes=False))
    caption = f"Mean ± standard deviation over the noise of {seeds}; n/a: no noise moves it."
    return _dense(Table(caption, tuple(columns), tuple(rows)))


def differences_table(results: Results) -> Table:
    """How far each method is from the best of each column, paired over the images."""
    names = in_order(results)
    chosen = [
        spec
        for spec in specs(results).values()
        if spec.direction != "reported"
        and any(_minus(results, spec.name, a, b) for a in names for b in names)
    ]
    columns = [column_of(spec, spec.title, arrow="") for spec in chosen]
    gaps = {name: [_gap(results, spec, name, names) for spec in chosen] for name in names}
    rows = []
    for name, own in gaps.items():
        ties = tuple(gap is not None and gap[1] <= 0 <= gap[2] for gap in own)
        notes = tuple(
            "" if gap is None else f"{gap[1]:+.{c.digits}f} to {gap[2]:+.{c.digits}f} (95 %)"
            for gap, c in zip(own, columns, strict=True)
        )
        values = tuple(None if gap is None else gap[0] for gap in own)
        halves = tuple(
            None if gap is None or gap[1] == gap[2] else max(gap[0] - gap[1], gap[2] - gap[0])
            for gap in own
        )
        title = str(results.methods[name]["title"])
        rows.append(Row(title, values, notes=notes, halves=halves, ties=ties))
    caption = (
        "Each method minus the best of the column, on the same images; ±: to the farther end of the "
        "95 % interval of this one difference. Bold: the best, and what is not told apart from it."
    )
    return _dense(Table(caption, tuple(columns), tuple(rows)))


def _gap(
    results: Results, spec: MetricSpec, name: str, names: Sequence[str]
) -> tuple[float, float, float] | None:
    """A method minus the best under a metric, and the ends of its interval."""
    values = {
        n: r.value for n in names if (r := results.find(n, spec.name)) and r.value is not None
    }
    if name not in values:
        return None
    best = (max if spec.direction == "higher" else min)(values, key=lambda n: values[n])
    return (0.0, 0.0, 0.0) if name == best else _minus(results, spec.name, name, best)


def _minus(
    results: Results, metric: str, name: str, other: str
) -> tuple[float, float, float] | None:
    """The recorded difference of two methods, whichever of them was subtracted."""
    for sign, a, b in ((1, name, other), (-1, other, name)):
        r = results.find(a, metric, variant=MINUS + b)
        if r is not None and r.value is not None and r.low is not None and r.high is not None:
            low, high = sorted((sign * r.low, sign * r.high))
            return sign * r.value, low, high
    return None


def truth_table(results: Results) -> Table:
    """Judged accuracy beside truth by region; last what the right answers themselves get."""
    spec = METRICS["gt_error"]
    names = {"mouth": "Mouth", "eyes": "Eyes, brows", "face": "Rest of face", "head": "Hair, neck"}
    names |= {"background": "Background", "all": "Whole image", "features": "Judge's features"}
    columns = (
        column_of(METRICS["accuracy"], "Judged accuracy"),
        *(column_of(spec, names[region]) for region in (*REGIONS, "features")),
    )
    rows = []
    for name in [*in_order(results), TRUTH]:
        found = [results.find(name, "accuracy")]
        found += [
            results.find(name, "gt_error", variant="" if region == "all" else region)
            for region in (*REGIONS, "features")
        ]
        rows.append(row_of(results, name, found, columns))
    caption = "Distance to the rendered right answer; 0 is perfect, 1 is as good as doing nothing."
    return _dense(Table(caption, columns, tuple(rows)))


def variants_table(results: Results) -> Table:
    """FED and ERE with each set of codes, and the right answers as a mark."""
    fed, ere = METRICS["fed"], METRICS["ere"]
    columns = (
        column_of(fed, "FED"),
        column_of(fed, "FED, exact anchors"),
        column_of(fed, "FED, uniform over Z"),
        column_of(ere, "ERE"),
        column_of(ere, "ERE, noisy anchors"),
        column_of(ere, "ERE, uniform over Z"),
    )
    rows = []
    for name in [*in_order(results), TRUTH]:
        found = [results.find(name, "fed", variant=v) for v in ("", "anchor", "uniform")]
        found += [results.find(name, "ere", variant=v) for v in ("", "noisy", "uniform")]
        if any(found):
            rows.append(row_of(results, name, found, columns))
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
            halves=tuple(row.halves[i] for i in kept),
            ties=tuple(row.ties[i] for i in kept if row.ties),
        )
        for row in table.rows
    )
    return Table(table.caption, tuple(table.columns[i] for i in kept), tuple(rows))


def column_of(spec: MetricSpec, title: str, arrow: str | None = None) -> Column:
    """The column of a metric."""
    return Column(title, spec.direction, spec.digits, spec.arrow if arrow is None else arrow)


def row_of(
    results: Results, name: str, found: Sequence[Record | None], columns: Sequence[Column]
) -> Row:
    """The row of a method, of real images or of right answers: a record, or none, for each column."""
    marks = {REAL: "Real", TRUTH: "True edits"}
    return Row(
        title=marks.get(name) or str(results.methods[name]["title"]),
        values=tuple(None if record is None else record.value for record in found),
        competes=name not in marks,
        notes=tuple(_note(record, c.digits) for record, c in zip(found, columns, strict=True)),
        halves=tuple(_half(record) for record in found),
    )


def _half(record: Record | None) -> float | None:
    if record is None or record.value is None or record.low is None or record.high is None:
        return None
    return max(record.value - record.low, record.high - record.value)


def _note(record: Record | None, digits: int) -> str:
    if record is None:
        return ""
    if record.low is None or record.high is None:
        return record.note
    return (
        f"{record.low:.{digits}f} to {record.high:.{digits}f} {record.unit} "
        f"({record.interval}, n = {record.n})"
    )
