"""The tables of a report as data; ``ganbench.report.formats`` and ``ganbench.report.html`` write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ganbench.emotions import EMOTIONS
from ganbench.metrics import METRICS, MetricSpec
from ganbench.metrics.agreement import KAPPA
from ganbench.metrics.agreement import SPEC as AGREEMENT
from ganbench.metrics.gt_error import REGIONS
from ganbench.records import EXTRA, FACES, JUDGE, Record, Results
from ganbench.report.groups import group_tables, worst_groups_table
from ganbench.report.naming import in_order, specs, title_of
from ganbench.report.published import paper_table1
from ganbench.report.table import Cell, Column, Row, Table
from ganbench.report.ties import Gap, difference_of, known_ties
from ganbench.scoring import REAL, TRUTH
from ganbench.scoring.noise_seeds import DEVIATION, OVER_SEEDS, variant_of
from ganbench.scoring.probes import TRUE_INTENSITY
from ganbench.text import plural

# What captions say of intervals.
SIDES = "±, or + and -: to the ends of the 95 % interval."
AT_THIS_N = (
    "It is for the expected value at this number of images, and not for the distance of the populations: "
    "FED at a small number is mostly bias."
)

Item = tuple[str, str, str]
"""What a column shows: a metric, a variant and a heading."""

# The columns of Table 1 after the accuracies. The columns of ground truth show whether an edit that the
# judge accepts is near the true edit, and thus changes the expression.
QUALITY_COLUMNS: tuple[Item, ...] = (
    ("fed", "", "FED"),
    ("ere", "", "ERE"),
    ("background", "", "Background"),
)
GROUND_TRUTH_COLUMNS: tuple[Item, ...] = (
    ("gt_error", "", "Ground-truth error"),
    ("gain", "", "Gain"),
    ("gain", "parallel", "Parallel gain"),
)

FACE_COLUMNS: tuple[Item, ...] = (
    ("identity", "", "Identity"),
    ("hes", "", "HES"),
    ("identity", "found again", "Person found again"),
    ("identity", "euclidean", "Plain distance"),
    ("landmarks", "", "Landmark error"),
    ("landmarks", "nearer than the input", "Nearer than the input"),
    ("landmarks", "brows", "Brows"),
    ("landmarks", "mouth", "Mouth"),
    ("landmarks", "jaw", "Jaw"),
    ("landmarks", "change", "Change of landmarks"),
    ("found", "", "Face found"),
)


@dataclass(frozen=True)
class Tables:
    """The tables of a run; a table for which the run has no records is None.

    Attributes:
        main: Table 1: accuracy for each emotion, mean accuracy, then other metrics.
        paper: the published Table 1.
        differences: the value of each method minus that of the best method, on the same images.
        seeds: mean and standard deviation over the seeds of the noise.
        judges: accuracy by each of several judges, and the agreement of each with the first judge.
        gt_error: the distance to the true edits by region.
        codes: FED and ERE with each set of codes.
        faces: what the face networks say: the person, the shape, and whether there is a face.
        other: the metrics that are not in Table 1 and not in ``faces``.
        worst: the worst group of test images of each headline.
        groups: the headlines by group, a table for each property such as ``"pose"``; empty without groups.
    """

    main: Table
    paper: Table
    differences: Table | None
    seeds: Table | None
    judges: Table | None
    gt_error: Table | None
    faces: Table | None
    codes: Table | None
    other: Table | None
    worst: Table | None
    groups: dict[str, Table]


def make_tables(results: Results) -> Tables:
    """Make all tables of a run; the caption of each tells the protocol, but that of the published table."""

    def told(table: Table | None) -> Table | None:
        caption = f" Protocol: {results.protocol_name}."
        return table and replace(table, caption=table.caption + caption)

    main = told(table1(results))
    assert main is not None
    return Tables(
        main,
        paper_table1(),
        told(differences_table(results)),
        told(seeds_table(results)),
        told(judges_table(results)),
        told(gt_error_table(results)),
        told(faces_table(results)),
        told(codes_table(results)),
        told(other_table(results)),
        told(worst_groups_table(results)),
        {name: one for name, table in group_tables(results).items() if (one := told(table))},
    )


def table1(results: Results) -> Table:
    """Table 1: accuracy for each emotion, mean accuracy, then the recorded metrics of the other columns."""
    recorded = {(record.metric, record.variant) for record in results.records}
    others = [item for item in (*QUALITY_COLUMNS, *GROUND_TRUTH_COLUMNS) if item[:2] in recorded]
    accuracy = METRICS["accuracy"]
    columns = [Column.of(accuracy, emotion.capitalize(), arrow="") for emotion in EMOTIONS]
    columns += [Column.of(accuracy, "Mean")]
    columns += [
        replace(Column.of(METRICS[item[0]], item[2]), second=item in GROUND_TRUTH_COLUMNS)
        for item in others
    ]
    rows = []
    # Points of reference come with the true edits.
    beside = len(results.competing) < len(results.methods) and results.find(TRUTH, "accuracy")
    for name in [REAL, *in_order(results), *[TRUTH] * bool(beside)]:
        records = [results.find(name, "accuracy", emotion) for emotion in (*EMOTIONS, None)]
        records += [results.find(name, metric, variant=variant) for metric, variant, _ in others]
        rows.append(_row(results, name, records, columns))
    data, judge = results.protocol["data"], results.protocol["judge"]
    caption = (
        f"Accuracy (%, ↑) for each emotion; {plural(data['images'], 'test image')} of {data['name']} "
        f"at {data['size']} px, judge {judge['title']}."
    )
    if any(cell.sides is not None for row in rows for cell in row.cells):
        caption += f" {SIDES} {AT_THIS_N}"
    return Table(caption, tuple(columns), tuple(rows))


def other_table(results: Results) -> Table | None:
    """The recorded metrics that are in no table of their own: metrics of ganbench and of plug-ins."""
    in_table1 = {
        "accuracy",
        *(metric for metric, _, _ in (*QUALITY_COLUMNS, *GROUND_TRUTH_COLUMNS, *FACE_COLUMNS)),
    }
    items = [
        (name, "", spec.title) for name, spec in specs(results).items() if name not in in_table1
    ]
    names = [REAL, *in_order(results), TRUTH]
    linear = ("cls", TRUE_INTENSITY, "CLS, true intensity")
    if _has_value(results, linear, names):
        items.insert([name for name, _, _ in items].index("cls") + 1, linear)
    return _table(results, "Metrics that are not in Table 1.", items, names)


def codes_table(results: Results) -> Table | None:
    """FED and ERE with each set of codes."""
    items = [
        ("fed", "", "FED"),
        ("fed", "anchor", "FED, anchors"),
        ("fed", "noisy", "FED, noisy anchors"),
        ("fed", "uniform", "FED, uniform over Z"),
        ("ere", "", "ERE"),
        ("ere", "noisy", "ERE, noisy anchors"),
        ("ere", "uniform", "ERE, uniform over Z"),
    ]
    caption = (
        "FED and ERE of Table 1, and with other codes: the codes of the emotions (anchors), noisy "
        "anchors, or codes drawn uniformly from the conditional space Z."
    )
    if few := results.protocol.get("codes", {}).get("noisy and uniform"):
        caption += f" Noisy and uniform codes are for {few}."
    names = [*in_order(results), TRUTH]
    items = [item for item in items if _has_value(results, item, names)]
    return _table(results, caption, items, names)


def gt_error_table(results: Results) -> Table | None:
    """Judged accuracy beside the distance to the true edits by region."""
    if TRUTH not in results.confusion:
        return None
    titles = {"mouth": "Mouth", "eyes": "Eyes, brows", "face": "Rest of face", "head": "Hair, neck"}
    titles |= {"background": "Background", "all": "Whole image", "features": "Judge's features"}
    items = [("accuracy", "", "Judged accuracy")]
    for region in (*REGIONS, "features"):
        items.append(("gt_error", "" if region == "all" else region, titles[region]))
    caption = "Distance to the true edit by region; 0 is perfect, 1 is as good as doing nothing."
    names = [*in_order(results), TRUTH]
    items = [item for item in items if _has_value(results, item, names)]
    return _table(results, caption, items, names)


def faces_table(results: Results) -> Table | None:
    """What the face networks say: whether it is the same person and the right shape, and whether there is a face."""
    names = [REAL, *in_order(results), TRUTH]
    items = [item for item in FACE_COLUMNS if _has_value(results, item, names)]
    if not items:
        return None
    used = results.protocol.get(FACES, {}).get("images", "all")
    caption = (
        "Person and shape, by networks that others trained on photographs. The row of the true edits tells "
        "what a right edit gets, and its change of landmarks is the error of doing nothing."
    )
    if used != "all":
        caption += f" Values are for {used} images and their edits."
    return _table(results, caption, items, names)


def judges_table(results: Results) -> Table | None:
    """Accuracy by each judge, and the agreement of each extra judge with the first judge."""
    extra = results.protocol.get(EXTRA)
    if not extra:
        return None
    first = results.protocol["judge"]
    items = [("accuracy", "", f"Accuracy, {first['name']}")]
    for name in extra:
        for spec in (METRICS["accuracy"], AGREEMENT, KAPPA):
            items.append((spec.name, JUDGE + name, f"{spec.title}, {name}"))
    caption = (
        f"The same edits, judged by several judges: {first['title']}; "
        f"{'; '.join(judge['title'] for judge in extra.values())}. "
        f"Agreement (%) and {KAPPA.title} compare a judge with the first one."
    )
    return _table(results, caption, items, [REAL, *in_order(results), TRUTH])


def seeds_table(results: Results) -> Table | None:
    """Mean and standard deviation over the seeds of the noise, for methods that take noise."""
    names, items = in_order(results), []
    for metric, variant, title in (
        ("accuracy", "", "Mean accuracy"),
        *QUALITY_COLUMNS,
        *GROUND_TRUTH_COLUMNS,
    ):
        item = (metric, variant_of(variant, OVER_SEEDS), title)
        if _has_value(results, item, names):
            items.append((*item, variant_of(variant, DEVIATION)))
    if not items:
        return None
    rows, named_seeds = [], ""
    for name in names:
        cells = []
        for metric, variant, _, deviation_variant in items:
            mean = results.find(name, metric, variant=variant)
            deviation = results.find(name, metric, variant=deviation_variant)
            named_seeds = mean.note if mean else named_seeds
            if mean and deviation and deviation.value is not None:
                cells.append(Cell(mean.value, (deviation.value, deviation.value), mean.note))
            else:
                cells.append(Cell())
        if any(cell.value is not None for cell in cells):
            rows.append(Row(title_of(results, name), tuple(cells), competes=False))
    caption = (
        f"Mean ± standard deviation over the noise of {named_seeds}; n/a: the value does not depend on "
        "noise."
    )
    columns = [
        replace(Column.of(METRICS[m], title), direction="reported") for m, _, title, _ in items
    ]
    return Table(caption, tuple(columns), tuple(rows))


def differences_table(results: Results) -> Table | None:
    """Each method minus the best of each column, and which methods are ties with the best."""
    names = [name for name in in_order(results) if name in results.competing]
    chosen = [
        spec
        for spec in specs(results).values()
        if spec.direction != "reported"
        and any(difference_of(results, spec.name, a, b) for a in names for b in names)
    ]
    if not chosen:
        return None
    columns = tuple(Column.of(spec, spec.title, arrow="") for spec in chosen)
    ties = [known_ties(results, spec, names) for spec in chosen]
    rows = []
    for i, name in enumerate(names):
        cells = tuple(
            _gap_cell(_gap_to_best(results, spec, name, names), spec, of_column[i])
            for spec, of_column in zip(chosen, ties, strict=True)
        )
        rows.append(Row(title_of(results, name), cells))
    caption = (
        f"Each method minus the best of the column, on the same images. {SIDES} The intervals of a column "
        "hold together: with 95 % probability, those of all pairs of methods cover. Bold: ties, that is, "
        "no other method is shown to be better."
    )
    return Table(caption, columns, tuple(rows))


def _gap_cell(gap: Gap | None, spec: MetricSpec, tied: bool) -> Cell:
    if gap is None:
        return Cell(best=False)
    value, low, high = gap
    sides = None if low == high else (value - low, high - value)
    note = f"{low:+.{spec.digits}f} to {high:+.{spec.digits}f} (95 %)"
    return Cell(value, sides, note, best=tied)


def _gap_to_best(results: Results, spec: MetricSpec, name: str, names: Sequence[str]) -> Gap | None:
    records = {n: results.find(n, spec.name) for n in names}
    values = {n: r.value for n, r in records.items() if r and r.value is not None}
    if name not in values:
        return None
    best = (max if spec.direction == "higher" else min)(values, key=lambda n: values[n])
    return (0.0, 0.0, 0.0) if name == best else difference_of(results, spec.name, name, best)


def _table(
    results: Results, caption: str, items: Sequence[Item], names: Sequence[str]
) -> Table | None:
    """A table with a column for each item and a row for each name; None if nothing was recorded."""
    known = specs(results) | METRICS | {spec.name: spec for spec in (AGREEMENT, KAPPA)}
    columns = tuple(
        column_of(results, known[metric], variant, title) for metric, variant, title in items
    )
    rows = []
    for name in names:
        records = [results.find(name, metric, variant=variant) for metric, variant, _ in items]
        if any(records):
            rows.append(_row(results, name, records, columns))
    return Table(caption, columns, tuple(rows)) if rows else None


def column_of(results: Results, spec: MetricSpec, variant: str, title: str) -> Column:
    """The column of a reading, whose unit and direction may be others than those of the metric's headline."""
    record = next(
        (r for r in results.records if (r.metric, r.variant) == (spec.name, variant)), None
    )
    if record is None or not variant:
        return Column.of(spec, title)
    digits = 1 if record.unit == "%" else spec.digits
    arrow = replace(spec, direction=record.direction).arrow
    return Column(title, record.direction, digits, arrow)


def _has_value(results: Results, item: Item, names: Sequence[str]) -> bool:
    records = (results.find(name, item[0], variant=item[1]) for name in names)
    return any(record is not None and record.value is not None for record in records)


def _row(
    results: Results, name: str, records: Sequence[Record | None], columns: Sequence[Column]
) -> Row:
    cells = tuple(
        Cell.of(record, column.digits) for record, column in zip(records, columns, strict=True)
    )
    return Row(title_of(results, name), cells, name in results.competing, name)
